//! One attempt at a run: its steps in order, from the first that no earlier attempt has recorded.
//!
//! `steps.rs` goes through the pipeline and does not know how it may be interrupted. [`Executor::attempt`] races it
//! against the run's time limit and the worker's string, and turns whatever comes first into a settlement.
//!
//! Retries: a failure that may pass goes back to the queue by the task's policy, so that nobody waits for it. A step
//! with a `retry` of its own is governed by that alone: its calls are counted over all attempts of the run; delays up
//! to five seconds are waited for in place, longer ones in the queue.
//!
//! Tools whose effect is `once`: the intent is recorded before the call. Whoever finds an intent without a result, or
//! gets an error that leaves it open whether the tool acted, ends the step as `unknown` and does not call again.

mod ending;
mod events;
mod owners;
mod progress;
mod steps;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_domain::{
    AttemptOutcome, LeasedWork, RunError, RunState, StepRecord, StepState, Verdict, WorkerId, pipeline::Step,
};
use ordinaut_store::{Entropy, Settlement, Store};
use tracing::Instrument;

pub use self::ending::code;

use self::{
    ending::{Ending, Retry, abandoned_too_often},
    owners::Owners,
    progress::{Progress, UnderWay},
};
use crate::{
    EngineConfig, EngineMetrics, Timer, ToolGateway,
    timer::{DatabaseTime, after, random_u64},
    worker::control::{Interrupt, RunControl},
};

/// Executes runs.
pub(crate) struct Executor {
    store: Arc<dyn Store>,
    tools: Arc<ToolGateway>,
    timer: Arc<dyn Timer>,
    time: DatabaseTime,
    entropy: Arc<dyn Entropy>,
    owners: Owners,
    worker: WorkerId,
    output_max_bytes: usize,
    metrics: Arc<EngineMetrics>,
}

impl Executor {
    pub(crate) fn new(
        config: &EngineConfig,
        store: Arc<dyn Store>,
        tools: Arc<ToolGateway>,
        timer: Arc<dyn Timer>,
        time: DatabaseTime,
        entropy: Arc<dyn Entropy>,
        metrics: Arc<EngineMetrics>,
    ) -> Self {
        Self {
            owners: Owners::new(Arc::clone(&store)),
            store,
            tools,
            timer,
            time,
            entropy,
            worker: config.worker.clone(),
            output_max_bytes: config.output_max_bytes,
            metrics,
        }
    }

    /// Makes one attempt. None when the lease was lost: then nothing may be written.
    pub(crate) async fn attempt(&self, work: &LeasedWork, control: &RunControl) -> Option<Settlement> {
        let (run, task) = (&work.run, &work.task);
        let span = tracing::info_span!(
            "run", task = %task.id, run = %run.id, attempt = run.attempt, worker = %self.worker
        );
        async {
            let started_at = self.time.now();
            let late_ms = (started_at - run.run_at).num_milliseconds();
            tracing::info!(title = task.definition.title, late_ms, "run started");
            self.metrics.started(work, started_at);
            let mut progress = Progress::new(work, run_time(work, started_at));
            if let Some(ending) = abandoned_too_often(work) {
                return self.settlement(work, progress, Err(ending), started_at);
            }
            let limit = Duration::from_secs(task.definition.timeout_seconds);
            let ended = tokio::select! {
                biased;
                // First: a call that may take as long as the run must not end as if only the call had.
                () = self.timer.sleep(limit) => Err(Ending::TimedOut),
                ended = self.steps(work, &mut progress) => ended,
                cause = control.interrupted() => Err(Ending::Interrupted(cause)),
            };
            self.settlement(work, progress, ended, started_at)
        }
        .instrument(span)
        .await
    }

    /// The settlement of an attempt during which the engine itself failed.
    pub(crate) fn panicked(&self, work: &LeasedWork, started_at: DateTime<Utc>) -> Settlement {
        let error = RunError {
            step: None,
            code: code::INTERNAL.to_owned(),
            message: String::from("Ordinaut itself failed while it executed the run; its log says where"),
            retryable: true,
            details: None,
        };
        let finished_at = self.time.now();
        Settlement {
            lease: work.lease,
            verdict: self.after_failure(work, error, &Retry::ByTask, finished_at),
            outcome: AttemptOutcome::Failed,
            started_at,
            finished_at,
            steps: Vec::new(),
            simulated: work.run.simulated,
            events: Vec::new(),
        }
    }

    fn settlement(
        &self,
        work: &LeasedWork,
        mut progress: Progress,
        ended: Result<(), Ending>,
        started_at: DateTime<Utc>,
    ) -> Option<Settlement> {
        let finished_at = self.time.now();
        if let Err(ending) = &ended {
            self.close_step_under_way(work, &mut progress, ending, finished_at);
        }
        let (steps, events) = (
            std::mem::take(&mut progress.unrecorded),
            std::mem::take(&mut progress.events),
        );
        let simulated = progress.simulated;
        let (verdict, outcome) = match ended {
            Ok(()) => {
                let output = Some(progress.into_output());
                let verdict = Verdict::Finished {
                    state: RunState::Succeeded,
                    output,
                    error: None,
                };
                (verdict, AttemptOutcome::Succeeded)
            }
            Err(Ending::Failed { error, retry }) => (
                self.after_failure(work, error, &retry, finished_at),
                AttemptOutcome::Failed,
            ),
            Err(Ending::TimedOut) => {
                let error = Some(run_timeout(work));
                (
                    Verdict::Finished {
                        state: RunState::TimedOut,
                        output: None,
                        error,
                    },
                    AttemptOutcome::TimedOut,
                )
            }
            Err(Ending::Interrupted(Interrupt::Canceled)) => (
                Verdict::Finished {
                    state: RunState::Canceled,
                    output: None,
                    error: None,
                },
                AttemptOutcome::Canceled,
            ),
            Err(Ending::Interrupted(Interrupt::GivenBack(reason))) => (
                Verdict::Released {
                    reason: reason.to_owned(),
                },
                AttemptOutcome::Released,
            ),
            Err(Ending::Interrupted(Interrupt::LeaseLost)) => {
                tracing::warn!("run broken off: its lease is lost");
                return None;
            }
        };
        log_end(&verdict, started_at, finished_at);
        Some(Settlement {
            lease: work.lease,
            verdict,
            outcome,
            started_at,
            finished_at,
            steps,
            simulated,
            events,
        })
    }

