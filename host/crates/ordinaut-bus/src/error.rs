//! What can go wrong with events.

use ordinaut_domain::EventId;
use ordinaut_store::StoreError;

/// Why an operation on the bus did not happen.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A follower cannot begin after an event that is not in the log: it never was, or retention has removed it.
    #[error("the event {0} is not in the log any more: begin with the oldest or the next event instead")]
    UnknownEvent(EventId),
    /// The store has been closed; nothing more will come.
    #[error("the event log has been closed")]
    Closed,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of every operation on the bus.
pub type Result<T> = std::result::Result<T, BusError>;
