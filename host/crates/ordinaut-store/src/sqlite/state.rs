//! Small values that extensions keep.

use async_trait::async_trait;
use sqlx::Row;

use super::{SqliteStore, columns::Columns};
use crate::{
    codec::signed,
    contract::{State, StateQuota},
    error::{Result, StoreError},
};

#[async_trait]
impl State for SqliteStore {
    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query(sql!("common/state_get"))
            .bind(extension)
            .bind(bucket)
            .bind(key)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| Columns::new(&row, "extension_state", "value").get("value"))
            .transpose()
    }

    async fn state_set(&self, extension: &str, bucket: &str, key: &str, value: &[u8], quota: StateQuota) -> Result<()> {
        let _turn = self.bulk_turn().await?;
        let mut write = self.write().await?;
        sqlx::query(sql!("common/state_set"))
            .bind(extension)
            .bind(bucket)
            .bind(key)
            .bind(value)
            .execute(write.sql())
            .await?;
        // The schema's triggers have counted by now; leaving the transaction undoes a value that is too much.
        let row = sqlx::query(sql!("common/state_usage"))
            .bind(extension)
            .fetch_one(write.sql())
            .await?;
        let c = Columns::new(&row, "extension_usage", "keys");
        let (keys, bytes): (u64, u64) = (c.number("keys")?, c.number("bytes")?);
        if keys > quota.keys_max || bytes > quota.bytes_max {
            return Err(StoreError::Quota(format!(
                "the extension `{extension}` would hold {keys} keys and {bytes} bytes of state, but may hold {} keys \
                 and {} bytes; it must delete some, or be granted more",
                quota.keys_max, quota.bytes_max
            )));
        }
        write.commit().await
    }

    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<()> {
        let _turn = self.bulk_turn().await?;
        let mut write = self.write().await?;
        sqlx::query(sql!("common/state_delete"))
            .bind(extension)
            .bind(bucket)
            .bind(key)
            .execute(write.sql())
            .await?;
        write.commit().await
    }

    async fn state_keys(&self, extension: &str, bucket: &str, skip: u64, limit: u32) -> Result<Vec<String>> {
        let rows = sqlx::query(sql!("common/state_keys"))
            .bind(extension)
            .bind(bucket)
            .bind(signed(skip))
            .bind(i64::from(limit))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("key")?)).collect()
    }
}
