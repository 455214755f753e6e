//! What the engine counts and measures. Every label has few values: states, causes, outcomes and codes of our own, and
//! tools up to [`TOOLS_MAX`].
//!
//! Whoever starts the engine enrols the metrics in a registry of its own; the engine itself knows none.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ordinaut_domain::{AttemptOutcome, LeasedWork, OverlapPolicy, RunCause, RunState, StepRecord, StepState, Verdict};
use ordinaut_store::Settlement;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

use crate::{EngineHealth, code};

/// Tools with a label value of their own; those that come later are `other`.
const TOOLS_MAX: usize = 200;

/// Upper bounds in seconds of the lag between due and started: from a millisecond, because that is what is promised.
const LAG_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Upper bounds in seconds of runs, which may take hours.
const RUN_SECONDS: &[f64] = &[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0,
];
/// Upper bounds in seconds of steps: few, because each tool has all of them.
const STEP_SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];
/// Upper bounds in seconds of transactions.
const WRITE_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Upper bounds of runs in one transaction.
const BATCH_RUNS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// See the module's documentation.
pub struct EngineMetrics {
    runs: IntCounterVec,
    run_duration: HistogramVec,
    lag: HistogramVec,
    attempts: IntCounterVec,
    faults: IntCounterVec,
    steps: IntCounterVec,
    step_duration: HistogramVec,
    step_retries: IntCounterVec,
    tools: ToolLabels,
    queued: IntCounter,
    skipped: IntCounterVec,
    passes: IntCounterVec,
    pass_duration: Histogram,
    last_pass: Gauge,
    next_due: Gauge,
    slots: IntGaugeVec,
    leases: IntGaugeVec,
    leases_lost: IntCounterVec,
    last_renewal: Gauge,
    settle_runs: Histogram,
    settle_duration: Histogram,
    roles: RoleGauges,
}

/// Which parts of the engine this process plays.
struct RoleGauges {
    scheduler: IntGauge,
    worker: IntGauge,
}

impl Default for EngineMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl EngineMetrics {
    /// Metrics that nobody reads yet.
    pub fn new() -> Self {
        let role = |name: &str| {
            let options = Opts::new(
                "ordinaut_role_active",
                "Whether this process plays this part of the engine.",
            );
            made(IntGauge::with_opts(options.const_label("role", name)))
        };
        Self {
            runs: counters(
                "ordinaut_runs_total",
                "Runs that this process brought to an end, and occurrences that it recorded as skipped.",
                &["state", "cause"],
            ),
            run_duration: histograms(
                "ordinaut_run_duration_seconds",
                "Time from the first start of a run to its end, retries included.",
                RUN_SECONDS,
                &["state"],
            ),
            lag: histograms(
                "ordinaut_schedule_lag_seconds",
                "Time from when a run was due, and its task let it begin, until it was started. First attempts only.",
                LAG_SECONDS,
                &["cause"],
            ),
            attempts: counters(
                "ordinaut_run_attempts_total",
                "Attempts that were settled, by outcome.",
                &["outcome"],
            ),
            faults: counters(
                "ordinaut_engine_faults_total",
                "Attempts that ended through a fault of Ordinaut and not of a tool.",
                &["code"],
            ),
            steps: counters(
                "ordinaut_steps_total",
                "Steps that ended, by tool and state.",
                &["tool", "state"],
            ),
            step_duration: histograms(
                "ordinaut_step_duration_seconds",
                "Time from the start of a step to its end, its own retries included.",
                STEP_SECONDS,
                &["tool"],
            ),
            step_retries: counters(
                "ordinaut_step_retries_total",
                "Calls of tools after the first one of a step.",
                &["tool"],
            ),
            tools: ToolLabels::default(),
            queued: made(IntCounter::new(
                "ordinaut_occurrences_queued_total",
                "Occurrences that the scheduler turned into queued runs.",
            )),
            skipped: counters(
                "ordinaut_missed_occurrences_total",
                "Occurrences that the scheduler recorded as skipped instead of running them.",
                &["reason"],
            ),
            passes: counters(
                "ordinaut_scheduler_passes_total",
                "Passes of the scheduler over the tasks that are due.",
                &["outcome"],
            ),
            pass_duration: histogram(
                "ordinaut_scheduler_pass_duration_seconds",
                "Time that a pass of the scheduler took.",
                WRITE_SECONDS,
            ),
            last_pass: made(Gauge::new(
                "ordinaut_scheduler_last_pass_timestamp_seconds",
                "When a pass of the scheduler last succeeded, in seconds since 1970; 0 before the first.",
            )),
            next_due: made(Gauge::new(
                "ordinaut_scheduler_next_due_timestamp_seconds",
                "When the next task is due as of the last pass, in seconds since 1970; 0 when none is.",
            )),
            slots: gauges(
                "ordinaut_worker_slots",
                "Runs that may execute at once in this process, by whether they do.",
                &["state"],
            ),
            leases: gauges("ordinaut_leases", "Leases that this process holds.", &["phase"]),
            leases_lost: counters(
                "ordinaut_leases_lost_total",
                "Leases of runs under way that were given to others, or could not be renewed in time.",
                &["reason"],
            ),
            last_renewal: made(Gauge::new(
                "ordinaut_leases_last_renewal_timestamp_seconds",
                "When leases were last renewed, in seconds since 1970; 0 before the first time.",
            )),
            settle_runs: histogram(
                "ordinaut_settle_batch_runs",
                "Ended runs that were written in one transaction.",
                BATCH_RUNS,
            ),
            settle_duration: histogram(
                "ordinaut_settle_duration_seconds",
                "Time that writing ended runs took, for each transaction.",
                WRITE_SECONDS,
            ),
            roles: RoleGauges {
                scheduler: role("scheduler"),
                worker: role("worker"),
            },
        }
        .with_zeros()
    }

