//! How a run that is under way is told to stop.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Why a run is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The lease is not held any more: nothing more may be written.
    LeaseLost,
    /// Somebody wants the run canceled.
    Canceled,
    /// The worker gives the run back.
    GivenBack(&'static str),
}

/// The string by which a run is held. Only the first interruption counts.
#[derive(Debug, Default)]
pub(crate) struct RunControl {
    cause: OnceLock<Interrupt>,
    pulled: CancellationToken,
}

impl RunControl {
    pub(crate) fn interrupt(&self, cause: Interrupt) {
        if self.cause.set(cause).is_ok() {
            self.pulled.cancel();
        }
    }

    /// Waits until the run is to stop. Safe to drop and to call again.
    pub(crate) async fn interrupted(&self) -> Interrupt {
        self.pulled.cancelled().await;
        // Set before the token was cancelled.
        self.cause.get().copied().unwrap_or(Interrupt::LeaseLost)
    }
}
