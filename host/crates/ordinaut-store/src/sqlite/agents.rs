//! Agents and secrets.

use async_trait::async_trait;
use ordinaut_domain::{Agent, AgentId};
use sqlx::{Row, types::Json};

use super::{SqliteStore, columns::Columns, fault, rows};
use crate::{
    codec::DbTime,
    contract::{Agents, Change, Page, PageRequest},
    error::{Result, StoreError},
    page,
};

#[async_trait]
impl Agents for SqliteStore {
    async fn create_agent(&self, agent: &Agent, change: &Change) -> Result<()> {
        let mut write = self.write().await?;
        let inserted = sqlx::query(sql!("common/insert_agent"))
            .bind(agent.id.as_uuid())
            .bind(&agent.name)
            .bind(Json(&agent.scopes))
            .bind(agent.secret_hash.as_slice())
            .bind(i64::from(agent.token_version))
            .bind(DbTime(agent.created_at))
            .bind(agent.disabled_at.map(DbTime))
            .execute(write.sql())
            .await;
        match inserted {
            Ok(_) => {}
            Err(error) if fault::is_duplicate(&error) => {
                return Err(StoreError::Duplicate {
                    noun: "agent",
                    existing: agent.name.clone(),
                    detail: format!(
                        "an agent with the name `{}` or the id {} exists already",
                        agent.name, agent.id
                    ),
                });
            }
            Err(error) => return Err(error.into()),
        }
        write.record(change).await?;
        write.commit().await
    }

    async fn agent(&self, id: AgentId) -> Result<Option<Agent>> {
        let row = sqlx::query(sql!("common/select_agent"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::agent).transpose()
    }

    async fn agent_by_name(&self, name: &str) -> Result<Option<Agent>> {
        let row = sqlx::query(sql!("common/select_agent_by_name"))
            .bind(name)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::agent).transpose()
    }

    async fn list_agents(&self, page: &PageRequest) -> Result<Page<Agent>> {
        let rows = sqlx::query(sql!("common/list_agents"))
            .bind(page.after.as_deref().unwrap_or_default())
            .bind(i64::from(page::limit(page)) + 1)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let mut agents = rows.iter().map(rows::agent).collect::<Result<Vec<_>>>()?;
        Ok(page::cut_with(&mut agents, page, |agent| agent.name.clone()))
    }

    async fn has_agents(&self) -> Result<bool> {
        let row = sqlx::query(sql!("common/any_agent"))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Ok(row.try_get("found")?)
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query(sql!("common/select_secret"))
            .bind(name)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| Columns::new(&row, "secret", "name").get("sealed"))
            .transpose()
    }

    async fn secret_or_insert(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let mut write = self.write().await?;
        let now = write.now;
        sqlx::query(sql!("common/insert_secret"))
            .bind(name)
            .bind(sealed)
            .bind(DbTime(now))
            .execute(write.sql())
            .await?;
        let row = sqlx::query(sql!("common/select_secret"))
            .bind(name)
            .fetch_one(write.sql())
            .await?;
        let stored = Columns::new(&row, "secret", "name").get("sealed")?;
        write.commit().await?;
        Ok(stored)
    }
}
