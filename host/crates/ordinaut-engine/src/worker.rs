//! From leased work to settled runs.
//!
//! One loop leases; each leased run then goes its own way on a task of its own: it is held until it is due, waits for
//! a slot, is executed, and its settlement is handed in. Leasing early means that the commit is paid before the due
//! time: a run starts when its timer fires.
//!
//! The loop never misses work: it notes the generation of the queue *before* it leases and waits for a later one, so
//! that whatever becomes ready while the request is under way is asked for again. Beyond that it sleeps until the
//! store's next due time.

pub(crate) mod book;
pub(crate) mod completer;
pub(crate) mod control;
pub(crate) mod heartbeat;
mod pace;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use ordinaut_domain::{AttemptOutcome, LeasedWork, RunState, Verdict};
use ordinaut_store::{LeaseRequest, Settlement, Store, StoreError};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::{
    book::{LeaseBook, Phase},
    completer::Completer,
    control::{Interrupt, RunControl},
    pace::Pace,
};
use crate::{
    EngineConfig, Timer,
    assembly::Assembly,
    backoff::Backoff,
    executor::Executor,
    health::HealthBoard,
    timer::{DatabaseTime, after, before},
};

/// Work asked for at once.
const LEASE_MAX: usize = 64;

/// Settlements that may wait to be written before no more work is leased.
const SETTLING_MAX: usize = 512;

/// The queue is looked at this often at least, in case a notification was lost.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// The queue is looked at this often at most without a notification, should store and worker disagree on what is due.
const SLEEP_MIN: Duration = Duration::from_millis(20);

/// How long a run that is due waits for a slot before it is given back, so that another worker can have it.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the reasons of released attempts say.
const STOPPING: &str = "the worker is stopping";
const NO_SLOT: &str = "all slots of the worker were busy";

pub(crate) struct Worker {
    config: EngineConfig,
    store: Arc<dyn Store>,
    timer: Arc<dyn Timer>,
    pub(crate) time: DatabaseTime,
    executor: Executor,
    completer: Completer,
    pub(crate) book: Arc<LeaseBook>,
    health: HealthBoard,
    slots: Arc<Semaphore>,
    pace: Pace,
}

/// What the loop does next.
enum Next {
    /// Ask again.
    Again,
    /// Ask again when something ended.
    Room,
    /// Ask again when something changed, at this instant at the latest.
    Until(DateTime<Utc>),
    /// Ask again after a pause, because the store failed.
    After(Duration),
}

impl Worker {
    pub(crate) fn new(assembly: &Assembly, executor: Executor, completer: Completer, book: Arc<LeaseBook>) -> Self {
        let config = assembly.config.clone();
        assembly.health.worker(|health| health.slots = config.slots);
        Self {
            store: Arc::clone(&assembly.store),
            timer: Arc::clone(&assembly.timer),
            time: assembly.time.clone(),
            executor,
            completer,
            book,
            health: assembly.health.clone(),
            slots: Arc::new(Semaphore::new(config.slots)),
            pace: Pace::default(),
            config,
        }
    }

