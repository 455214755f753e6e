//! Agents and secrets.

use async_trait::async_trait;
use ordinaut_domain::{Agent, AgentEdit, AgentId, agent::ADMIN_SCOPE};
use sqlx::{Row, types::Json};

use super::{SqliteStore, columns::Columns, fault, rows, write::Write};
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
        inserted.map_err(|error| taken(agent, error))?;
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

    async fn edit_agent(&self, id: AgentId, edit: &AgentEdit, change: &Change) -> Result<Agent> {
        let mut write = self.write().await?;
        let before = present(&mut write, id).await?;
        let after = before.edited(edit, write.now);
        if before.is_admin() && !after.is_admin() {
            refuse_last_admin(&mut write, id).await?;
        }
        let updated = sqlx::query(sql!("common/update_agent"))
            .bind(id.as_uuid())
            .bind(&after.name)
            .bind(Json(&after.scopes))
            .bind(after.secret_hash.as_slice())
            .bind(i64::from(after.token_version))
            .bind(after.disabled_at.map(DbTime))
            .execute(write.sql())
            .await;
        updated.map_err(|error| taken(&after, error))?;
        write.record(change).await?;
        write.commit().await?;
        Ok(after)
    }

    async fn delete_agent(&self, id: AgentId, change: &Change) -> Result<()> {
        let mut write = self.write().await?;
        let agent = present(&mut write, id).await?;
        if agent.is_admin() {
            refuse_last_admin(&mut write, id).await?;
        }
        let row = sqlx::query(sql!("common/count_tasks_of_agent"))
            .bind(id.as_uuid())
            .fetch_one(write.sql())
            .await?;
        let tasks: u64 = Columns::new(&row, "task", "owner").number("tasks")?;
        if tasks > 0 {
            return Err(StoreError::Refused {
                code: "agent_owns_tasks",
                detail: format!(
                    "the agent `{}` owns {tasks} task(s); delete them first, or disable the agent instead",
                    agent.name
                ),
            });
        }
        sqlx::query(sql!("common/delete_agent"))
            .bind(id.as_uuid())
            .execute(write.sql())
            .await?;
        write.record(change).await?;
        write.commit().await
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

async fn present(write: &mut Write<'_>, id: AgentId) -> Result<Agent> {
    let row = sqlx::query(sql!("common/select_agent"))
        .bind(id.as_uuid())
        .fetch_optional(write.sql())
        .await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        noun: "agent",
        id: id.to_string(),
    })?;
    rows::agent(&row)
}

/// Without anybody who can administer agents, nobody could ever be let in again.
async fn refuse_last_admin(write: &mut Write<'_>, id: AgentId) -> Result<()> {
    let found: bool = sqlx::query(sql!("sqlite/other_holder"))
        .bind(id.as_uuid())
        .bind(ADMIN_SCOPE)
        .fetch_one(write.sql())
        .await?
        .try_get("found")?;
    if found {
        return Ok(());
    }
    Err(StoreError::Refused {
        code: "last_admin",
        detail: format!(
            "it is the last enabled agent with the scope `{ADMIN_SCOPE}`: give the scope to another agent first"
        ),
    })
}

fn taken(agent: &Agent, error: sqlx::Error) -> StoreError {
    if !fault::is_duplicate(&error) {
        return error.into();
    }
    StoreError::Duplicate {
        noun: "agent",
        existing: agent.name.clone(),
        detail: format!(
            "an agent with the name `{}` or the id {} exists already",
            agent.name, agent.id
        ),
    }
}
