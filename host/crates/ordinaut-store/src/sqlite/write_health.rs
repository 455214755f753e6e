//! Whether changes can be made: what the last one came to.
//!
//! After a full disk, an I/O error or a lack of memory SQLite may undo a transaction by itself. The connection then
//! believes that it is still inside of it, and would refuse every later change. So a connection that comes back from a
//! transaction is looked at, and replaced by a new one when the transaction has not ended as it should.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::Clock;
use sqlx::{Connection, SqliteConnection};

use crate::error::StoreError;

/// For how long a failure is simply reported. After that, whoever asks makes a small change to see whether it still
/// holds, in case that nobody else writes.
const REPORTED_FOR: TimeDelta = TimeDelta::seconds(5);

/// What the last change came to, noted by whoever makes one.
pub(super) struct WriteHealth {
    clock: Arc<dyn Clock>,
    failure: Mutex<Option<Failure>>,
}

struct Failure {
    at: DateTime<Utc>,
    /// None when the disk is full.
    reason: Option<String>,
}

/// What is known about changes.
pub(super) enum Verdict {
    /// The last one succeeded, or there was none.
    Works,
    /// The last one failed a moment ago.
    Failed(StoreError),
    /// The last one failed a while ago; it may work again.
    Unknown,
}

impl WriteHealth {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            failure: Mutex::new(None),
        }
    }

    pub(super) fn succeeded(&self) {
        *self.failure() = None;
    }

    /// Notes an error, if it is one that says something about the store rather than about the change.
    pub(super) fn failed(&self, error: &StoreError) {
        let reason = match error {
            StoreError::Full => None,
            StoreError::Unavailable(reason) => Some(reason.clone()),
            _ => return,
        };
        *self.failure() = Some(Failure {
            at: self.clock.now(),
            reason,
        });
    }

    pub(super) fn verdict(&self) -> Verdict {
        let failure = self.failure();
        let Some(Failure { at, reason }) = failure.as_ref() else {
            return Verdict::Works;
        };
        // A clock that was set back makes a failure old rather than eternal.
        let age = self.clock.now() - *at;
        if age < TimeDelta::zero() || age >= REPORTED_FOR {
            return Verdict::Unknown;
        }
        Verdict::Failed(match reason {
            None => StoreError::Full,
            Some(reason) => StoreError::Unavailable(reason.clone()),
        })
    }

    /// Notes that SQLite has undone a change by itself, unless it is known why.
    pub(super) fn undone(&self) {
        if !matches!(self.verdict(), Verdict::Failed(_)) {
            let reason =
                "SQLite has undone the last change by itself: the disk may be full, or broken, or memory short";
            self.failed(&StoreError::Unavailable(reason.to_owned()));
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection that is given back may be used again: not after a transaction that it cannot undo any more,
/// because SQLite has done so already.
pub(super) async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // The transaction was dropped, and its undoing waits in the connection's queue: let it happen.
    connection.ping().await?;
    let sound = !connection.is_in_transaction();
    if !sound {
        tracing::warn!("SQLite has undone a transaction by itself; its connection is replaced");
    }
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use sqlx::{Connection, Sqlite, pool::PoolConnection};

    use crate::{
        Agents, Health, SqliteStore, State, StateQuota, StoreError,
        conformance::{CountedEntropy, TestClock},
    };

    struct Disk {
        store: SqliteStore,
        clock: Arc<TestClock>,
        _folder: tempfile::TempDir,
    }

    impl Disk {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(TestClock::default());
            let path = folder.path().join("ordinaut.db");
            let store = SqliteStore::open(&path, clock.clone(), Arc::new(CountedEntropy::default()));
            let store = store.await.unwrap();
            Self {
                store,
                clock,
                _folder: folder,
            }
        }

        /// The writing connection, once whoever had it has given it back.
        async fn writer(&self) -> PoolConnection<Sqlite> {
            self.store.writer.acquire().await.unwrap()
        }

        /// Lets the database have this many pages more than it has: also for connections that are opened later.
        async fn leave_room_for(&self, pages: i64) {
            let mut writer = self.writer().await;
            let has: i64 = sqlx::query_scalar("PRAGMA page_count")
                .fetch_one(&mut *writer)
                .await
                .unwrap();
            let limit = (has + pages).to_string();
            let options = (*self.store.writer.connect_options()).clone();
            self.store
                .writer
                .set_connect_options(options.pragma("max_page_count", limit.clone()));
            let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {limit}"));
            sqlx::query(pragma).execute(&mut *writer).await.unwrap();
        }

        async fn keep(&self, name: &str, bytes: usize) -> Result<(), StoreError> {
            let sealed = vec![7; bytes];
            self.store.secret_or_insert(name, &sealed).await.map(|_| ())
        }
    }

    const TOO_MUCH: usize = 4_000_000;

    #[tokio::test]
    async fn a_store_whose_disk_was_full_works_again_once_there_is_room() {
        let disk = Disk::new().await;
        disk.leave_room_for(10).await;
        for name in ["a", "b", "c"] {
            let full = disk.keep(name, TOO_MUCH).await;
            assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
        }
        assert!(disk.store.secret("a").await.unwrap().is_none(), "it was undone");
        disk.keep("small", 10).await.expect("what fits is written");

        disk.leave_room_for(100_000).await;
        disk.keep("a", TOO_MUCH).await.expect("there is room");
        assert_eq!(disk.store.secret("a").await.unwrap().unwrap().len(), TOO_MUCH);
    }

    #[tokio::test]
    async fn a_commit_that_the_disk_has_no_room_for_leaves_the_writer_usable() {
        let disk = Disk::new().await;
        let mut write = disk.store.write().await.unwrap();
        // Undone behind the transaction's back, as SQLite does it after a full disk.
        sqlx::query("ROLLBACK").execute(write.sql()).await.unwrap();
        let error = write.commit().await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(disk.store.ping().await.is_err());
        disk.keep("a", 10).await.unwrap();
        disk.store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn health_tells_of_a_failed_write_and_recovers_by_itself() {
        let disk = Disk::new().await;
        disk.store.ping().await.unwrap();
        disk.leave_room_for(10).await;
        disk.keep("a", TOO_MUCH).await.unwrap_err();
        drop(disk.writer().await);
        let told = disk.store.ping().await;
        assert!(matches!(&told, Err(error) if error.is_transient()), "{told:?}");
        assert!(disk.store.ping().await.is_err(), "asking does not mend it");

        disk.keep("small", 10).await.unwrap();
        disk.store.ping().await.expect("a write has succeeded since");

        disk.keep("a", TOO_MUCH).await.unwrap_err();
        drop(disk.writer().await);
        assert!(disk.store.ping().await.is_err());
        disk.clock.advance(Duration::from_secs(5));
        disk.store.ping().await.expect("it has tried by itself");
    }

    #[tokio::test]
    async fn a_refused_change_is_no_trouble_of_the_store() {
        let disk = Disk::new().await;
        let quota = StateQuota {
            keys_max: 1,
            bytes_max: 1,
        };
        let refused = disk.store.state_set("echo", "b", "k", b"too long", quota).await;
        assert!(matches!(refused, Err(StoreError::Quota(_))), "{refused:?}");
        drop(disk.writer().await);
        disk.store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_in_a_transaction_that_sqlite_has_undone_harms_nobody() {
        let disk = Disk::new().await;
        for _ in 0..3 {
            let mut write = disk.store.write().await.unwrap();
            sqlx::query("ROLLBACK").execute(write.sql()).await.unwrap();
            // Dropped without an answer from anybody, as the future of a request is whose client hangs up.
            drop(write);
            assert!(!disk.writer().await.is_in_transaction());
        }
        disk.keep("a", 10).await.unwrap();
    }
}
