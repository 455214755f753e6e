//! How long to wait after a failure.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Never longer, however many failures.
const LONGEST: Duration = Duration::from_mins(5);

/// Doubles with every failure in a row, from 1 s to 5 min, moved by up to a fifth in either direction so that many
/// that failed together do not come back together. `random` is any number.
pub(super) fn backoff(failures: u32, random: u8) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let base = doubled.min(LONGEST);
    base.mul_f64(0.8 + 0.4 * f64::from(random) / 255.0)
}

/// A random byte.
pub(super) fn random() -> u8 {
    crate::random::number().to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_is_bounded_and_spread() {
        let (low, high) = (|n| backoff(n, 0).as_millis(), |n| backoff(n, 255).as_millis());
        assert_eq!((low(1), high(1)), (800, 1_200));
        assert_eq!((low(4), high(4)), (6_400, 9_600));
        assert_eq!((low(9), high(9)), (204_800, 307_200));
        assert_eq!((low(10), high(40)), (240_000, 360_000));
        assert_eq!(high(u32::MAX), 360_000);
    }
}
