//! Answers that are given again to whoever repeats a request.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;

use super::{SqliteStore, columns::Columns, write::Write};
use crate::{
    codec::DbTime,
    contract::{IDEMPOTENCY_KEPT, Idempotency, IdempotencyKey, KeptAnswer, Once},
    error::{Result, StoreError},
};

/// How many that are too old a change takes away: more than it adds, so that they never pile up.
const REMOVED_AT_ONCE: i64 = 8;

#[async_trait]
impl Idempotency for SqliteStore {
    async fn kept_answer(&self, key: &IdempotencyKey) -> Result<Option<KeptAnswer>> {
        let row = sqlx::query(sql!("common/select_kept_answer"))
            .bind(key.agent.as_uuid())
            .bind(key.route.as_str())
            .bind(key.key.as_str())
            .bind(DbTime(kept_since(self.time())))
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| {
            let c = Columns::new(&row, "idempotency_key", "key");
            Ok(KeptAnswer {
                fingerprint: c.hash("fingerprint")?,
                status: c.number("status")?,
                headers: c.json("headers")?,
                body: c.json("body")?,
            })
        })
        .transpose()
    }
}

/// What was written at this instant or before is too old.
fn kept_since(now: DateTime<Utc>) -> DateTime<Utc> {
    TimeDelta::from_std(IDEMPOTENCY_KEPT)
        .ok()
        .and_then(|kept| now.checked_sub_signed(kept))
        .unwrap_or(DateTime::UNIX_EPOCH)
}

impl Write<'_> {
    /// Keeps the answer of the change that is being made, and takes a few away that are too old.
    pub(super) async fn keep_answer(&mut self, once: &Once) -> Result<()> {
        let (key, answer) = (&once.key, &once.answer);
        let oldest = kept_since(self.now);
        let now = self.now;
        let kept = sqlx::query(sql!("common/insert_kept_answer"))
            .bind(key.agent.as_uuid())
            .bind(key.route.as_str())
            .bind(key.key.as_str())
            .bind(answer.fingerprint.as_slice())
            .bind(i64::from(answer.status))
            .bind(Json(&answer.headers))
            .bind(Json(&answer.body))
            .bind(DbTime(now))
            .bind(DbTime(oldest))
            .execute(self.sql())
            .await?;
        if kept.rows_affected() == 0 {
            return Err(StoreError::KeyTaken { key: key.key.clone() });
        }
        sqlx::query(sql!("common/delete_old_answers"))
            .bind(DbTime(oldest))
            .bind(REMOVED_AT_ONCE)
            .execute(self.sql())
            .await?;
        Ok(())
    }
}
