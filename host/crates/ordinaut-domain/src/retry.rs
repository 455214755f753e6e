//! When a failed attempt is made again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// The most attempts after the first.
pub const MAX_RETRIES: u32 = 10;

/// The longest delay between attempts, in seconds: a day.
pub const MAX_BACKOFF_SECONDS: f64 = 86_400.0;

/// The names of the strategies, as in documents.
pub(crate) const STRATEGIES: [&str; 3] = ["exponential_jitter", "linear", "fixed"];

/// How the delay grows from attempt to attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackoffStrategy {
    /// `base · 2^(n−1)` up to `cap`, of which a random half to whole is taken, so that failures spread out.
    #[default]
    ExponentialJitter,
    /// `base · n` up to `cap`.
    Linear,
    /// `base`, always.
    Fixed,
}

/// How often and after which delays a failed run is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts after the first, 0 to 10.
    pub max_retries: u32,
    pub strategy: BackoffStrategy,
    /// Milliseconds.
    pub base_ms: u64,
    /// Milliseconds; no delay is longer.
    pub cap_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            strategy: BackoffStrategy::default(),
            base_ms: 1_000,
            cap_ms: 300_000,
        }
    }
}

impl RetryPolicy {
    /// The delay before the attempt that follows attempt number `failed` (counted from 1), or none when no attempt is
    /// left. `random` is uniform over all of `u64`.
    pub fn delay_after(&self, failed: u32, random: u64) -> Option<Duration> {
        if failed > self.max_retries {
            return None;
        }
        let step = match self.strategy {
            BackoffStrategy::Fixed => self.base_ms,
            BackoffStrategy::Linear => self.base_ms.saturating_mul(u64::from(failed)),
            BackoffStrategy::ExponentialJitter => {
                let factor = 1u64.checked_shl(failed.saturating_sub(1)).unwrap_or(u64::MAX);
                self.base_ms.saturating_mul(factor)
            }
        };
        let full = step.min(self.cap_ms);
        let millis = match self.strategy {
            BackoffStrategy::ExponentialJitter => {
                let half = full / 2;
                half + if full > half { random % (full - half + 1) } else { 0 }
            }
            _ => full,
        };
        Some(Duration::from_millis(millis))
    }
}

/// Seconds as authors write them, in milliseconds.
pub(crate) fn to_millis(seconds: f64) -> u64 {
    // A positive delay stays one: nothing waits for less than a millisecond.
    ((seconds * 1000.0).round() as u64).max(1)
}

/// Milliseconds as authors write them: in seconds, whole where they are whole.
pub(crate) fn to_seconds(millis: u64) -> Number {
    if millis.is_multiple_of(1000) {
        return Number::from(millis / 1000);
    }
    Number::from_f64(millis as f64 / 1000.0).unwrap_or_else(|| Number::from(millis / 1000))
}

/// A step's `retry` as its author writes it.
pub(crate) mod step_document {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Number;

    use super::{BackoffStrategy, RetryPolicy, to_millis, to_seconds};

    #[derive(Serialize, Deserialize)]
    struct Document {
        max_attempts: u32,
        backoff_strategy: BackoffStrategy,
        base_seconds: Number,
        cap_seconds: Number,
    }

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(retry: &Option<RetryPolicy>, serializer: S) -> Result<S::Ok, S::Error> {
        let document = retry.map(|policy| Document {
            max_attempts: policy.max_retries.saturating_add(1),
            backoff_strategy: policy.strategy,
            base_seconds: to_seconds(policy.base_ms),
            cap_seconds: to_seconds(policy.cap_ms),
        });
        document.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RetryPolicy>, D::Error> {
        let document = Option::<Document>::deserialize(deserializer)?;
        Ok(document.map(|document| RetryPolicy {
            max_retries: document.max_attempts.saturating_sub(1),
            strategy: document.backoff_strategy,
            base_ms: to_millis(document.base_seconds.as_f64().unwrap_or_default()),
            cap_ms: to_millis(document.cap_seconds.as_f64().unwrap_or_default()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_delays_double_up_to_the_cap_and_keep_at_least_half() {
        let policy = RetryPolicy {
            max_retries: 10,
            base_ms: 1_000,
            cap_ms: 5_000,
            ..RetryPolicy::default()
        };
        for (failed, full) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 5_000), (10, 5_000)] {
            for random in [0, 1, u64::MAX, 123_456_789] {
                let delay = policy.delay_after(failed, random).unwrap().as_millis();
                assert!((full / 2..=full).contains(&delay), "attempt {failed}: {delay} ms");
            }
        }
        assert_eq!(policy.delay_after(11, 0), None);
    }

    #[test]
    fn linear_and_fixed_delays_are_exact() {
        let linear = RetryPolicy {
            strategy: BackoffStrategy::Linear,
            ..RetryPolicy::default()
        };
        assert_eq!(linear.delay_after(3, 7), Some(Duration::from_secs(3)));
        let fixed = RetryPolicy {
            strategy: BackoffStrategy::Fixed,
            ..RetryPolicy::default()
        };
        assert_eq!(fixed.delay_after(3, 7), Some(Duration::from_secs(1)));
        assert_eq!(fixed.delay_after(4, 7), None);
    }
}
