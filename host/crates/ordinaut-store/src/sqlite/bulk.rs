//! Writes that may come in masses: events that are published, and the state of extensions.
//!
//! The writer serves its queue in order. Were hundreds of these to stand in it, a renewal would wait behind them all
//! until its leases are lost. So they queue up apart, and only a few at a time stand in the writer's queue.

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{SqliteStore, open::ACQUIRE_TIMEOUT};
use crate::error::{Result, StoreError};

/// How many stand in the writer's queue: one that writes, and one that follows without a pause.
const TURNS: usize = 2;

pub(super) fn turns() -> Semaphore {
    Semaphore::new(TURNS)
}

impl SqliteStore {
    /// Waits for a turn to queue up at the writer. Whoever has one keeps it until the write has ended.
    pub(super) async fn bulk_turn(&self) -> Result<SemaphorePermit<'_>> {
        timeout(ACQUIRE_TIMEOUT, self.bulk.acquire())
            .await
            .ok()
            .and_then(std::result::Result::ok)
            .ok_or_else(|| StoreError::Unavailable("too many writes wait for their turn".into()))
    }
}
