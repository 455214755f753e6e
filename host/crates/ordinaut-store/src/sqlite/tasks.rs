//! Tasks: what is to be done, and when.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{DropRuns, PlannedRun, QueuedOccurrence, Run, StepRecord, Task, TaskId, TaskStatus, plan::Retry};
use sqlx::{Row, types::Json};
use uuid::Uuid;

use super::{SqliteStore, columns::Columns, fault, materialise, rows, task_changes, task_list, write::Write};
use crate::{
    codec::{DbTime, signed},
    contract::{Change, Deletion, Materialised, Page, PageRequest, Planner, TaskFilter, Tasks, Updated},
    error::{Result, StoreError},
    names::Named,
};

#[async_trait]
impl Tasks for SqliteStore {
    async fn create_task(&self, task: &Task, change: &Change) -> Result<()> {
        let mut write = self.write().await?;
        write.refuse_duplicate(task).await?;
        write.insert_task(task).await?;
        write.insert_tags(task).await?;
        write.record(change).await?;
        write.tasks_changed();
        write.commit().await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>> {
        let row = sqlx::query(sql!("common/select_task"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::task).transpose()
    }

    async fn list_tasks(&self, filter: &TaskFilter, page: &PageRequest) -> Result<Page<Task>> {
        task_list::list(self, filter, page).await
    }

    async fn update_task(
        &self,
        task: &Task,
        expected_version: u64,
        drop: Option<&DropRuns>,
        change: &Change,
    ) -> Result<Updated> {
        let mut write = self.write().await?;
        let runs_made = write.refuse_stale(task.id, expected_version).await?;
        write.refuse_duplicate(task).await?;
        write.replace_task(task, expected_version).await?;
        let mut updated = match drop {
            Some(drop) => write.drop_runs(task, runs_made, drop).await?,
            None => Updated::default(),
        };
        write.retime_due_work(task).await?;
        write.record(change).await?;
        updated.completed = task.status == TaskStatus::Active && write.complete_if_over(task.id).await?;
        write.tasks_changed();
        write.commit().await?;
        Ok(updated)
    }

    async fn delete_task(&self, id: TaskId, expected_version: u64, change: &Change) -> Result<Deletion> {
        task_changes::delete(self, id, expected_version, change).await
    }

    async fn skip_occurrence(
        &self,
        task: &Task,
        expected_version: u64,
        skipped: &PlannedRun,
        change: &Change,
    ) -> Result<Run> {
        task_changes::skip(self, task, expected_version, skipped, change).await
    }

    async fn next_queued(&self, task: TaskId, after: DateTime<Utc>) -> Result<Option<QueuedOccurrence>> {
        let row = sqlx::query(sql!("common/select_next_queued"))
            .bind(task.as_uuid())
            .bind(DbTime(after))
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| {
            let c = Columns::new(&row, "task_run", "scheduled_for");
            Ok(QueuedOccurrence {
                scheduled_for: c.time("scheduled_for")?,
                run_at: c.time("run_at")?,
            })
        })
        .transpose()
    }

    async fn enqueue_run(&self, run: &PlannedRun, change: &Change) -> Result<Run> {
        self.enqueue(run, &[], change).await
    }

    async fn enqueue_retry(&self, retry: &Retry, change: &Change) -> Result<Run> {
        self.enqueue(&retry.run, &retry.steps, change).await
    }

    async fn materialise_due(&self, horizon: Duration, limit: usize, planner: Planner<'_>) -> Result<Materialised> {
        materialise::pass(self, horizon, limit, planner).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        let row = sqlx::query(sql!("common/next_due"))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns::new(&row, "task", "next_due").time_opt("next_due")
    }
}

impl SqliteStore {
    async fn enqueue(&self, run: &PlannedRun, steps: &[StepRecord], change: &Change) -> Result<Run> {
        let mut write = self.write().await?;
        let task = write.task(run.task).await?;
        if !write.insert_run(&task, run, change.at).await? {
            return Err(StoreError::Duplicate {
                noun: "run",
                existing: run.id.to_string(),
                detail: format!(
                    "a run with the id {}, or of the same occurrence of its task, exists already",
                    run.id
                ),
            });
        }
        for step in steps {
            write.upsert_step(step).await?;
        }
        write.record(change).await?;
        let row = sqlx::query(sql!("common/select_run"))
            .bind(run.id.as_uuid())
            .fetch_one(write.sql())
            .await?;
        let stored = rows::run(&row)?;
        write.commit().await?;
        Ok(stored)
    }
}

impl Write<'_> {
    /// The task, which must exist.
    pub(super) async fn task(&mut self, id: TaskId) -> Result<Task> {
        let row = sqlx::query(sql!("common/select_task"))
            .bind(id.as_uuid())
            .fetch_optional(self.sql())
            .await?;
        row.as_ref().map(rows::task).transpose()?.ok_or_else(|| not_found(id))
    }