    /// Leases and executes until told to stop; then gives back what has not begun. What executes goes on: the future
    /// ends when all of it is settled or broken off. Dropping it breaks off everything.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut runs = JoinSet::new();
        let mut backoff = Backoff::new();
        let mut work = self.store.signals().work;
        let mut counts = self.book.watch();
        while !stop.is_cancelled() {
            // Both are noted before looking: whatever changes from here on ends the wait below.
            work.borrow_and_update();
            counts.borrow_and_update();
            let next = self.lease_and_start(&mut runs, &mut backoff).await;
            while runs.try_join_next().is_some() {}
            match next {
                Next::Again => {}
                Next::Room => tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    Ok(()) = counts.changed() => {}
                    else => return,
                },
                Next::Until(instant) => tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    Ok(()) = work.changed() => {}
                    () = self.time.sleep_until(instant) => {}
                },
                Next::After(delay) => tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = self.timer.sleep(delay) => {}
                },
            }
        }
        self.book.interrupt_waiting(Interrupt::GivenBack(STOPPING));
        while runs.join_next().await.is_some() {}
    }

    /// Asks once for as much work as there is room for.
    async fn lease_and_start(self: &Arc<Self>, runs: &mut JoinSet<()>, backoff: &mut Backoff) -> Next {
        let limit = self.room();
        if limit == 0 {
            return Next::Room;
        }
        let asked_at = self.time.now();
        match self.lease(limit, self.config.lease_early).await {
            Ok(batch) => {
                backoff.reset();
                let full = batch.len() >= limit;
                for (work, control) in batch {
                    runs.spawn(Arc::clone(self).carry(work, control));
                }
                if full {
                    Next::Again
                } else {
                    self.until_next_ready(asked_at).await
                }
            }
            Err(error) => {
                let delay = backoff.delay();
                tracing::error!(%error, retry_in_ms = delay.as_millis() as u64, "no work could be leased");
                Next::After(delay)
            }
        }
    }

    /// Leases work and enters it into the book.
    pub(crate) async fn lease(
        &self,
        limit: usize,
        early: Duration,
    ) -> Result<Vec<(LeasedWork, Arc<RunControl>)>, StoreError> {
        let asked_at = self.timer.now();
        let request = LeaseRequest {
            worker: self.config.worker.clone(),
            ttl: self.config.lease_ttl,
            early,
            limit,
        };
        let answer = self.store.lease(&request).await;
        self.health.worker(|health| match &answer {
            Ok(_) => health.last_lease_at = Some(asked_at),
            Err(error) => {
                health.failures = health.failures.saturating_add(1);
                health.last_error = Some(error.to_string());
            }
        });
        let enter = |work: LeasedWork| {
            let control = self.book.enter(&work, asked_at);
            (work, control)
        };
        Ok(answer?.into_iter().map(enter).collect())
    }

    /// Takes a leased run through to its settlement.
    pub(crate) async fn carry(self: Arc<Self>, work: LeasedWork, control: Arc<RunControl>) {
        let lease = work.lease;
        let settlement = match self.turn(&work, &control).await {
            Ok(slot) => {
                self.book.set_phase(lease, Phase::Executing);
                let began_at = self.timer.now();
                let settlement = self.execute(&work, &control).await;
                drop(slot);
                self.pace
                    .note((self.timer.now() - began_at).to_std().unwrap_or_default());
                settlement
            }
            Err(cause) => self.not_begun(&work, cause),
        };
        match settlement {
            Some(settlement) => {
                self.book.set_phase(lease, Phase::Settling);
                self.completer.hand_in(settlement);
            }
            None => drop(self.book.remove(lease)),
        }
    }

    /// Waits until the run is due and a slot is free.
    async fn turn(&self, work: &LeasedWork, control: &RunControl) -> Result<OwnedSemaphorePermit, Interrupt> {
        tokio::select! {
            biased;
            cause = control.interrupted() => return Err(cause),
            () = self.time.sleep_until(work.run.run_at) => {}
        }
        tokio::select! {
            biased;
            cause = control.interrupted() => Err(cause),
            // Closed never: the semaphore lives as long as the worker.
            Ok(slot) = Arc::clone(&self.slots).acquire_owned() => Ok(slot),
            () = self.timer.sleep(PATIENCE) => Err(Interrupt::GivenBack(NO_SLOT)),
        }
    }

    /// Executes one attempt. A panic in the engine's own code fails the attempt; it must not take a slot with it.
    async fn execute(&self, work: &LeasedWork, control: &RunControl) -> Option<Settlement> {
        let started_at = self.time.now();
        match AssertUnwindSafe(self.executor.attempt(work, control))
            .catch_unwind()
            .await
        {
            Ok(settlement) => settlement,
            Err(_) => Some(self.executor.panicked(work, started_at)),
        }
    }

    /// The settlement of a run that was interrupted before it began.
    fn not_begun(&self, work: &LeasedWork, cause: Interrupt) -> Option<Settlement> {
        let (verdict, outcome) = match cause {
            Interrupt::LeaseLost => return None,
            Interrupt::Canceled => {
                let verdict = Verdict::Finished {
                    state: RunState::Canceled,
                    output: None,
                    error: None,
                };
                (verdict, AttemptOutcome::Canceled)
            }
            Interrupt::GivenBack(reason) => (
                Verdict::Released {
                    reason: reason.to_owned(),
                },
                AttemptOutcome::Released,
            ),
        };
        let now = self.time.now();
        Some(Settlement {
            lease: work.lease,
            verdict,
            outcome,
            started_at: now,
            finished_at: now,
            steps: Vec::new(),
            simulated: work.run.simulated,
            events: Vec::new(),
        })
    }

    /// How much work to ask for now. While runs are short, not for every single one that ended: batches are cheaper.
    fn room(&self) -> usize {
        let counts = self.book.counts();
        if counts.settling >= SETTLING_MAX {
            return 0;
        }
        let ahead = self.pace.ahead(self.config.slots);
        let room = (self.config.slots + ahead).saturating_sub(counts.waiting + counts.executing);
        if room < (ahead / 2).max(1) {
            0
        } else {
            room.min(LEASE_MAX)
        }
    }

    /// Until when to sleep, after all that was ready at `asked_at` has been leased.
    async fn until_next_ready(&self, asked_at: DateTime<Utc>) -> Next {
        let latest = after(asked_at, SLEEP_MAX);
        match self.store.next_ready().await {
            Ok(None) => Next::Until(latest),
            Ok(Some(ready)) => {
                let early = before(ready, self.config.lease_early);
                // What could be leased early has been. So this is a lease that may run out: no use before it does.
                let useful = if early > asked_at {
                    early
                } else {
                    ready.max(after(asked_at, SLEEP_MIN))
                };
                Next::Until(useful.min(latest))
            }
            Err(error) => {
                tracing::error!(%error, "the queue's next due time could not be read");
                Next::After(Backoff::new().delay())
            }
        }
    }
}
