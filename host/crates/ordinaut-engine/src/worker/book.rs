//! The leases that this worker holds, from the moment they are granted until their settlement is written.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ordinaut_domain::{Lease, LeasedWork};
use ordinaut_store::Renewal;
use tokio::sync::watch;

use super::control::{Interrupt, RunControl};
use crate::{metrics::RunFacts, timer::after};

/// Where a leased run stands within the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Until it is due, or until a slot is free.
    Waiting,
    Executing,
    /// Over; being written.
    Settling,
}

/// How many leased runs are in each phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) waiting: usize,
    pub(crate) executing: usize,
    pub(crate) settling: usize,
}

impl Counts {
    pub(crate) const fn all(self) -> usize {
        self.waiting + self.executing + self.settling
    }

    fn of(&mut self, phase: Phase) -> &mut usize {
        match phase {
            Phase::Waiting => &mut self.waiting,
            Phase::Executing => &mut self.executing,
            Phase::Settling => &mut self.settling,
        }
    }
}

struct Entry {
    control: Arc<RunControl>,
    phase: Phase,
    /// Local time before the request that granted or last renewed the lease.
    renewed_at: DateTime<Utc>,
    facts: RunFacts,
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct LeaseBook {
    entries: Mutex<HashMap<Lease, Entry>>,
    counts: watch::Sender<Counts>,
}

impl LeaseBook {
    pub(crate) fn enter(&self, work: &LeasedWork, asked_at: DateTime<Utc>) -> Arc<RunControl> {
        let control = Arc::new(RunControl::default());
        let entry = Entry {
            control: Arc::clone(&control),
            phase: Phase::Waiting,
            renewed_at: asked_at,
            facts: RunFacts::of(work),
        };
        let mut entries = self.entries();
        if let Some(replaced) = entries.insert(work.lease, entry) {
            self.recount(Some(replaced.phase), Some(Phase::Waiting));
        } else {
            self.recount(None, Some(Phase::Waiting));
        }
        control
    }

    pub(crate) fn set_phase(&self, lease: Lease, phase: Phase) {
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(&lease) {
            let old = std::mem::replace(&mut entry.phase, phase);
            self.recount(Some(old), Some(phase));
        }
    }

    /// Takes a lease out, and answers what was noted about its run.
    pub(crate) fn remove(&self, lease: Lease) -> Option<RunFacts> {
        let mut entries = self.entries();
        let entry = entries.remove(&lease)?;
        self.recount(Some(entry.phase), None);
        Some(entry.facts)
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.entries().keys().copied().collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Follows the counts; a change between a look and a wait is not missed.
    pub(crate) fn watch(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// Takes note of the store's answer to a renewal of `asked`, sent at `asked_at`. Answers what is broken off by it.
    ///
    /// A lease that the store does not know any more is lost only if its run is still under way: while the store was
    /// being asked, runs end and are settled, which ends their leases as it should. What is being settled is judged by
    /// its token.
    pub(crate) fn renewed(&self, asked: &[Lease], asked_at: DateTime<Utc>, answer: &Renewal) -> Vec<Lease> {
        let (mut newest, mut twice) = (HashMap::new(), HashSet::new());
        for lease in asked {
            if let Some(other) = newest.insert(lease.run, lease.token) {
                twice.insert(lease.run);
                newest.insert(lease.run, lease.token.max(other));
            }
        }
        let lost: HashSet<_> = answer.lost.iter().collect();
        let canceled: HashSet<_> = answer.canceled.iter().collect();
        let mut broken_off = Vec::new();
        let mut entries = self.entries();
        for lease in asked {
            let Some(entry) = entries.get_mut(lease) else { continue };
            if entry.phase == Phase::Settling {
                continue;
            }
            // The store names runs. When it has granted a run to this worker anew, the older lease is the lost one.
            let replaced = newest.get(&lease.run).is_some_and(|token| *token > lease.token);
            if replaced || (lost.contains(&lease.run) && !twice.contains(&lease.run)) {
                entry.control.interrupt(Interrupt::LeaseLost);
                broken_off.push(*lease);
            } else {
                entry.renewed_at = asked_at;
                if canceled.contains(&lease.run) {
                    entry.control.interrupt(Interrupt::Canceled);
                }
            }
        }
        broken_off
    }

    /// Breaks off runs whose lease must have run out by now, because it could not be renewed for so long. What waits
    /// to be written stays: its token decides.
    pub(crate) fn break_off_lapsed(&self, now: DateTime<Utc>, ttl: Duration) -> usize {
        let entries = self.entries();
        let lapsed = entries
            .values()
            .filter(|e| e.phase != Phase::Settling && after(e.renewed_at, ttl) <= now);
        lapsed
            .map(|entry| entry.control.interrupt(Interrupt::LeaseLost))
            .count()
    }

    /// Breaks off what has not begun.
    pub(crate) fn interrupt_waiting(&self, cause: Interrupt) {
        self.entries()
            .values()
            .filter(|e| e.phase == Phase::Waiting)
            .for_each(|e| e.control.interrupt(cause));
    }

    /// Breaks off everything.
    pub(crate) fn interrupt_all(&self, cause: Interrupt) {
        self.entries().values().for_each(|e| e.control.interrupt(cause));
    }

    /// Moves one run from phase to phase. Called with the entries locked, so that counts are published in the order of
    /// the changes.
    fn recount(&self, from: Option<Phase>, to: Option<Phase>) {
        self.counts.send_modify(|counts| {
            if let Some(from) = from {
                *counts.of(from) -= 1;
            }
            if let Some(to) = to {
                *counts.of(to) += 1;
            }
        });
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Lease, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
