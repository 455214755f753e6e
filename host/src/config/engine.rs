use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[engine]`: scheduler and workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Runs that this process works on at once; by default two per processor, at least 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<usize>,
    /// How long a lease lasts without being renewed, in seconds: how soon the work of a worker that died is taken
    /// over. Leases are renewed three times in that time.
    pub lease_ttl_seconds: u64,
    /// How many due tasks the scheduler takes in one transaction.
    pub scheduler_batch: usize,
    /// How long a tool may take when neither the step nor the tool says, in seconds.
    pub tool_timeout_seconds: u64,
    /// Bytes of JSON that the results of one run may have together.
    pub output_max_bytes: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            slots: None,
            lease_ttl_seconds: 15,
            scheduler_batch: 500,
            tool_timeout_seconds: 30,
            output_max_bytes: 1 << 20,
        }
    }
}

impl EngineConfig {
    pub(super) fn validate(&self, check: &mut Check) {
        if let Some(slots) = self.slots {
            check.range("engine.slots", slots, 1, 10_000);
        }
        check.range("engine.lease_ttl_seconds", self.lease_ttl_seconds, 2, 3_600);
        check.range("engine.scheduler_batch", self.scheduler_batch, 1, 10_000);
        check.range("engine.tool_timeout_seconds", self.tool_timeout_seconds, 1, 86_400);
        check.range("engine.output_max_bytes", self.output_max_bytes, 1 << 10, 64 << 20);
    }
}
