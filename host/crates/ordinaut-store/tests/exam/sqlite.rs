//! How the tests come to an SQLite store.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use ordinaut_store::{
    SqliteStore, Store,
    conformance::{Backend, CountedEntropy, Exam, TestClock},
};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A folder for one store, removed at the end of its test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("ordinaut.db")
    }

    /// The store in the folder, which nobody has open.
    pub(crate) async fn store(&self) -> SqliteStore {
        self.open().await.expect("the store opens")
    }

    pub(crate) async fn open(&self) -> ordinaut_store::Result<SqliteStore> {
        SqliteStore::open(
            &self.database(),
            Arc::new(TestClock::default()),
            Arc::new(CountedEntropy::default()),
        )
        .await
    }

    /// A way to the database past the store.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.database());
        options
            .create_if_missing(true)
            .connect()
            .await
            .expect("the database opens")
    }
}

#[async_trait]
impl Backend for Folder {
    async fn open(&self, clock: Arc<TestClock>, entropy: Arc<CountedEntropy>) -> Arc<dyn Store> {
        Arc::new(
            SqliteStore::open(&self.database(), clock, entropy)
                .await
                .expect("the store opens"),
        )
    }
}

/// An empty store.
pub(crate) async fn fresh() -> Exam {
    Exam::begin(Folder::new()).await
}
