//! Keeps the leases of this worker, and hears which are lost or canceled.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use ordinaut_domain::{Lease, WorkerId};
use ordinaut_store::{Renewal, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::book::LeaseBook;
use crate::{EngineMetrics, Timer, health::HealthBoard, timer::DatabaseTime};

/// After a change of the queue leases are renewed at once, to hear of cancellations, but not more often than this.
const BETWEEN_MIN: Duration = Duration::from_secs(1);

/// How often the difference to database time is measured.
const SYNCHRONISE_EVERY: TimeDelta = TimeDelta::seconds(30);

pub(crate) struct Heartbeat {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) time: DatabaseTime,
    pub(crate) book: Arc<LeaseBook>,
    pub(crate) health: HealthBoard,
    pub(crate) metrics: Arc<EngineMetrics>,
    pub(crate) worker: WorkerId,
    pub(crate) ttl: Duration,
}

impl Heartbeat {
    /// Beats until told to stop, at three times the pace at which leases run out.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut work = self.store.signals().work;
        let mut synchronised_at = self.timer.now();
        loop {
            work.borrow_and_update();
            let began_at = self.timer.now();
            let pause = if self.beat().await {
                self.ttl / 3
            } else {
                BETWEEN_MIN.min(self.ttl / 3)
            };
            if self.timer.now() - synchronised_at >= SYNCHRONISE_EVERY {
                self.time.synchronise().await;
                synchronised_at = self.timer.now();
            }
            // What is left of a pause that began with the beat; a clock that was set back does not lengthen it.
            let left =
                |pause: Duration| pause.saturating_sub((self.timer.now() - began_at).to_std().unwrap_or_default());
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.timer.sleep(left(BETWEEN_MIN.min(pause))) => {}
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.news(&mut work) => {}
                () = self.timer.sleep(left(pause)) => {}
            }
        }
    }

    /// Waits for a change of the queue that may concern a lease of ours.
    async fn news(&self, work: &mut watch::Receiver<u64>) {
        loop {
            if work.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if self.book.counts().all() > 0 {
                return;
            }
        }
    }

    /// Renews all leases once; answers whether the store could be asked.
    pub(crate) async fn beat(&self) -> bool {
        let leases = self.book.leases();
        let asked_at = self.timer.now();
        match self.renew(&leases).await {
            Ok(answer) => {
                let lost = self.book.renewed(&leases, asked_at, &answer);
                self.metrics.leases_taken(lost.len());
                for lease in lost {
                    let run = lease.run;
                    tracing::warn!(%run, worker = %self.worker, "the lease of a run is lost; its steps are broken off");
                }
                self.health.worker(|health| {
                    health.last_renewal_at = Some(asked_at);
                    health.failures = 0;
                    health.last_error = None;
                });
                true
            }
            Err(error) => {
                let lapsed = self.book.break_off_lapsed(self.timer.now(), self.ttl);
                self.metrics.leases_lapsed(lapsed);
                tracing::error!(%error, leases = leases.len(), lapsed, worker = %self.worker, "leases could not be renewed");
                self.health.worker(|health| {
                    health.failures = health.failures.saturating_add(1);
                    health.last_error = Some(error.to_string());
                });
                false
            }
        }
    }

    /// Renews, but does not wait longer than the next beat: a store that hangs must not keep this worker from seeing
    /// that its leases have run out.
    async fn renew(&self, leases: &[Lease]) -> Result<Renewal, StoreError> {
        let limit = self.ttl / 3;
        tokio::select! {
            biased;
            answer = self.store.renew(&self.worker, leases, self.ttl) => answer,
            () = self.timer.sleep(limit) => {
                Err(StoreError::Unavailable(format!("it gave no answer within {} ms", limit.as_millis())))
            }
        }
    }
}
