//! Sessions of browsers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::Session;

use super::{SqliteStore, columns::Columns};
use crate::{
    codec::DbTime,
    contract::{Change, Sessions},
    error::Result,
};

#[async_trait]
impl Sessions for SqliteStore {
    async fn create_session(&self, session: &Session, change: &Change) -> Result<()> {
        let mut write = self.write().await?;
        let now = write.now;
        sqlx::query(sql!("common/delete_expired_sessions"))
            .bind(DbTime(now))
            .execute(write.sql())
            .await?;
        sqlx::query(sql!("common/insert_session"))
            .bind(session.id_hash.as_slice())
            .bind(session.agent.as_uuid())
            .bind(i64::from(session.token_version))
            .bind(DbTime(session.created_at))
            .bind(DbTime(session.last_seen_at))
            .bind(DbTime(session.expires_at))
            .execute(write.sql())
            .await?;
        write.record(change).await?;
        write.commit().await
    }

    async fn session(&self, id_hash: &[u8; 32]) -> Result<Option<Session>> {
        let row = sqlx::query(sql!("common/select_session"))
            .bind(id_hash.as_slice())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| {
            let c = Columns::new(&row, "session", "id_hash");
            Ok(Session {
                id_hash: c.hash("id_hash")?,
                agent: c.id("agent_id")?,
                token_version: c.number("token_version")?,
                created_at: c.time("created_at")?,
                last_seen_at: c.time("last_seen_at")?,
                expires_at: c.time("expires_at")?,
            })
        })
        .transpose()
    }

    async fn touch_session(&self, id_hash: &[u8; 32], at: DateTime<Utc>) -> Result<()> {
        let mut write = self.write().await?;
        sqlx::query(sql!("common/touch_session"))
            .bind(id_hash.as_slice())
            .bind(DbTime(at))
            .execute(write.sql())
            .await?;
        write.commit().await
    }

    async fn end_session(&self, id_hash: &[u8; 32], change: &Change) -> Result<()> {
        let mut write = self.write().await?;
        let ended = sqlx::query(sql!("common/delete_session"))
            .bind(id_hash.as_slice())
            .execute(write.sql())
            .await?;
        if ended.rows_affected() > 0 {
            write.record(change).await?;
        }
        write.commit().await
    }
}
