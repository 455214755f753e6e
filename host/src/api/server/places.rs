//! The places for connections, and who loses theirs when there is none left.
//!
//! A connection costs an attacker nothing, so a bound alone would let anybody lock out everybody. Whoever comes when all
//! places are taken gets that of a connection with no request under way: of those that never sent one before those that
//! did, and of these the one that has been idle for longest. Only work is never broken off for a newcomer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// See the module.
pub(super) struct Places {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next_key: u64,
    open: HashMap<u64, Entry>,
}

struct Entry {
    /// Requests whose answers have not been handed over yet.
    under_way: usize,
    served: bool,
    idle_since: Instant,
    lost: CancellationToken,
}

impl Places {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            table: Mutex::default(),
        })
    }

    /// A place for a new connection; none when every connection has work.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut table = self.table();
        if table.open.len() >= self.max && !table.shed() {
            return None;
        }
        let key = table.next_key;
        table.next_key += 1;
        let lost = CancellationToken::new();
        let entry = Entry {
            under_way: 0,
            served: false,
            idle_since: Instant::now(),
            lost: lost.clone(),
        };
        table.open.insert(key, entry);
        let places = self.clone();
        Some(Place { places, key, lost })
    }

    /// Takes the place of an idle connection away; false when there is none.
    pub(super) fn shed(&self) -> bool {
        self.table().shed()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change is complete before anything could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn shed(&mut self) -> bool {
        let idle = self.open.iter().filter(|(_, entry)| entry.under_way == 0);
        let Some((&key, _)) = idle.min_by_key(|(_, entry)| (entry.served, entry.idle_since)) else {
            return false;
        };
        if let Some(entry) = self.open.remove(&key) {
            entry.lost.cancel();
        }
        true
    }
}

/// The place of one connection, which ends when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    key: u64,
    lost: CancellationToken,
}

impl Place {
    /// Ends when the place was given to somebody else.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Ends when no request has been under way for this long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let idle = match self.places.table().open.get(&self.key) {
                Some(entry) if entry.under_way > 0 => Duration::ZERO,
                Some(entry) => entry.idle_since.elapsed(),
                None => limit,
            };
            if idle >= limit {
                return;
            }
            sleep(limit.saturating_sub(idle)).await;
        }
    }

    /// What notes the requests of this connection.
    pub(super) fn ledger(&self) -> Ledger {
        Ledger {
            places: self.places.clone(),
            key: self.key,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().open.remove(&self.key);
    }
}

/// See [`Place::ledger`].
#[derive(Clone)]
pub(super) struct Ledger {
    places: Arc<Places>,
    key: u64,
}

impl Ledger {
    /// A request begins; it is over when the answer is dropped.
    pub(super) fn begin(&self) -> UnderWay {
        if let Some(entry) = self.places.table().open.get_mut(&self.key) {
            entry.under_way += 1;
            entry.served = true;
        }
        UnderWay(self.clone())
    }
}

/// A request under way.
pub(super) struct UnderWay(Ledger);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(entry) = self.0.places.table().open.get_mut(&self.0.key) {
            entry.under_way = entry.under_way.saturating_sub(1);
            entry.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn newcomers_displace_the_silent_then_the_longest_idle_and_never_work() {
        let places = Places::new(3);
        let take = async || {
            tokio::time::advance(Duration::from_secs(1)).await;
            places.take()
        };
        let (working, served, silent) = (take().await.unwrap(), take().await.unwrap(), take().await.unwrap());
        let work = working.ledger().begin();
        drop(served.ledger().begin());

        let fourth = take().await.unwrap();
        assert!(silent.lost.is_cancelled() && !served.lost.is_cancelled());
        let fourth_work = fourth.ledger().begin();
        let fifth = take().await.unwrap();
        assert!(served.lost.is_cancelled() && !working.lost.is_cancelled());
        let fifth_work = fifth.ledger().begin();
        assert!(take().await.is_none(), "all have work");

        drop(fourth_work);
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(work);
        let _sixth = take().await.unwrap();
        assert!(fourth.lost.is_cancelled() && !working.lost.is_cancelled());
        drop(fifth_work);
        // Those that lost their places free nobody else's when they are gone.
        drop((silent, served, fourth));
        assert_eq!(places.table().open.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_is_counted_from_the_beginning_and_again_from_every_answer() {
        let place = Places::new(1).take().unwrap();
        let limit = Duration::from_secs(10);
        let begun = Instant::now();
        place.idle_for(limit).await;
        assert_eq!(begun.elapsed(), limit);

        let work = place.ledger().begin();
        tokio::join!(place.idle_for(limit), async {
            sleep(Duration::from_secs(35)).await;
            drop(work);
        });
        assert_eq!(begun.elapsed(), Duration::from_secs(10 + 35 + 10));
    }
}
