//! Time, liveness, wake-ups and the end.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::{
    contract::{Health, Signals},
    error::Result,
};

#[async_trait]
impl Health for SqliteStore {
    async fn now(&self) -> Result<DateTime<Utc>> {
        Ok(self.time())
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query(sql!("common/ping"))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Ok(())
    }

    fn signals(&self) -> Signals {
        self.wakes.subscribe()
    }

    async fn close(&self) {
        self.readers.close().await;
        // The last connection folds the write-ahead log into the database.
        self.writer.close().await;
        // Only now may another process have it. A poisoned mutex holds a lock file like any other.
        drop(
            self.lock
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take(),
        );
    }
}
