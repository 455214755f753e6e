//! Waiting longer and longer for a store that does not answer.

use std::time::Duration;

/// Delays that double from attempt to attempt.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Long enough not to be a load, short enough not to be noticed.
    const FIRST: Duration = Duration::from_millis(100);
    /// A store that comes back is noticed this soon.
    const LONGEST: Duration = Duration::from_secs(5);

    pub(crate) const fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// The next delay.
    pub(crate) fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(Self::LONGEST);
        delay
    }

    /// After a success.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}
