use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[pipeline]`: what pipelines may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineConfig {
    /// What happens to tools that no extension provides.
    pub unregistered_tools: UnregisteredTools,
}

/// What happens to tools that no extension provides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnregisteredTools {
    /// Tasks that use them are stored with a warning; the step fails if the tool is still missing when it runs.
    #[default]
    Warn,
    /// Tasks that use them are refused.
    Refuse,
    /// Tasks that use them are stored with a warning; the step's result is simulated and marked so.
    Simulate,
}
