//! The system's time and randomness: the only place that reads either. Everything else gets them as arguments.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};
use ordinaut_domain::Clock;
use ordinaut_engine::Timer;
use ordinaut_store::Entropy;

/// How long a sleep until an instant goes on before the clock is read again, so that a clock that was set is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place where the clock is read")]
    fn now(&self) -> DateTime<Utc> {
        // What is stored has microseconds; an answer must not show more than can be read back.
        Utc::now().trunc_subsecs(6)
    }
}

#[async_trait]
impl Timer for SystemClock {
    async fn sleep_until(&self, instant: DateTime<Utc>) {
        loop {
            let left = (instant - self.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the place where randomness is drawn")]
    fn fill(&self, out: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "without randomness no secret may be made: better to stop"
        )]
        getrandom::fill(out).expect("the operating system has random numbers");
    }
}

/// `N` random bytes.
pub(crate) fn random_array<const N: usize>(entropy: &(impl Entropy + ?Sized)) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
