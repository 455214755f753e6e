//! How fast an extension may publish: a bucket of events and one of bytes, both filled at a constant rate.
//!
//! The buckets belong to the extension's name, not to one of its versions: replacing the file does not fill them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::limits::Limits;

/// The buckets of all extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas(Arc<Mutex<HashMap<Arc<str>, Arc<PublishQuota>>>>);

impl Quotas {
    /// The buckets of one extension.
    pub(crate) fn of(&self, extension: &Arc<str>) -> Arc<PublishQuota> {
        lock(&self.0).entry(extension.clone()).or_default().clone()
    }
}

/// The buckets of one extension.
#[derive(Debug, Default)]
pub(crate) struct PublishQuota(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    events: Bucket,
    bytes: Bucket,
}

/// Why an event may not be published yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// The setting that it ran into.
    pub(crate) key: &'static str,
    /// What the setting says.
    pub(crate) per_second: u64,
    /// When it would be allowed.
    pub(crate) wait: Duration,
}

impl PublishQuota {
    /// Takes the place of one event with so many bytes, or says when there will be one. A refusal takes nothing.
    pub(crate) fn take(&self, now: Instant, limits: &Limits, bytes: u64) -> Result<(), TooFast> {
        let mut buckets = lock(&self.0);
        let refused = |key, per_second| move |wait| TooFast { key, per_second, wait };
        let events = buckets
            .events
            .after(now, 1, limits.events_per_second, limits.events_burst)
            .map_err(refused("events_per_second", limits.events_per_second))?;
        let bytes = buckets
            .bytes
            .after(now, bytes, limits.event_bytes_per_second, limits.event_bytes_burst)
            .map_err(refused("event_bytes_per_second", limits.event_bytes_per_second))?;
        *buckets = Buckets { events, bytes };
        Ok(())
    }
}

/// A bucket, as the time at which it will be full again (the generic cell rate algorithm): nothing has to fill it.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    full: Option<Instant>,
}

impl Bucket {
    /// The bucket after `amount` was taken from it, or how long until there is as much.
    fn after(self, now: Instant, amount: u64, per_second: u64, burst: u64) -> Result<Self, Duration> {
        let full = self.full.map_or(now, |full| full.max(now)) + time_for(amount, per_second);
        match full.checked_duration_since(now + time_for(burst, per_second)) {
            None | Some(Duration::ZERO) => Ok(Self { full: Some(full) }),
            Some(wait) => Err(wait),
        }
    }
}

/// How long it takes to pour in so much; at most a year, which keeps the arithmetic of instants within its range.
fn time_for(amount: u64, per_second: u64) -> Duration {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    let nanos = u128::from(amount) * 1_000_000_000 / u128::from(per_second.max(1));
    u64::try_from(nanos).map_or(YEAR, Duration::from_nanos).min(YEAR)
}

/// A panic while the lock was held cannot have left half a value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            events_per_second: 10,
            events_burst: 20,
            event_bytes_per_second: 1_000,
            event_bytes_burst: 5_000,
            ..Limits::default()
        }
    }

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let (quota, limits, start) = (PublishQuota::default(), limits(), Instant::now());
        let passed = (0..100).filter(|_| quota.take(start, &limits, 0).is_ok()).count();
        assert_eq!(passed, 20);
        let refused = quota.take(start, &limits, 0).unwrap_err();
        assert_eq!(
            (refused.key, refused.wait),
            ("events_per_second", Duration::from_millis(100))
        );
        let later = start + Duration::from_secs(1);
        let passed = (0..100).filter(|_| quota.take(later, &limits, 0).is_ok()).count();
        assert_eq!(passed, 10);
        let rested = start + Duration::from_mins(1);
        let passed = (0..100).filter(|_| quota.take(rested, &limits, 0).is_ok()).count();
        assert_eq!(passed, 20, "no more than a burst is saved up");
    }

    #[test]
    fn bytes_are_counted_too_and_a_refusal_takes_nothing() {
        let (quota, limits, start) = (PublishQuota::default(), limits(), Instant::now());
        assert_eq!(quota.take(start, &limits, 4_500), Ok(()));
        for _ in 0..50 {
            let refused = quota.take(start, &limits, 1_000).unwrap_err();
            assert_eq!(
                (refused.key, refused.wait),
                ("event_bytes_per_second", Duration::from_millis(500))
            );
        }
        assert_eq!(
            quota.take(start, &limits, 500),
            Ok(()),
            "what was refused cost no event either"
        );
    }

    #[test]
    fn each_extension_has_buckets_of_its_own_and_keeps_them() {
        let (quotas, limits, now) = (Quotas::default(), limits(), Instant::now());
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        while quotas.of(&one).take(now, &limits, 0).is_ok() {}
        assert!(quotas.of(&one).take(now, &limits, 0).is_err());
        assert!(quotas.of(&two).take(now, &limits, 0).is_ok());
    }
}
