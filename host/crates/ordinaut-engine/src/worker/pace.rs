//! How much work to lease ahead of free slots.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Work is leased ahead for about this long: longer than a lease takes, short enough that nothing waits noticeably
/// behind a busy worker while another one is idle.
const AHEAD: Duration = Duration::from_millis(100);

/// Runs leased ahead, however short they are.
const AHEAD_MAX: u64 = 128;

/// Learns how long runs take. Long runs: nothing is leased ahead, so that none waits behind them. Short runs: enough
/// to keep the slots busy while the next batch is fetched.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Moving average in microseconds; 0 until the first run has ended.
    average_us: AtomicU64,
}

impl Pace {
    /// Takes note of a run that has ended. Recent ones count for an eighth.
    pub(crate) fn note(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let update = |average: u64| {
            Some(if average == 0 {
                took_us
            } else {
                average - average / 8 + took_us / 8
            })
        };
        // The closure always gives a value, so this cannot fail.
        let _ = self
            .average_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// How many runs to hold beside those that execute in `slots`.
    pub(crate) fn ahead(&self, slots: usize) -> usize {
        match self.average_us.load(Ordering::Relaxed) {
            0 => 0,
            average_us => {
                let per_slot = AHEAD.as_micros() as u64 / average_us;
                per_slot.saturating_mul(slots as u64).min(AHEAD_MAX) as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_are_leased_ahead_and_long_ones_are_not() {
        let pace = Pace::default();
        assert_eq!(pace.ahead(4), 0, "nothing is known yet");
        pace.note(Duration::from_millis(10));
        assert_eq!(pace.ahead(4), 40);
        for _ in 0..100 {
            pace.note(Duration::from_micros(5));
        }
        assert_eq!(pace.ahead(4), 128);
        pace.note(Duration::from_mins(1));
        assert_eq!(pace.ahead(4), 0);
    }
}
