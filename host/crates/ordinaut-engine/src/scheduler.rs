//! From due tasks to queued runs.
//!
//! The loop holds no timetable. It asks the store for tasks that are due within the horizon, lets the domain decide
//! about each inside the store's transaction, and sleeps until the next one comes within the horizon or a task was
//! changed. Any number of schedulers may do this at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ordinaut_domain::{
    DueTask, Plan, RunCause, RunId, TaskId,
    plan::{kind_of_skip, plan_due},
};
use ordinaut_store::{Entropy, Materialised, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    EngineMetrics, Timer,
    backoff::Backoff,
    health::HealthBoard,
    timer::{DatabaseTime, after, before, id_bytes},
};

/// The loop looks at the store at least this often, in case a notification was lost or a clock was set.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Passes are this far apart at least, unless a task was changed or a pass was full: with a great many schedules one
/// pass serves many of them.
const SLEEP_MIN: Duration = Duration::from_millis(50);

pub(crate) struct Scheduler {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) time: DatabaseTime,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) health: HealthBoard,
    pub(crate) metrics: Arc<EngineMetrics>,
    pub(crate) horizon: Duration,
    pub(crate) batch: usize,
}

impl Scheduler {
    /// Passes until told to stop. An error is noted and tried again; it never ends the loop.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut tasks = self.store.signals().tasks;
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            // Seen before looking: whatever changes from here on ends the wait below.
            tasks.borrow_and_update();
            let began_at = self.time.now();
            let until = match self.run_once().await {
                Ok(pass) if pass.tasks >= self.batch => continue,
                Ok(pass) => {
                    backoff.reset();
                    self.next_pass_at(&pass, began_at)
                }
                Err(error) => {
                    let delay = backoff.delay();
                    self.note_failure(&error, delay);
                    after(self.time.now(), delay)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Ok(()) = tasks.changed() => {}
                () = self.time.sleep_until(until) => {}
            }
        }
    }

    /// One pass over the tasks that are due within the horizon.
    pub(crate) async fn run_once(&self) -> Result<Materialised, StoreError> {
        let skips = Skips::default();
        let planner = |due: &DueTask| -> Plan {
            let mut new_id = || RunId::new(due.now, id_bytes(&*self.entropy));
            let plan = plan_due(due, after(due.now, self.horizon), &mut new_id);
            skips.note(due.task.id, &plan);
            plan
        };
        let began_at = self.timer.now();
        let pass = self.store.materialise_due(self.horizon, self.batch, &planner).await?;
        let took = (self.timer.now() - began_at).to_std().unwrap_or_default();
        self.metrics.passed(pass.queued, &skips.all(), took);
        if pass.tasks > 0 {
            tracing::debug!(
                tasks = pass.tasks,
                queued = pass.queued,
                skipped = pass.skipped,
                "scheduler pass"
            );
        }
        let now = self.timer.now();
        self.health.scheduler(|health| {
            health.last_pass_at = Some(now);
            health.next_due_at = pass.next_due;
            health.failures = 0;
            health.last_error = None;
        });
        Ok(pass)
    }

    /// When to look again after a pass: once the next task comes within the horizon.
    fn next_pass_at(&self, pass: &Materialised, began_at: DateTime<Utc>) -> DateTime<Utc> {
        let latest = after(began_at, SLEEP_MAX);
        let Some(next_due) = pass.next_due else { return latest };
        before(next_due, self.horizon)
            .max(after(began_at, SLEEP_MIN))
            .min(latest)
    }

    fn note_failure(&self, error: &StoreError, delay: Duration) {
        tracing::error!(%error, retry_in_ms = delay.as_millis() as u64, "a pass of the scheduler failed");
        self.metrics.pass_failed();
        self.health.scheduler(|health| {
            health.failures = health.failures.saturating_add(1);
            health.last_error = Some(error.to_string());
        });
    }
}

/// What the plans of a pass skip. A plan may be made again after a conflict; the last one of a task counts.
#[derive(Default)]
struct Skips(Mutex<HashMap<TaskId, Vec<(&'static str, RunCause)>>>);

impl Skips {
    fn note(&self, task: TaskId, plan: &Plan) {
        let skipped = plan
            .runs
            .iter()
            .filter_map(|run| Some((kind_of_skip(run.skipped.as_deref()?), run.cause)))
            .collect();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(task, skipped);
    }

    fn all(self) -> Vec<(&'static str, RunCause)> {
        let plans = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        plans.into_values().flatten().collect()
    }
}
