//! Opening: lock, look what kind of file it is, migrate, connect.

use std::{fs::OpenOptions, io::ErrorKind, path::Path, sync::Arc, time::Duration};

use ordinaut_domain::Clock;
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    SqliteStore, Wakes, bulk, fault,
    groups::Passed,
    lock::LockFile,
    write_health::{WriteHealth, is_sound},
};
use crate::{
    entropy::Entropy,
    error::{Result, StoreError},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/sqlite");

/// `PRAGMA application_id` of our files, set by the first migration: "Ordi".
const APPLICATION_ID: i64 = 0x4f72_6469;

/// Reads are short; a handful run side by side without taking memory for page caches that nobody needs.
const READERS: u32 = 4;

/// How long a statement waits for a lock. Only other programs (a backup, a shell) hold one against us.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller waits for its turn to write before it is told that the store is too busy.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The write-ahead log is cut back to this size after a burst, in bytes.
const WAL_KEPT_BYTES: &str = "67108864";

pub(super) async fn open(path: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<SqliteStore> {
    let lock = LockFile::acquire(path)?;
    create_private(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(256)
        .pragma("journal_size_limit", WAL_KEPT_BYTES)
        // Statements carry what users wrote; they are no matter for logs.
        .disable_statement_logging();
    migrate(path, &options).await?;

    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let write_health = Arc::new(WriteHealth::new(Arc::clone(&clock)));
    let noted = Arc::clone(&write_health);
    let writer = pool().max_connections(1).after_release(move |connection, _| {
        let noted = Arc::clone(&noted);
        Box::pin(async move {
            let sound = is_sound(connection).await?;
            if !sound {
                noted.undone();
            }
            Ok(sound)
        })
    });
    let writer = writer.connect_with(options.clone()).await?;
    let readers = pool()
        .max_connections(READERS)
        .after_release(|connection, _| Box::pin(is_sound(connection)));
    let readers: SqlitePool = readers.connect_with(options.pragma("query_only", "ON")).await?;
    Ok(SqliteStore {
        path: path.to_owned(),
        writer,
        readers,
        clock,
        entropy,
        wakes: Arc::new(Wakes::new()),
        bulk: bulk::turns(),
        passed: Passed::default(),
        write_health,
        lock: std::sync::Mutex::new(Some(lock)),
    })
}

/// Creates the database's file, unless it exists, so that nobody else may read it: it holds hashes of secrets. SQLite
/// gives the files that it puts beside it the same permissions.
fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(StoreError::Unavailable(format!(
            "cannot create {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

async fn migrate(path: &Path, options: &SqliteConnectOptions) -> Result<()> {
    let cannot_open = |error: sqlx::Error| match StoreError::from(error) {
        StoreError::Unavailable(reason) => StoreError::Unavailable(format!("cannot open {}: {reason}", path.display())),
        StoreError::Schema(reason) => {
            StoreError::Schema(format!("{} is not a store of Ordinaut: {reason}", path.display()))
        }
        other => other,
    };
    // Looked at before anything is changed, the journal mode included: a foreign file must stay as it is.
    let mut connection = options.clone().connect().await.map_err(cannot_open)?;
    refuse_foreign(path, &mut connection)
        .await
        .map_err(|error| match error {
            Fault::Sql(error) => cannot_open(error),
            Fault::Foreign(error) => error,
        })?;
    connection.close().await?;

    let mut connection = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .connect()
        .await
        .map_err(cannot_open)?;
    let newest = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default();
    MIGRATIONS
        // Not `run`: the future of that is not `Send` for every lifetime.
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| fault::of_migration(error, path, newest))?;
    connection.close().await?;
    Ok(())
}

enum Fault {
    Sql(sqlx::Error),
    Foreign(StoreError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

async fn refuse_foreign(path: &Path, connection: &mut SqliteConnection) -> std::result::Result<(), Fault> {
    let id: i64 = sqlx::query(sql!("sqlite/application_id"))
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let tables: i64 = sqlx::query(sql!("sqlite/count_tables"))
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    Err(Fault::Foreign(StoreError::Schema(format!(
        "{} is a database of another program (application id {id:#x}, {tables} tables); choose another file",
        path.display()
    ))))
}