    /// Another attempt, or the end.
    fn after_failure(&self, work: &LeasedWork, error: RunError, retry: &Retry, now: DateTime<Utc>) -> Verdict {
        let delay = match retry {
            Retry::Never => None,
            Retry::After(delay) => Some(*delay),
            Retry::ByTask if !error.retryable => None,
            Retry::ByTask => work
                .task
                .definition
                .retry
                .delay_after(work.run.attempt, random_u64(&*self.entropy)),
        };
        match delay {
            Some(delay) => Verdict::Retry {
                run_at: after(now, delay),
                error,
            },
            None => Verdict::Finished {
                state: RunState::Failed,
                output: None,
                error: Some(error),
            },
        }
    }

    /// Tells about the step during which an attempt ended. A run that is given back says nothing: whoever continues it
    /// finds a recorded intent or none.
    fn close_step_under_way(
        &self,
        work: &LeasedWork,
        progress: &mut Progress,
        ending: &Ending,
        finished_at: DateTime<Utc>,
    ) {
        let Some(UnderWay { mut record, once }) = progress.under_way.take() else {
            return;
        };
        let tool = record.uses.clone().unwrap_or_default();
        let why = match ending {
            Ending::TimedOut => "the run's time ran out",
            Ending::Interrupted(Interrupt::Canceled) => "the run was canceled",
            Ending::Failed { .. } => "the result could not be recorded",
            Ending::Interrupted(Interrupt::LeaseLost | Interrupt::GivenBack(_)) => return,
        };
        let error = if once {
            record.state = StepState::Unknown;
            ending::ambiguous(&record.step, &tool, why)
        } else {
            record.state = match ending {
                Ending::Interrupted(_) => StepState::Canceled,
                _ => StepState::Failed,
            };
            let code = match ending {
                Ending::TimedOut => code::RUN_TIMEOUT,
                Ending::Interrupted(_) => code::CANCELED,
                Ending::Failed { .. } => code::STORE,
            };
            let message = match ending {
                Ending::Interrupted(_) => format!(
                    "{why} while `{tool}` was being called: the step was broken off and has no result. The tool itself \
                     did not fail"
                ),
                _ => format!("{why} while `{tool}` was being called"),
            };
            ending::permanent(Some(&record.step), code, message)
        };
        record.result = None;
        record.error = Some(error);
        record.finished_at = Some(finished_at);
        self.count_step(&record, record.tries.saturating_sub(1));
        progress.events.push(self.step_event(work, &record, finished_at));
        progress.unrecorded.push(record);
    }

    /// A record of a step that begins now.
    fn record(work: &LeasedWork, step: &Step, index: usize, effect_key: String, now: DateTime<Utc>) -> StepRecord {
        StepRecord {
            run: work.run.id,
            step: step.id.clone(),
            index: index as u32,
            attempt: work.run.attempt,
            state: StepState::Started,
            uses: Some(step.uses.to_string()),
            tries: 0,
            input: None,
            result: None,
            error: None,
            simulated: false,
            effect_key,
            started_at: now,
            finished_at: None,
        }
    }
}

/// The run's `now`: when its first attempt began, so that it is the same on every attempt; but never before the
/// occurrence itself, since work is leased a little early.
fn run_time(work: &LeasedWork, attempt_started_at: DateTime<Utc>) -> DateTime<Utc> {
    work.run
        .started_at
        .unwrap_or(attempt_started_at)
        .max(work.run.scheduled_for)
}

fn run_timeout(work: &LeasedWork) -> RunError {
    let seconds = work.task.definition.timeout_seconds;
    let message = format!("the attempt took longer than the task's `timeout_seconds` ({seconds} s) allows");
    ending::permanent(None, code::RUN_TIMEOUT, message)
}

fn log_end(verdict: &Verdict, started_at: DateTime<Utc>, finished_at: DateTime<Utc>) {
    let took_ms = (finished_at - started_at).num_milliseconds();
    match verdict {
        Verdict::Finished { state, error: None, .. } => tracing::info!(state = state.as_str(), took_ms, "run ended"),
        Verdict::Finished {
            state,
            error: Some(error),
            ..
        } => tracing::info!(
            state = state.as_str(),
            took_ms,
            code = error.code,
            step = error.step,
            error = error.message,
            "run ended"
        ),
        Verdict::Retry { run_at, error } => tracing::info!(
            state = "retrying",
            took_ms,
            code = error.code,
            step = error.step,
            error = error.message,
            next_attempt_at = %run_at,
            "run ended"
        ),
        Verdict::Released { reason } => tracing::info!(state = "released", took_ms, reason, "run ended"),
    }
}
