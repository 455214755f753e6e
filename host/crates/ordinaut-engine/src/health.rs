//! What the engine can say about how it is, for the health endpoint and for metrics.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// How the engine is. Instants are local time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineHealth {
    /// None when this process is no scheduler.
    pub scheduler: Option<SchedulerHealth>,
    /// None when this process is no worker.
    pub worker: Option<WorkerHealth>,
}

/// How the scheduler is. It sleeps 30 s at most: a last pass much older than that is a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchedulerHealth {
    /// When a pass last succeeded.
    pub last_pass_at: Option<DateTime<Utc>>,
    /// When the next task is due, as of that pass.
    pub next_due_at: Option<DateTime<Utc>>,
    /// Passes that failed since one succeeded.
    pub failures: u32,
    pub last_error: Option<String>,
}

/// How the worker is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerHealth {
    /// When the store last answered a request for work, also when there was none.
    pub last_lease_at: Option<DateTime<Utc>>,
    /// When leases were last renewed, which happens also when none is held.
    pub last_renewal_at: Option<DateTime<Utc>>,
    /// Runs that may execute at once.
    pub slots: usize,
    /// Runs that execute now.
    pub busy: usize,
    /// Runs leased in all: held until they are due, executing, or being settled.
    pub leased: usize,
    /// Runs of these that are over and being written.
    pub settling: usize,
    /// Requests for work or renewals that failed since one succeeded.
    pub failures: u32,
    pub last_error: Option<String>,
}

/// Where the loops note how they are.
#[derive(Clone, Default)]
pub(crate) struct HealthBoard(Arc<Mutex<EngineHealth>>);

impl HealthBoard {
    pub(crate) fn read(&self) -> EngineHealth {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn scheduler(&self, note: impl FnOnce(&mut SchedulerHealth)) {
        note(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .scheduler
                .get_or_insert_default(),
        );
    }

    pub(crate) fn worker(&self, note: impl FnOnce(&mut WorkerHealth)) {
        note(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .worker
                .get_or_insert_default(),
        );
    }
}
