//! Where time comes from. The domain itself only ever takes instants as arguments; this trait is for those around it.

use chrono::{DateTime, Utc};

/// A source of the current time: the system's at the edge, a settable one in tests.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}
