//! The service: run again whenever it ends, with growing delay.

use std::time::{Duration, Instant};

use super::{
    Context, QUARANTINE_AFTER,
    backoff::{backoff, random},
    text::said,
};
use crate::invoke::job as invoke;

/// Under this name it stands among the jobs.
pub(super) const NAME: &str = "service";
/// A service that ran this long was healthy: what failed before is forgotten.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// Keeps the service running until the version ends or it has failed too often.
pub(super) async fn run(context: Context) {
    let extension = context.loaded.name().clone();
    let mut failures = 0_u32;
    context.turn().await;
    while !context.stop.is_cancelled() {
        let began = context.runner.services.inner.now();
        context.stats.job(NAME, |report| {
            "running".clone_into(&mut report.state);
            report.last_run_at = Some(began);
            report.next_run_at = None;
            report.runs += 1;
        });
        let started = Instant::now();
        let outcome = invoke::run_service(&context.runner, &context.loaded, &context.stats, failures + 1).await;
        if context.stop.is_cancelled() {
            return;
        }
        let reason = match outcome {
            Ok(Ok(())) => "it returned".to_owned(),
            Ok(Err(error)) => said(&context.loaded, &error),
            Err(error) => error.to_string(),
        };
        failures = if started.elapsed() >= HEALTHY_AFTER {
            1
        } else {
            failures + 1
        };
        let quarantined = failures >= QUARANTINE_AFTER;
        let wait = backoff(failures, random());
        let now = context.runner.services.inner.now();
        context.stats.job(NAME, |report| {
            if quarantined { "quarantined" } else { "backing_off" }.clone_into(&mut report.state);
            report.failures = failures;
            report.last_error = Some(reason.clone());
            report.next_run_at = (!quarantined).then(|| now + wait);
        });
        if quarantined {
            tracing::error!(
                extension = &*extension,
                failures,
                reason,
                "a service ended too often and is left alone until the extension is reloaded"
            );
            return;
        }
        tracing::warn!(
            extension = &*extension,
            failures,
            reason,
            ?wait,
            "a service ended and will be run again"
        );
        context.stats.count_restart();
        context.pause(wait).await;
    }
}
