//! What an extension does without being asked: its subscriptions, jobs and service, each in a task of its own that
//! belongs to one version of the extension.

mod backoff;
mod job;
mod service;
mod subscription;
mod text;

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    invoke::Runner,
    loader::Loaded,
    report::{JobReport, SubscriptionReport},
    stats::Stats,
};

/// How long a version waits for the one before.
const LETS_GO: Duration = Duration::from_mins(1);
/// Failures in a row after which a job or service is left alone.
const QUARANTINE_AFTER: u32 = 5;

/// The background work of one version.
pub(crate) struct Background {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What each task has.
#[derive(Clone)]
struct Context {
    runner: Runner,
    loaded: Arc<Loaded>,
    stats: Arc<Stats>,
    stop: CancellationToken,
    /// This process among the consumers of a group.
    consumer: Arc<str>,
    /// The tasks of the version before.
    before: Option<TaskTracker>,
}

impl Background {
    /// Starts everything that the version registered, once the version `before` has let go: no job runs twice at the
    /// same time, and no group is read by two versions.
    pub(crate) fn start(
        runner: &Runner,
        loaded: &Arc<Loaded>,
        stats: &Arc<Stats>,
        consumer: &Arc<str>,
        before: Option<&Self>,
    ) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let context = Context {
            runner: runner.clone(),
            loaded: loaded.clone(),
            stats: stats.clone(),
            stop: stop.clone(),
            consumer: consumer.clone(),
            before: before.map(|before| before.tasks.clone()),
        };
        describe(loaded, stats);
        for subscription in loaded.manifest.subscriptions.clone() {
            tasks.spawn(subscription::run(context.clone(), subscription));
        }
        for job in loaded.manifest.jobs.clone() {
            tasks.spawn(job::run(context.clone(), job));
        }
        if loaded.provides.service.is_some() {
            tasks.spawn(service::run(context));
        }
        tasks.close();
        Self { stop, tasks }
    }

    /// Begins nothing more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for what is under way.
    pub(crate) async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Says what there is to be done, before anything has been.
pub(crate) fn describe(loaded: &Loaded, stats: &Stats) {
    stats.replace_background(subscription_reports(loaded), job_reports(loaded));
}

impl Context {
    /// Waits for the version before, within reason.
    async fn turn(&self) {
        if let Some(before) = &self.before {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = before.wait() => {}
                () = tokio::time::sleep(LETS_GO) => {
                    let extension = &**self.loaded.name();
                    tracing::warn!(extension, "the version before is still at work in the background; not waiting any longer");
                }
            }
        }
    }

    /// Waits, but not beyond the end. Whether the time was waited out.
    async fn pause(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}

fn subscription_reports(loaded: &Loaded) -> Vec<SubscriptionReport> {
    let report = |subscription: &crate::manifest::Subscription| SubscriptionReport {
        name: subscription.name.clone(),
        topics: subscription.topics.iter().map(ToString::to_string).collect(),
        group: subscription::group(loaded.name(), &subscription.name),
        handled: 0,
        failed: 0,
        last_error: None,
    };
    loaded.manifest.subscriptions.iter().map(report).collect()
}

fn job_reports(loaded: &Loaded) -> Vec<JobReport> {
    let report = |name: &str, schedule: &str, timezone: Option<&str>| JobReport {
        name: name.to_owned(),
        schedule: schedule.to_owned(),
        timezone: timezone.map(str::to_owned),
        state: "waiting".to_owned(),
        next_run_at: None,
        last_run_at: None,
        runs: 0,
        failures: 0,
        last_error: None,
    };
    let jobs = loaded
        .manifest
        .jobs
        .iter()
        .map(|job| report(&job.name, job.schedule.as_str(), job.schedule.zone()));
    let service = loaded
        .provides
        .service
        .is_some()
        .then(|| report(service::NAME, "continuous", None));
    jobs.chain(service).collect()
}
