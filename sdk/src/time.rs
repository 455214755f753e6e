//! The host's clock. In tests it is [`crate::testing::FakeHost`]'s, which moves only when something sleeps.

use std::time::Duration;

use crate::host;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    host::now_ms()
}

/// Waits. The wait counts against the call's wall-clock limit, not against its CPU limit.
pub fn sleep(duration: Duration) {
    host::sleep(duration);
}
