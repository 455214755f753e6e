//! One run of a job, and the run of a service.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_domain::CallOrigin;

use super::{CallSpec, Cpu, Limit, Runner};
use crate::{
    bindings::ordinaut::{background::types::Occurrence, types::types::Error as GuestError},
    error::{CallError, CallErrorKind},
    loader::Loaded,
    manifest::Job,
    state::Phase,
    stats::Stats,
};

/// A service has no end of its own; a deadline that is never reached keeps the arithmetic simple.
const FOR_EVER: Duration = Duration::from_hours(100 * 366 * 24);

/// Runs a job once. The inner result is the job's answer.
pub(crate) async fn run_job(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Stats,
    job: &Job,
    due: DateTime<Utc>,
    attempt: u32,
) -> Result<Result<Option<String>, GuestError>, CallError> {
    let export = format!("job {}", job.name);
    let limits = loaded.limits();
    let Some(jobs) = loaded.provides.jobs.clone() else {
        let kind = CallErrorKind::NotFound {
            what: "export ordinaut:background/job".to_owned(),
        };
        return Err(CallError::new(kind, loaded.name(), export));
    };
    let own = job.timeout_ms.map(u64::from).filter(|own| *own < limits.job_wall_ms);
    let wall = Limit {
        duration: Duration::from_millis(own.unwrap_or(limits.job_wall_ms)),
        key: if own.is_some() { "" } else { "job_wall_ms" },
    };
    let spec = CallSpec {
        export,
        entry: "job",
        origin: origin(loaded, &job.name, due),
        attempt,
        effect: None,
        hops: 0,
        wall,
        cpu: Cpu {
            budget: Duration::from_millis(limits.job_cpu_ms),
            window: None,
            key: "job_cpu_ms",
        },
        phase: Phase::Serving,
        ends_with_extension: false,
    };
    let occurrence = Occurrence {
        name: job.name.clone(),
        scheduled_for_ms: u64::try_from(due.timestamp_millis()).unwrap_or(0),
        attempt,
    };
    runner
        .run_in_place(loaded, stats, spec, move |store| {
            Box::pin(async move {
                let instance = jobs.instantiate_async(&mut *store).await?;
                instance
                    .ordinaut_background_job()
                    .call_run(&mut *store, &occurrence)
                    .await
            })
        })
        .await
}

/// Runs the service until it ends or the extension is replaced.
pub(crate) async fn run_service(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Stats,
    attempt: u32,
) -> Result<Result<(), GuestError>, CallError> {
    let limits = loaded.limits();
    let Some(service) = loaded.provides.service.clone() else {
        let kind = CallErrorKind::NotFound {
            what: "export ordinaut:background/service".to_owned(),
        };
        return Err(CallError::new(kind, loaded.name(), "service"));
    };
    let now = runner.services.inner.now();
    let spec = CallSpec {
        export: "service".to_owned(),
        entry: "service",
        origin: origin(loaded, "service", now),
        attempt,
        effect: None,
        hops: 0,
        wall: Limit {
            duration: FOR_EVER,
            key: "",
        },
        cpu: Cpu {
            budget: Duration::from_millis(limits.cpu_ms),
            window: Some(Duration::from_millis(limits.wall_ms)),
            key: "cpu_ms",
        },
        phase: Phase::Serving,
        ends_with_extension: true,
    };
    let _under_way = loaded.under_way.token();
    let outcome = runner
        .run(loaded.prepared.clone(), spec, move |store| {
            Box::pin(async move {
                let instance = service.instantiate_async(&mut *store).await?;
                instance.ordinaut_background_service().call_run(&mut *store).await
            })
        })
        .await;
    stats.count(&outcome);
    outcome.map(|answer| answer.result)
}

/// Background work has no caller: it acts under the extension's own identity.
fn origin(loaded: &Loaded, what: &str, at: DateTime<Utc>) -> CallOrigin {
    CallOrigin {
        request_id: format!("{}.{what}@{}", loaded.name(), at.timestamp_millis()),
        ..CallOrigin::default()
    }
}
