//! Writes what ended. Batches form by themselves: when nothing is being written, a settlement is written at once; what
//! comes meanwhile goes together in the next transaction.

use std::sync::Arc;

use ordinaut_store::{Settlement, Store, StoreError};
use tokio::sync::mpsc;

use super::book::LeaseBook;
use crate::{EngineMetrics, Timer, backoff::Backoff};

/// Settlements in one transaction: enough to make commits cheap, few enough that other writers do not wait long.
const BATCH_MAX: usize = 512;

/// Where ended attempts are handed in.
#[derive(Clone)]
pub(crate) struct Completer(mpsc::UnboundedSender<Settlement>);

/// The task behind a [`Completer`].
pub(crate) struct CompleterTask {
    store: Arc<dyn Store>,
    timer: Arc<dyn Timer>,
    book: Arc<LeaseBook>,
    metrics: Arc<EngineMetrics>,
    settlements: mpsc::UnboundedReceiver<Settlement>,
}

impl Completer {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        timer: Arc<dyn Timer>,
        book: Arc<LeaseBook>,
        metrics: Arc<EngineMetrics>,
    ) -> (Self, CompleterTask) {
        let (sender, settlements) = mpsc::unbounded_channel();
        (
            Self(sender),
            CompleterTask {
                store,
                timer,
                book,
                metrics,
                settlements,
            },
        )
    }

    /// Hands in an attempt that ended. How many wait is bounded by the worker, which leases no more work while many
    /// do. The lease stays in the book until the settlement is written.
    pub(crate) fn hand_in(&self, settlement: Settlement) {
        // The task ends only after all senders are gone, or with the engine.
        let _ = self.0.send(settlement);
    }
}

impl CompleterTask {
    /// Writes until nobody can hand in any more.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.settlements.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.write(std::mem::take(&mut batch)).await;
        }
    }

    /// Writes what has been handed in so far.
    #[cfg(feature = "testing")]
    pub(crate) async fn flush(&mut self) {
        let mut batch = Vec::new();
        while let Ok(settlement) = self.settlements.try_recv() {
            batch.push(settlement);
        }
        self.write(batch).await;
    }

    /// Writes a batch, however often that must be tried: the results are there, and only the loss of a lease makes
    /// one of them worthless.
    async fn write(&self, mut batch: Vec<Settlement>) {
        let mut backoff = Backoff::new();
        while !batch.is_empty() {
            let began_at = self.timer.now();
            let error = match self.store.settle(&batch).await {
                Ok(answers) => {
                    let took = (self.timer.now() - began_at).to_std().unwrap_or_default();
                    self.metrics.settle_batch(batch.len(), took);
                    let (left, error) = self.sort_out(batch, answers);
                    batch = left;
                    match error {
                        Some(error) => error,
                        None => return,
                    }
                }
                Err(error) if error.is_transient() => error,
                Err(error) => {
                    batch = self.write_singly(batch, &error).await;
                    error
                }
            };
            if !batch.is_empty() {
                let delay = backoff.delay();
                tracing::error!(
                    %error,
                    runs = batch.len(),
                    retry_in_ms = delay.as_millis() as u64,
                    "finished runs could not be written"
                );
                self.timer.sleep(delay).await;
            }
        }
    }

    /// Takes what is settled out of the book, and answers what must be tried again and why.
    fn sort_out(
        &self,
        batch: Vec<Settlement>,
        answers: Vec<Result<(), StoreError>>,
    ) -> (Vec<Settlement>, Option<StoreError>) {
        let mut left = Vec::new();
        let mut why = None;
        for (settlement, answer) in batch.into_iter().zip(answers) {
            match answer {
                Err(error) if error.is_transient() => {
                    left.push(settlement);
                    why = Some(error);
                }
                answer => self.settled(&settlement, answer),
            }
        }
        (left, why)
    }

    /// One of the batch spoils the transaction: each gets its own. Answers what the store was not available for.
    async fn write_singly(&self, batch: Vec<Settlement>, why: &StoreError) -> Vec<Settlement> {
        tracing::warn!(error = %why, runs = batch.len(), "a batch of finished runs was refused; writing them one by one");
        let mut left = Vec::new();
        for settlement in batch {
            match self.store.settle(std::slice::from_ref(&settlement)).await {
                Err(error) if error.is_transient() => left.push(settlement),
                Err(error) => self.settled(&settlement, Err(error)),
                Ok(answers) => match answers.into_iter().next() {
                    Some(Err(error)) if error.is_transient() => left.push(settlement),
                    answer => self.settled(&settlement, answer.unwrap_or(Ok(()))),
                },
            }
        }
        left
    }

    fn settled(&self, settlement: &Settlement, answer: Result<(), StoreError>) {
        let lease = settlement.lease;
        let facts = self.book.remove(lease);
        match answer {
            Ok(()) => {
                if let Some(facts) = facts {
                    self.metrics.settled(settlement, facts);
                }
            }
            Err(StoreError::LeaseLost { run }) => {
                tracing::warn!(run, "the result of a run is dropped: its lease was lost meanwhile");
            }
            // The lease will run out, and the run will be made again.
            Err(error) => tracing::error!(run = %lease.run, %error, "the result of a run was refused and is dropped"),
        }
    }
}
