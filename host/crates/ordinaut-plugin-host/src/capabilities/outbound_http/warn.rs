//! Keeps a misbehaving guest from filling the operator's log with the same complaint.

use std::time::{Duration, Instant};

/// Lines that may follow each other at once.
const BURST: u32 = 5;
/// Time after which one more may be written.
const REFILL: Duration = Duration::from_secs(10);

/// A token bucket for log lines that counts what it held back.
#[derive(Debug)]
pub(super) struct WarnLimiter {
    tokens: u32,
    refilled: Instant,
    suppressed: u64,
}

impl WarnLimiter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            refilled: now,
            suppressed: 0,
        }
    }

    /// Whether a line may be written now, and if so, how many were held back since the last one.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        let periods = now.saturating_duration_since(self.refilled).as_secs() / REFILL.as_secs();
        if periods > 0 {
            let periods = u32::try_from(periods).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(periods).min(BURST);
            self.refilled = now;
        }
        if self.tokens == 0 {
            self.suppressed += 1;
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gives_a_few_lines_and_then_their_number() {
        let start = Instant::now();
        let mut limiter = WarnLimiter::new(start);
        let admitted = (0..1000).filter(|_| limiter.admit(start).is_some()).count();
        assert_eq!(admitted, BURST as usize);
        assert_eq!(limiter.admit(start + REFILL), Some(995));
        assert_eq!(limiter.admit(start + REFILL), None);
        assert_eq!(limiter.admit(start + REFILL * 100), Some(1));
    }
}
