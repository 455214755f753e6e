//! Scheduler and worker without their loops: everything that is due is done, and then it is quiet.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use ordinaut_store::StoreError;

use crate::{EngineConfig, EngineParts, assembly::Assembly};

/// What [`drain`] has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Runs that the scheduler queued, those included that are not due yet.
    pub queued: usize,
    /// Occurrences that it recorded as skipped.
    pub skipped: usize,
    /// Attempts made.
    pub attempts: usize,
}

/// Lets scheduler and worker take turns until no task and no run is due at the present instant. Tools must answer
/// without time passing.
///
/// # Errors
/// Those of the store, while scheduling and leasing.
pub async fn drain(config: &EngineConfig, parts: &EngineParts) -> Result<Drained, StoreError> {
    /// Work leased at a time; as the worker does it.
    const BATCH: usize = 64;
    let assembly = Assembly::new(config.clone(), parts.clone());
    let scheduler = assembly.scheduler();
    let (worker, mut completer, _heartbeat) = assembly.worker();
    let mut done = Drained::default();
    loop {
        let pass = scheduler.run_once().await?;
        done.queued += pass.queued;
        done.skipped += pass.skipped;
        let batch = worker.lease(BATCH, Duration::ZERO).await?;
        if pass.tasks == 0 && batch.is_empty() {
            return Ok(done);
        }
        done.attempts += batch.len();
        join_all(
            batch
                .into_iter()
                .map(|(work, control)| Arc::clone(&worker).carry(work, control)),
        )
        .await;
        completer.flush().await;
    }
}
