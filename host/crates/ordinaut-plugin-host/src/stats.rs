//! What is counted about an extension, across its versions.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    error::{CallError, CallErrorKind},
    invoke::Answer,
    report::{Counters, JobReport, LastError, SubscriptionReport},
};

/// Counters and the last error of one extension.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counters: Counters,
    last_error: Option<LastError>,
    subscriptions: BTreeMap<String, SubscriptionReport>,
    jobs: BTreeMap<String, JobReport>,
}

impl Stats {
    /// Counts a call and how it ended.
    pub(crate) fn count<R>(&self, outcome: &Result<Answer<R>, CallError>) {
        self.count_call();
        if let Err(error) = outcome {
            self.count_error(error);
        }
    }

    /// Counts a call whose end is not known yet.
    pub(crate) fn count_call(&self) {
        self.lock().counters.calls += 1;
    }

    /// Counts and logs how a call ended.
    pub(crate) fn count_error(&self, error: &CallError) {
        // Being replaced is nobody's fault.
        if matches!(error.kind, CallErrorKind::NotReady { .. }) {
            return;
        }
        tracing::warn!(
            extension = error.extension,
            export = error.export,
            kind = error.kind.code(),
            stderr = error.stderr,
            backtrace = error.backtrace,
            "{error}"
        );
        let mut inner = self.lock();
        *inner.counters.errors.entry(error.kind.code().to_owned()).or_default() += 1;
        if matches!(error.kind, CallErrorKind::Trap { .. } | CallErrorKind::StackOverflow) {
            inner.counters.traps += 1;
        }
        inner.last_error = Some(LastError {
            kind: error.kind.code().to_owned(),
            message: error.to_string(),
            stderr: error.stderr.clone().map(Into::into),
            backtrace: error.backtrace.clone().map(Into::into),
        });
    }

    pub(crate) fn count_restart(&self) {
        self.lock().counters.restarts += 1;
    }

    /// Changes what is reported about a subscription.
    pub(crate) fn subscription(&self, name: &str, change: impl FnOnce(&mut SubscriptionReport)) {
        if let Some(report) = self.lock().subscriptions.get_mut(name) {
            change(report);
        }
    }

    /// Changes what is reported about a job.
    pub(crate) fn job(&self, name: &str, change: impl FnOnce(&mut JobReport)) {
        if let Some(report) = self.lock().jobs.get_mut(name) {
            change(report);
        }
    }

    /// A new version serves: its subscriptions and jobs are the ones that are reported.
    pub(crate) fn replace_background(&self, subscriptions: Vec<SubscriptionReport>, jobs: Vec<JobReport>) {
        let mut inner = self.lock();
        inner.subscriptions = subscriptions
            .into_iter()
            .map(|report| (report.name.clone(), report))
            .collect();
        inner.jobs = jobs.into_iter().map(|report| (report.name.clone(), report)).collect();
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.lock().last_error.clone()
    }

    pub(crate) fn subscriptions(&self) -> Vec<SubscriptionReport> {
        self.lock().subscriptions.values().cloned().collect()
    }

    pub(crate) fn jobs(&self) -> Vec<JobReport> {
        self.lock().jobs.values().cloned().collect()
    }

    /// A panic while the lock was held cannot have left half a value behind.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
