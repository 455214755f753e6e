//! A timer that is set by hand.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::Clock;
use tokio::sync::watch;

use crate::{Timer, timer::after};

/// Time that passes only when a test says so. Advancing it wakes whoever slept until then or earlier.
#[derive(Debug)]
pub struct ManualTimer {
    now: watch::Sender<DateTime<Utc>>,
    /// How many sleep until each instant.
    sleepers: watch::Sender<BTreeMap<DateTime<Utc>, usize>>,
}

impl ManualTimer {
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        Self {
            now: watch::Sender::new(now),
            sleepers: watch::Sender::new(BTreeMap::new()),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.now.send_modify(|now| *now = after(*now, duration));
    }

    /// Lets time pass until `instant`; time never goes back.
    pub fn advance_to(&self, instant: DateTime<Utc>) {
        self.now.send_modify(|now| *now = instant.max(*now));
    }

    /// Waits until somebody sleeps until exactly `instant`.
    pub async fn until_asleep_until(&self, instant: DateTime<Utc>) {
        self.until_sleepers(|sleepers| sleepers.contains_key(&instant)).await;
    }

    /// Waits until those who sleep satisfy `enough`: the number of sleepers by the instant until which they sleep.
    pub async fn until_sleepers(&self, enough: impl Fn(&BTreeMap<DateTime<Utc>, usize>) -> bool) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.sleepers.subscribe().wait_for(|sleepers| enough(sleepers)).await;
    }

    /// The earliest instant until which somebody sleeps.
    pub fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.sleepers.borrow().keys().next().copied()
    }
}

impl Clock for ManualTimer {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }
}

#[async_trait]
impl Timer for ManualTimer {
    async fn sleep_until(&self, instant: DateTime<Utc>) {
        let mut now = self.now.subscribe();
        if *now.borrow() >= instant {
            // Still a point at which others may run, as with a real timer.
            tokio::task::yield_now().await;
            return;
        }
        let _asleep = Asleep::until(instant, &self.sleepers);
        let _ = now.wait_for(|now| *now >= instant).await;
    }

    async fn sleep(&self, duration: Duration) {
        let instant = after(self.now(), duration);
        self.sleep_until(instant).await;
    }
}

/// Counts one sleeper, until it is dropped.
struct Asleep<'a> {
    instant: DateTime<Utc>,
    sleepers: &'a watch::Sender<BTreeMap<DateTime<Utc>, usize>>,
}

impl<'a> Asleep<'a> {
    fn until(instant: DateTime<Utc>, sleepers: &'a watch::Sender<BTreeMap<DateTime<Utc>, usize>>) -> Self {
        sleepers.send_modify(|all| *all.entry(instant).or_default() += 1);
        Self { instant, sleepers }
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.sleepers.send_modify(|all| {
            if let Some(count) = all.get_mut(&self.instant) {
                *count -= 1;
                if *count == 0 {
                    all.remove(&self.instant);
                }
            }
        });
    }
}
