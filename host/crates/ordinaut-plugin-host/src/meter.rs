//! How much processor time a call has used.
//!
//! Epochs measure how long something runs, waiting included, so the time is taken where a guest's future is polled:
//! between two polls the guest waits, and that costs nothing.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::usage::Usage;

/// Stands in `polling_since` for "between two polls".
const IDLE: u64 = u64::MAX;

/// The budget of processor time of one call. Shared between the future's wrapper and the epoch callback, which run on
/// the same thread, one after the other; atomics only make that safe to write down.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    origin: Instant,
    budget: Duration,
    /// The budget is given anew in every window; `None` means once.
    window: Option<Duration>,
    /// Nanoseconds used in this window by polls that have ended.
    used: AtomicU64,
    /// When the present poll began, in nanoseconds since `origin`.
    polling_since: AtomicU64,
    window_began: AtomicU64,
    /// Where it is counted beyond this call.
    usage: Arc<Usage>,
}

impl CpuMeter {
    /// A budget for the whole call, or, with a window, one that is given anew in every window.
    pub(crate) fn new(budget: Duration, window: Option<Duration>, usage: Arc<Usage>) -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            budget,
            window,
            used: AtomicU64::new(0),
            polling_since: AtomicU64::new(IDLE),
            window_began: AtomicU64::new(0),
            usage,
        })
    }

    /// Whether the budget is used up. Asked at every epoch tick of the guest.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted_at(nanos(self.origin.elapsed()))
    }

    /// Runs a future and charges its polls.
    pub(crate) async fn charge<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let began = nanos(self.origin.elapsed());
            self.begin(began);
            let result = future.as_mut().poll(cx);
            let ended = nanos(self.origin.elapsed());
            self.end(ended);
            // Not what `end` charges: a window that begins meanwhile takes that back.
            self.usage.add_cpu(ended.saturating_sub(began));
            result
        })
        .await
    }

    fn begin(&self, now: u64) {
        self.polling_since.store(now, Relaxed);
    }

    fn end(&self, now: u64) {
        let since = self.polling_since.swap(IDLE, Relaxed);
        self.used.fetch_add(now.saturating_sub(since), Relaxed);
    }

    fn exhausted_at(&self, now: u64) -> bool {
        let polling = self.polling_since.load(Relaxed);
        if let Some(window) = self.window
            && now.saturating_sub(self.window_began.load(Relaxed)) > nanos(window)
        {
            self.window_began.store(now, Relaxed);
            self.used.store(0, Relaxed);
            if polling != IDLE {
                self.polling_since.store(now, Relaxed);
            }
            return false;
        }
        let current = if polling == IDLE {
            0
        } else {
            now.saturating_sub(polling)
        };
        self.used.load(Relaxed) + current > nanos(self.budget)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn only_the_time_between_begin_and_end_counts() {
        let meter = CpuMeter::new(Duration::from_millis(10), None, Arc::default());
        meter.begin(0);
        meter.end(4 * MS);
        assert!(!meter.exhausted_at(1_000 * MS));
        meter.begin(1_000 * MS);
        assert!(!meter.exhausted_at(1_006 * MS));
        assert!(meter.exhausted_at(1_007 * MS));
    }

    #[test]
    fn a_window_gives_the_budget_anew() {
        let meter = CpuMeter::new(
            Duration::from_millis(10),
            Some(Duration::from_millis(100)),
            Arc::default(),
        );
        meter.begin(0);
        assert!(meter.exhausted_at(11 * MS));
        assert!(!meter.exhausted_at(101 * MS), "a new window begins");
        assert!(!meter.exhausted_at(110 * MS));
        assert!(meter.exhausted_at(112 * MS));
    }

    #[tokio::test]
    async fn the_result_of_a_charged_future_is_kept() {
        let meter = CpuMeter::new(Duration::from_secs(1), None, Arc::default());
        assert_eq!(meter.charge(async { 7 }).await, 7);
        assert!(!meter.exhausted());
    }
}
