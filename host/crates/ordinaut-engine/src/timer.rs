//! Time and chance, as the engine needs them: both come from outside, so that a test can set both.
//!
//! Two kinds of waiting are kept apart. Waiting *until an instant* follows the wall clock, also when somebody sets it:
//! schedules mean civil time. Waiting *for a duration* (timeouts, back-off) is monotonic: setting the clock must not
//! end a call that has only just begun.

use std::{
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::Clock;
pub use ordinaut_store::Entropy;
use ordinaut_store::Store;

/// A clock that one can wait on. The system's stands in the host; [`ManualTimer`](crate::testing::ManualTimer) is for
/// tests.
#[async_trait]
pub trait Timer: Clock {
    /// Returns once the clock shows `instant`, at once when it already does. An implementation re-reads the clock at
    /// least every 30 s, so that a clock that was set is noticed.
    async fn sleep_until(&self, instant: DateTime<Utc>);

    /// Returns after `duration`, whatever happens to the wall clock.
    async fn sleep(&self, duration: Duration);
}

/// Ten random bytes: what an id needs beside its instant.
pub(crate) fn id_bytes(entropy: &dyn Entropy) -> [u8; 10] {
    let mut bytes = [0; 10];
    entropy.fill(&mut bytes);
    bytes
}

/// A number uniform over all of `u64`.
pub(crate) fn random_u64(entropy: &dyn Entropy) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// `instant + duration`; a duration that does not fit counts as the longest that does.
pub(crate) fn after(instant: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| instant.checked_add_signed(delta))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// `instant − duration`, likewise.
pub(crate) fn before(instant: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| instant.checked_sub_signed(delta))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Database time, read off the local clock.
///
/// All due times and expiries are database time, and the local clock may be wrong by a minute. The difference is
/// measured now and then by a round trip; when the answer lies between the two local readings around it, the clocks
/// cannot be told apart and the difference is zero (with the embedded store it always is).
#[derive(Clone)]
pub(crate) struct DatabaseTime {
    timer: Arc<dyn Timer>,
    store: Arc<dyn Store>,
    /// Database time minus local time, in microseconds.
    offset_us: Arc<AtomicI64>,
}

impl DatabaseTime {
    pub(crate) fn new(timer: Arc<dyn Timer>, store: Arc<dyn Store>) -> Self {
        Self {
            timer,
            store,
            offset_us: Arc::new(AtomicI64::new(0)),
        }
    }

    /// Measures the difference again. When the store does not answer, the last one stays.
    pub(crate) async fn synchronise(&self) {
        let sent = self.timer.now();
        let Ok(answer) = self.store.now().await else { return };
        let received = self.timer.now();
        let offset = if answer < sent {
            answer - sent
        } else if answer > received {
            answer - received
        } else {
            TimeDelta::zero()
        };
        let offset_us = offset.num_microseconds().unwrap_or(0);
        let previous_us = self.offset_us.swap(offset_us, Ordering::Relaxed);
        if (offset_us - previous_us).abs() > 1_000_000 {
            tracing::warn!(
                offset_ms = offset_us / 1_000,
                "this machine's clock and the database's differ; due times follow the database"
            );
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.timer.now() + self.offset()
    }

    pub(crate) async fn sleep_until(&self, instant: DateTime<Utc>) {
        let local = instant.checked_sub_signed(self.offset()).unwrap_or(instant);
        self.timer.sleep_until(local).await;
    }

    fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(self.offset_us.load(Ordering::Relaxed))
    }
}
