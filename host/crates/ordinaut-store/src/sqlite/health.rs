//! Time, liveness, wake-ups and the end.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{SqliteStore, write_health::Verdict};
use crate::{
    contract::{Health, Signals, StoreGauges},
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
        match self.write_health.verdict() {
            Verdict::Works => Ok(()),
            Verdict::Failed(error) => Err(error),
            Verdict::Unknown => self.try_to_write().await,
        }
    }

    async fn gauges(&self) -> Result<StoreGauges> {
        super::gauges::read(self).await
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

impl SqliteStore {
    /// Makes a change that changes nothing, but goes the whole way to the disk.
    async fn try_to_write(&self) -> Result<()> {
        let mut write = self.write().await?;
        let written = sqlx::query(sql!("common/try_to_write")).execute(write.sql()).await;
        written.map_err(|error| self.write_failed(error))?;
        write.commit().await
    }
}