    /// Enrols everything in a registry.
    ///
    /// # Errors
    /// When the registry has metrics of these names already.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        let all: [Box<dyn Collector>; 22] = [
            Box::new(self.runs.clone()),
            Box::new(self.run_duration.clone()),
            Box::new(self.lag.clone()),
            Box::new(self.attempts.clone()),
            Box::new(self.faults.clone()),
            Box::new(self.steps.clone()),
            Box::new(self.step_duration.clone()),
            Box::new(self.step_retries.clone()),
            Box::new(self.queued.clone()),
            Box::new(self.skipped.clone()),
            Box::new(self.passes.clone()),
            Box::new(self.pass_duration.clone()),
            Box::new(self.last_pass.clone()),
            Box::new(self.next_due.clone()),
            Box::new(self.slots.clone()),
            Box::new(self.leases.clone()),
            Box::new(self.leases_lost.clone()),
            Box::new(self.last_renewal.clone()),
            Box::new(self.settle_runs.clone()),
            Box::new(self.settle_duration.clone()),
            Box::new(self.roles.scheduler.clone()),
            Box::new(self.roles.worker.clone()),
        ];
        all.into_iter().try_for_each(|metric| registry.register(metric))
    }

    /// Sets what is read rather than counted. None when the engine has not begun.
    pub fn observe(&self, health: Option<&EngineHealth>) {
        let seconds = |at: Option<DateTime<Utc>>| at.map_or(0.0, |at| at.timestamp_micros() as f64 / 1e6);
        let scheduler = health.and_then(|health| health.scheduler.as_ref());
        self.roles.scheduler.set(i64::from(scheduler.is_some()));
        self.last_pass.set(seconds(scheduler.and_then(|s| s.last_pass_at)));
        self.next_due.set(seconds(scheduler.and_then(|s| s.next_due_at)));
        let worker = health.and_then(|health| health.worker.clone());
        self.roles.worker.set(i64::from(worker.is_some()));
        let worker = worker.unwrap_or_default();
        self.last_renewal.set(seconds(worker.last_renewal_at));
        let count = |gauges: &IntGaugeVec, label: &str, count: usize| {
            gauges
                .with_label_values(&[label])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        count(&self.slots, "busy", worker.busy);
        count(&self.slots, "free", worker.slots.saturating_sub(worker.busy));
        count(&self.leases, "executing", worker.busy);
        count(&self.leases, "settling", worker.settling);
        let waiting = worker.leased.saturating_sub(worker.busy + worker.settling);
        count(&self.leases, "waiting", waiting);
    }

    /// A first attempt begins.
    pub(crate) fn started(&self, work: &LeasedWork, at: DateTime<Utc>) {
        if let Some(due) = free_to_begin(work) {
            let lag = at.signed_duration_since(due).to_std().unwrap_or_default();
            let cause = self.lag.with_label_values(&[cause(work.run.cause)]);
            cause.observe(lag.as_secs_f64());
        }
    }

    /// An attempt has been written.
    pub(crate) fn settled(&self, settlement: &Settlement, facts: RunFacts) {
        let outcome = outcome(settlement.outcome);
        self.attempts.with_label_values(&[outcome]).inc();
        let error = match &settlement.verdict {
            Verdict::Finished { state, error, .. } => {
                self.runs.with_label_values(&[state.as_str(), cause(facts.cause)]).inc();
                let began = facts
                    .started_at
                    .unwrap_or(settlement.started_at)
                    .min(settlement.started_at);
                let took = settlement.finished_at.signed_duration_since(began);
                self.run_duration
                    .with_label_values(&[state.as_str()])
                    .observe(took.to_std().unwrap_or_default().as_secs_f64());
                error.as_ref()
            }
            Verdict::Retry { error, .. } => Some(error),
            Verdict::Released { .. } => None,
        };
        if let Some(code) = error.and_then(|error| fault(&error.code)) {
            self.faults.with_label_values(&[code]).inc();
        }
    }

    /// A step has ended. `provided` is whether its tool is there: names of tools that nobody provides are anybody's to
    /// invent, and share one label value.
    pub(crate) fn step(&self, record: &StepRecord, provided: bool, retries: u32) {
        let name = record.uses.as_deref().filter(|_| provided);
        self.tools.with(name, |tool| {
            self.steps.with_label_values(&[tool, step_state(record.state)]).inc();
            if record.state == StepState::Skipped {
                return;
            }
            if let Some(finished) = record.finished_at {
                let took = finished.signed_duration_since(record.started_at);
                self.step_duration
                    .with_label_values(&[tool])
                    .observe(took.to_std().unwrap_or_default().as_secs_f64());
            }
            self.step_retries.with_label_values(&[tool]).inc_by(u64::from(retries));
        });
    }

    /// A pass of the scheduler has succeeded.
    pub(crate) fn passed(&self, queued: usize, skipped: &[(&'static str, RunCause)], took: Duration) {
        self.passes.with_label_values(&["succeeded"]).inc();
        self.pass_duration.observe(took.as_secs_f64());
        self.queued.inc_by(queued as u64);
        for (reason, run_cause) in skipped {
            self.skipped.with_label_values(&[*reason]).inc();
            self.runs
                .with_label_values(&[RunState::Skipped.as_str(), cause(*run_cause)])
                .inc();
        }
    }

    /// A pass of the scheduler has failed.
    pub(crate) fn pass_failed(&self) {
        self.passes.with_label_values(&["failed"]).inc();
    }

    /// Leases were given to others.
    pub(crate) fn leases_taken(&self, count: usize) {
        self.leases_lost.with_label_values(&["taken"]).inc_by(count as u64);
    }

    /// Leases could not be renewed until they had run out.
    pub(crate) fn leases_lapsed(&self, count: usize) {
        self.leases_lost.with_label_values(&["lapsed"]).inc_by(count as u64);
    }

    /// Ended runs went through one transaction.
    pub(crate) fn settle_batch(&self, runs: usize, took: Duration) {
        self.settle_runs.observe(runs as f64);
        self.settle_duration.observe(took.as_secs_f64());
    }

    /// Series that are known beforehand exist from the start: a rate over one that appears later misses its beginning.
    fn with_zeros(self) -> Self {
        for run_cause in CAUSES {
            self.lag.with_label_values(&[cause(run_cause)]);
            for state in [
                RunState::Succeeded,
                RunState::Failed,
                RunState::Canceled,
                RunState::TimedOut,
                RunState::Skipped,
            ] {
                self.runs.with_label_values(&[state.as_str(), cause(run_cause)]);
            }
        }
        for state in [
            RunState::Succeeded,
            RunState::Failed,
            RunState::Canceled,
            RunState::TimedOut,
        ] {
            self.run_duration.with_label_values(&[state.as_str()]);
        }
        for settled in [
            AttemptOutcome::Succeeded,
            AttemptOutcome::Failed,
            AttemptOutcome::TimedOut,
            AttemptOutcome::Canceled,
            AttemptOutcome::Released,
        ] {
            self.attempts.with_label_values(&[outcome(settled)]);
        }
        for code in FAULTS {
            self.faults.with_label_values(&[code]);
        }
        for reason in ["missed", "overlap", "snoozed", "other"] {
            self.skipped.with_label_values(&[reason]);
        }
        for outcome in ["succeeded", "failed"] {
            self.passes.with_label_values(&[outcome]);
        }
        for reason in ["taken", "lapsed"] {
            self.leases_lost.with_label_values(&[reason]);
        }
        self
    }
}

/// What is known about a run when it is leased, for when it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunFacts {
    pub(crate) cause: RunCause,
    pub(crate) started_at: Option<DateTime<Utc>>,
}

impl RunFacts {
    pub(crate) fn of(work: &LeasedWork) -> Self {
        Self {
            cause: work.run.cause,
            started_at: work.run.started_at,
        }
    }
}

/// Since when nothing but Ordinaut held a first attempt up: it was due, and the run of its task before it was over.
/// None for later attempts, and where others with the same concurrency key may have been in its way.
fn free_to_begin(work: &LeasedWork) -> Option<DateTime<Utc>> {
    let definition = &work.task.definition;
    if work.run.attempt > 1 || definition.concurrency.is_some() {
        return None;
    }
    let before = work.task.last_run.as_ref().and_then(|last| last.finished_at);
    let turn = before.filter(|_| definition.overlap_policy != OverlapPolicy::Allow);
    Some(turn.map_or(work.run.run_at, |turn| turn.max(work.run.run_at)))
}

/// The label values of tools, which are bounded.
#[derive(Default)]
struct ToolLabels(RwLock<HashSet<String>>);

impl ToolLabels {
    fn with(&self, name: Option<&str>, note: impl FnOnce(&str)) {
        match name {
            None => note("unknown"),
            Some(name) if self.admits(name) => note(name),
            Some(_) => note("other"),
        }
    }

    fn admits(&self, name: &str) -> bool {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return true;
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.contains(name) || (names.len() < TOOLS_MAX && names.insert(name.to_owned()))
    }
}

const CAUSES: [RunCause; 6] = [
    RunCause::Schedule,
    RunCause::Manual,
    RunCause::Event,
    RunCause::Condition,
    RunCause::Backfill,
    RunCause::Retry,
];

/// Codes of errors for which Ordinaut is to blame.
const FAULTS: [&str; 3] = [code::STORE, code::ABANDONED, code::INTERNAL];

fn fault(code: &str) -> Option<&'static str> {
    FAULTS.into_iter().find(|fault| *fault == code)
}

