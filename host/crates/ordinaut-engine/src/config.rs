//! What can be set about the engine, with the reasons for the defaults.

use std::time::Duration;

use ordinaut_domain::WorkerId;

/// Which parts of the engine this process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    pub scheduler: bool,
    pub worker: bool,
}

impl Roles {
    /// Both.
    pub const ALL: Self = Self {
        scheduler: true,
        worker: true,
    };
}

/// What becomes of a step whose tool no extension provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnregisteredTools {
    /// It fails, with `tool_not_found`.
    #[default]
    Fail,
    /// It is simulated, and marked so.
    Simulate,
}

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Names this process in leases and records; unique for each start.
    pub worker: WorkerId,
    /// Runs that execute at once.
    pub slots: usize,
    /// How long a lease lasts unless it is renewed, which happens three times in that time. A dead worker's runs are
    /// taken over after this long.
    pub lease_ttl: Duration,
    /// How long before it is due work is leased and held, so that the commit is paid before the due time.
    pub lease_early: Duration,
    /// How long before it is due an occurrence becomes a run. Must be well above `lease_early`.
    pub horizon: Duration,
    /// Tasks looked at in one pass of the scheduler.
    pub scheduler_batch: usize,
    /// How long a tool may take when neither step nor tool says.
    pub tool_timeout: Duration,
    /// Bytes of JSON that the results of one run may have together.
    pub output_max_bytes: usize,
    pub unregistered_tools: UnregisteredTools,
}

impl EngineConfig {
    /// The defaults for a worker of this name: two slots per core (steps mostly wait for something), four at least.
    pub fn new(worker: WorkerId) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            worker,
            slots: (2 * cores).max(4),
            lease_ttl: Duration::from_secs(15),
            lease_early: Duration::from_millis(250),
            horizon: Duration::from_secs(2),
            scheduler_batch: 500,
            tool_timeout: Duration::from_secs(30),
            output_max_bytes: 1024 * 1024,
            unregistered_tools: UnregisteredTools::Fail,
        }
    }
}
