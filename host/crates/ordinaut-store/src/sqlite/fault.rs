//! From SQLite's result codes (<https://www.sqlite.org/rescode.html>) to [`StoreError`].

use sqlx::{Error, error::DatabaseError, migrate::MigrateError};

use crate::error::StoreError;

/// The low byte of a result code says what kind of fault it is.
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;
const PRIMARY_CODE: i32 = 0xff;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Database(database) => of_database(database.as_ref()),
            Error::PoolClosed => Self::Unavailable("it has been closed".into()),
            Error::PoolTimedOut => Self::Unavailable("it is too busy: no connection became free in time".into()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

fn of_database(error: &dyn DatabaseError) -> StoreError {
    let code = error
        .code()
        .and_then(|code| code.parse::<i32>().ok())
        .unwrap_or_default();
    match code & PRIMARY_CODE {
        SQLITE_FULL => StoreError::Full,
        SQLITE_NOTADB => StoreError::Schema("the file is not an SQLite database".into()),
        SQLITE_CORRUPT => StoreError::Unavailable(format!(
            "the database file is damaged ({error}); restore it from a backup"
        )),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Whether a statement was refused because a value that must be unique exists already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(DatabaseError::is_unique_violation)
}

/// Whether a statement was refused because it refers to something that does not exist.
pub(super) fn is_dangling(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(DatabaseError::is_foreign_key_violation)
}

/// A migration that could not be done, or was not this program's.
pub(super) fn of_migration(error: MigrateError, path: &std::path::Path, newest: i64) -> StoreError {
    let path = path.display();
    match error {
        MigrateError::VersionMissing(found) => StoreError::Schema(format!(
            "the store {path} was made by a newer version of Ordinaut: it has migration {found}, and this version \
             knows those up to {newest}. Start the newer version, or restore a backup from before the upgrade"
        )),
        MigrateError::VersionMismatch(found) => StoreError::Schema(format!(
            "the store {path} was made by a different build of Ordinaut: its migration {found} is not the one that \
             this version knows. Start the version that made it"
        )),
        MigrateError::Execute(error) => StoreError::from(error),
        MigrateError::ExecuteMigration(error, version) => match StoreError::from(error) {
            StoreError::Unavailable(reason) => {
                StoreError::Unavailable(format!("migration {version} of {path} failed and was undone: {reason}"))
            }
            other => other,
        },
        other => StoreError::Schema(format!("the schema of {path} cannot be brought up to date: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

    use super::*;

    async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql)
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(StoreError::from)
    }

    #[tokio::test]
    async fn a_full_disk_is_told_from_other_faults() {
        let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
        run(&mut connection, "CREATE TABLE t (v BLOB)").await.unwrap();
        run(&mut connection, "PRAGMA max_page_count = 4").await.unwrap();
        let full = run(&mut connection, "INSERT INTO t VALUES (zeroblob(1000000))").await;
        assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
        assert!(full.unwrap_err().is_transient());
        let other = run(&mut connection, "INSERT INTO nothing VALUES (1)").await;
        assert!(matches!(other, Err(StoreError::Unavailable(_))), "{other:?}");
    }
}
