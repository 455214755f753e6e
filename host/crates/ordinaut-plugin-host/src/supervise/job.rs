//! One job: wait until it is due, run it, never twice at the same time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Context, QUARANTINE_AFTER,
    backoff::{backoff, random},
    text::{clip, said},
};
use crate::{invoke::job as invoke, manifest::Job};

/// The clock is asked again at least this often, in case it was set.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// Runs the job until the version ends, the schedule has no more occurrences, or it has failed too often.
pub(super) async fn run(context: Context, job: Job) {
    let extension = context.loaded.name().clone();
    let mut failures = 0_u32;
    context.turn().await;
    let Some(mut due) = next(&context, &job) else { return };
    loop {
        if !wait_until(&context, due).await {
            return;
        }
        context.stats.job(&job.name, |report| {
            "running".clone_into(&mut report.state);
            report.next_run_at = None;
        });
        let outcome = invoke::run_job(
            &context.runner,
            &context.loaded,
            &context.stats,
            &job,
            due,
            failures + 1,
        )
        .await;
        let failure = match outcome {
            Ok(Ok(message)) => {
                if let Some(message) = message {
                    let message = clip(&context.loaded, &message);
                    tracing::info!(extension = &*extension, job = job.name, "{message}");
                }
                None
            }
            Ok(Err(error)) => Some(said(&context.loaded, &error)),
            Err(error) => Some(error.to_string()),
        };
        let now = context.runner.services.inner.now();
        failures = if failure.is_some() { failures + 1 } else { 0 };
        context.stats.job(&job.name, |report| {
            report.last_run_at = Some(now);
            report.runs += 1;
            report.failures = failures;
            report.last_error.clone_from(&failure);
        });
        due = match failure {
            None => match next(&context, &job) {
                Some(due) => due,
                None => return,
            },
            Some(reason) if failures >= QUARANTINE_AFTER => {
                tracing::error!(
                    extension = &*extension,
                    job = job.name,
                    failures,
                    reason,
                    "a job failed too often and is left alone until the extension is reloaded"
                );
                context
                    .stats
                    .job(&job.name, |report| "quarantined".clone_into(&mut report.state));
                return;
            }
            Some(reason) => {
                let wait = backoff(failures, random());
                tracing::warn!(
                    extension = &*extension,
                    job = job.name,
                    failures,
                    reason,
                    ?wait,
                    "a job failed"
                );
                context.stats.count_restart();
                let due = now + wait;
                context.stats.job(&job.name, |report| {
                    "backing_off".clone_into(&mut report.state);
                    report.next_run_at = Some(due);
                });
                due
            }
        };
    }
}

/// The next time by the schedule, counted from now: what was missed is not made up for.
fn next(context: &Context, job: &Job) -> Option<DateTime<Utc>> {
    let due = job.schedule.next_after(context.runner.services.inner.now());
    let (state, due) = match due {
        Ok(Some(due)) => ("waiting", Some(due)),
        Ok(None) => ("finished", None),
        Err(error) => {
            tracing::error!(
                extension = &**context.loaded.name(),
                job = job.name,
                error,
                "a job has no next time"
            );
            ("finished", None)
        }
    };
    context.stats.job(&job.name, |report| {
        state.clone_into(&mut report.state);
        report.next_run_at = due;
    });
    due
}

/// Whether the time came before the end.
async fn wait_until(context: &Context, due: DateTime<Utc>) -> bool {
    loop {
        let left = (due - context.runner.services.inner.now()).to_std().unwrap_or_default();
        if left.is_zero() {
            return !context.stop.is_cancelled();
        }
        if !context.pause(left.min(LONGEST_SLEEP)).await {
            return false;
        }
    }
}