const fn cause(cause: RunCause) -> &'static str {
    match cause {
        RunCause::Schedule => "schedule",
        RunCause::Manual => "manual",
        RunCause::Event => "event",
        RunCause::Condition => "condition",
        RunCause::Backfill => "backfill",
        RunCause::Retry => "retry",
    }
}

const fn outcome(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Succeeded => "succeeded",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::TimedOut => "timed_out",
        AttemptOutcome::Canceled => "canceled",
        AttemptOutcome::Released => "released",
        AttemptOutcome::Abandoned => "abandoned",
    }
}

const fn step_state(state: StepState) -> &'static str {
    match state {
        StepState::Started => "started",
        StepState::Succeeded => "succeeded",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
        StepState::Canceled => "canceled",
        StepState::Unknown => "unknown",
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    made(IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    made(IntGaugeVec::new(Opts::new(name, help), labels))
}

fn histograms(name: &str, help: &str, bounds: &[f64], labels: &[&str]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    made(HistogramVec::new(options, labels))
}

fn histogram(name: &str, help: &str, bounds: &[f64]) -> Histogram {
    made(Histogram::with_opts(
        HistogramOpts::new(name, help).buckets(bounds.to_vec()),
    ))
}

/// Names, labels and buckets above are constants.
fn made<T>(metric: prometheus::Result<T>) -> T {
    metric.expect("the metric is well-formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_metrics_are_enrolled_and_only_once() {
        let (metrics, registry) = (EngineMetrics::new(), Registry::new());
        metrics.register(&registry).unwrap();
        assert!(metrics.register(&registry).is_err());
        let named: HashSet<_> = registry
            .gather()
            .iter()
            .map(|family| family.name().to_owned())
            .collect();
        assert!(named.contains("ordinaut_schedule_lag_seconds"), "{named:?}");
    }

    #[test]
    fn tools_beyond_the_bound_share_one_label() {
        let labels = ToolLabels::default();
        let label = |name: Option<&str>| {
            let mut given = String::new();
            labels.with(name, |label| label.clone_into(&mut given));
            given
        };
        for n in 0..TOOLS_MAX {
            let tool = format!("a.t{n}");
            assert_eq!(label(Some(&tool)), tool);
        }
        assert_eq!(label(Some("a.more")), "other");
        assert_eq!(label(Some("a.t7")), "a.t7");
        assert_eq!(label(None), "unknown");
    }
}
