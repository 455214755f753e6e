//! The embedded backend: one SQLite file, one process, one writer.
//!
//! Every write is a transaction that begins with `BEGIN IMMEDIATE` on the one writing connection, so writers queue up
//! in the order in which they come and no statement here needs to fear another writer. Reads have a few connections
//! of their own and, with the write-ahead log, neither wait for the writer nor hold it up. A lock file keeps other
//! processes out: wake-ups ([`Signals`]) are in memory, and a second process would not hear them.
//!
//! Database time is the clock that the store was opened with.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use ordinaut_domain::Clock;
use sqlx::{Sqlite, pool::PoolConnection, sqlite::SqlitePool};
use tokio::sync::watch;

use crate::{
    codec::whole_micros,
    contract::Signals,
    entropy::Entropy,
    error::{Result, StoreError},
};

/// The text of a statement in `sql/`, named by its path without the ending.
macro_rules! sql {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $path, ".sql"))
    };
}

mod agents;
mod audit;
mod bulk;
mod columns;
mod due;
mod event_list;
mod events;
mod fault;
mod gauges;
mod groups;
mod health;
mod idempotency;
mod lock;
mod materialise;
mod open;
mod queue;
mod rows;
mod run_changes;
mod run_stats;
mod runs;
mod sessions;
mod settle;
mod state;
mod task_changes;
mod task_list;
mod tasks;
mod write;
mod write_health;

/// The embedded store. Cheap to share behind an `Arc`; closed by [`Health::close`](crate::Health::close), or when it
/// is dropped.
pub struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    wakes: Arc<Wakes>,
    write_health: Arc<write_health::WriteHealth>,
    /// Turns of writes that may come in masses.
    bulk: tokio::sync::Semaphore,
    /// How far groups have come without a trace in the database.
    passed: groups::Passed,
    /// Held for as long as the database is open.
    lock: std::sync::Mutex<Option<lock::LockFile>>,
}

impl SqliteStore {
    /// Opens or creates the store in the file at `path`, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it open, [`StoreError::Schema`] when the file was made by a
    /// newer or foreign program, [`StoreError::Unavailable`] when it cannot be opened.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        open::open(path, clock, entropy).await
    }

    /// Where the store lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn time(&self) -> DateTime<Utc> {
        whole_micros(self.clock.now())
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(StoreError::from)
    }
}

/// The sending ends of [`Signals`].
struct Wakes {
    tasks: watch::Sender<u64>,
    work: watch::Sender<u64>,
    events: watch::Sender<u64>,
}

impl Wakes {
    fn new() -> Self {
        Self {
            tasks: watch::Sender::new(0),
            work: watch::Sender::new(0),
            events: watch::Sender::new(0),
        }
    }

    fn subscribe(&self) -> Signals {
        Signals {
            tasks: self.tasks.subscribe(),
            work: self.work.subscribe(),
            events: self.events.subscribe(),
        }
    }
}