    /// Answers how many runs the schedule has made so far.
    pub(super) async fn refuse_stale(&mut self, id: TaskId, expected: u64) -> Result<u64> {
        let row = sqlx::query(sql!("common/select_task_version"))
            .bind(id.as_uuid())
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Err(not_found(id)) };
        let c = Columns::new(&row, "task", "version");
        let found: u64 = c.number("version")?;
        if found == expected {
            return c.number("runs_made");
        }
        Err(StoreError::Stale {
            noun: "task",
            id: id.to_string(),
            expected,
            found,
        })
    }

    async fn refuse_duplicate(&mut self, task: &Task) -> Result<()> {
        let Some(key) = &task.definition.dedupe_key else {
            return Ok(());
        };
        let window = i64::try_from(task.definition.dedupe_window_seconds)
            .ok()
            .and_then(TimeDelta::try_seconds);
        let since = window
            .and_then(|window| self.now.checked_sub_signed(window))
            .unwrap_or(DateTime::UNIX_EPOCH);
        let row = sqlx::query(sql!("common/find_duplicate_task"))
            .bind(task.owner.as_uuid())
            .bind(key)
            .bind(task.id.as_uuid())
            .bind(DbTime(since))
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(()) };
        let existing = row.try_get::<Uuid, _>("id")?.to_string();
        let detail = format!("the dedupe key `{key}` is held by the task {existing}");
        Err(StoreError::Duplicate {
            noun: "task",
            existing,
            detail,
        })
    }

    async fn insert_task(&mut self, task: &Task) -> Result<()> {
        let last = task.last_run.as_ref();
        let inserted = sqlx::query(sql!("common/insert_task"))
            .bind(task.id.as_uuid())
            .bind(task.owner.as_uuid())
            .bind(task.status.name())
            .bind(signed(task.version))
            .bind(task.definition.schedule_kind.name())
            .bind(task.definition.title.to_lowercase())
            .bind(task.definition.dedupe_key.as_deref())
            .bind(Json(&task.definition))
            .bind(task.timing.next_run_at.map(DbTime))
            .bind(task.timing.next_occurrence.map(DbTime))
            .bind(task.timing.checkpoint.as_ref().map(Json))
            .bind(signed(task.timing.runs_made))
            .bind(last.map(|run| run.id.as_uuid()))
            .bind(last.map(|run| run.state.name()))
            .bind(last.map(|run| DbTime(run.scheduled_for)))
            .bind(last.and_then(|run| run.finished_at).map(DbTime))
            .bind(DbTime(task.created_at))
            .bind(DbTime(task.updated_at))
            .execute(self.sql())
            .await;
        match inserted {
            Ok(_) => Ok(()),
            Err(error) if fault::is_duplicate(&error) => Err(StoreError::Duplicate {
                noun: "task",
                existing: task.id.to_string(),
                detail: format!("a task with the id {} exists already", task.id),
            }),
            Err(error) if fault::is_dangling(&error) => Err(StoreError::NotFound {
                noun: "agent",
                id: task.owner.to_string(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn replace_task(&mut self, task: &Task, expected_version: u64) -> Result<()> {
        sqlx::query(sql!("common/update_task"))
            .bind(task.id.as_uuid())
            .bind(signed(expected_version))
            .bind(task.status.name())
            .bind(signed(task.version))
            .bind(task.definition.schedule_kind.name())
            .bind(task.definition.title.to_lowercase())
            .bind(task.definition.dedupe_key.as_deref())
            .bind(Json(&task.definition))
            .bind(task.timing.next_run_at.map(DbTime))
            .bind(task.timing.next_occurrence.map(DbTime))
            .bind(task.timing.checkpoint.as_ref().map(Json))
            .bind(signed(task.timing.runs_made))
            .bind(DbTime(task.updated_at))
            .execute(self.sql())
            .await?;
        sqlx::query(sql!("common/delete_task_tags"))
            .bind(task.id.as_uuid())
            .execute(self.sql())
            .await?;
        self.insert_tags(task).await
    }

    async fn insert_tags(&mut self, task: &Task) -> Result<()> {
        for tag in &task.definition.tags {
            let insert = sqlx::query(sql!("common/insert_task_tag"))
                .bind(task.id.as_uuid())
                .bind(tag);
            insert.execute(self.sql()).await?;
        }
        Ok(())
    }
}

fn not_found(id: TaskId) -> StoreError {
    StoreError::NotFound {
        noun: "task",
        id: id.to_string(),
    }
}
