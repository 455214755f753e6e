//! The scheduler's pass: due tasks become runs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{DueTask, Plan, Task, TaskId, TaskStatus, Timing};
use sqlx::{sqlite::SqliteRow, types::Json};

use super::{SqliteStore, columns::Columns, rows, write::Write};
use crate::{
    codec::{DbTime, signed},
    contract::{Materialised, Planner},
    error::{Result, StoreError},
    lifecycle::{task_completed, task_suspended},
    names::Named,
};

pub(super) async fn pass(
    store: &SqliteStore,
    horizon: Duration,
    limit: usize,
    planner: Planner<'_>,
) -> Result<Materialised> {
    let mut write = store.write().await?;
    let until = write.now + TimeDelta::from_std(horizon).unwrap_or(TimeDelta::zero());
    let mut done = Materialised::default();
    for row in write.due_tasks(until, limit).await? {
        done.tasks += 1;
        let task = match rows::task(&row) {
            Ok(task) => task,
            Err(corrupt) => {
                write.suspend(&row, &corrupt).await?;
                continue;
            }
        };
        let (queued, running) = write.count_unfinished(&task).await?;
        let due = DueTask {
            task,
            queued,
            running,
            now: write.now,
        };
        let plan = planner(&due);
        write.carry_out(&due.task, &plan, &mut done).await?;
    }
    done.next_due = write.next_due().await?;
    // Nothing was due: nothing was written, and there is nothing to make durable.
    if done.tasks > 0 {
        write.commit().await?;
    }
    Ok(done)
}

impl Write<'_> {
    async fn due_tasks(&mut self, until: DateTime<Utc>, limit: usize) -> Result<Vec<SqliteRow>> {
        let rows = sqlx::query(sql!("sqlite/select_due_tasks"))
            .bind(DbTime(until))
            .bind(signed(limit as u64))
            .fetch_all(self.sql())
            .await?;
        Ok(rows)
    }

    /// Pauses a task that cannot be read: it would be due again with every pass, and hold up all others.
    async fn suspend(&mut self, row: &SqliteRow, corrupt: &StoreError) -> Result<()> {
        let columns = Columns::new(row, "task", "id");
        let task: TaskId = columns.id("id")?;
        tracing::error!(%task, error = %corrupt, "a task was paused because it cannot be read");
        let now = self.now;
        sqlx::query(sql!("common/suspend_task"))
            .bind(task.as_uuid())
            .bind(DbTime(now))
            .execute(self.sql())
            .await?;
        // Whoever owns it hears of it, unless that is what cannot be read.
        let owner = columns.id("owner").ok();
        self.emit(task_suspended(task, owner, &corrupt.to_string())).await
    }

    /// How many runs of the task are queued, and how many running.
    async fn count_unfinished(&mut self, task: &Task) -> Result<(u32, u32)> {
        let row = sqlx::query(sql!("common/count_unfinished"))
            .bind(task.id.as_uuid())
            .fetch_one(self.sql())
            .await?;
        let c = Columns::new(&row, "due_work", "queued");
        Ok((c.number("queued")?, c.number("running")?))
    }

    async fn carry_out(&mut self, task: &Task, plan: &Plan, done: &mut Materialised) -> Result<()> {
        if plan.cancel_unfinished {
            self.cancel_unfinished(task.id, "a later occurrence took its place")
                .await?;
        }
        let now = self.now;
        for run in &plan.runs {
            match (self.insert_run(task, run, now).await?, &run.skipped) {
                (false, _) => {}
                (true, None) => done.queued += 1,
                (true, Some(_)) => done.skipped += 1,
            }
        }
        // The end is not the plan's to declare: only the store knows whether a run is unfinished.
        let status = match plan.status {
            TaskStatus::Completed => task.status,
            other => other,
        };
        self.write_timing(task.id, &plan.timing, status).await?;
        if plan.timing.next_run_at.is_none() {
            self.complete_if_over(task.id).await?;
        }
        Ok(())
    }

    /// Stores a task's place in its timetable, and its status.
    pub(super) async fn write_timing(&mut self, task: TaskId, timing: &Timing, status: TaskStatus) -> Result<()> {
        let now = self.now;
        sqlx::query(sql!("common/update_task_timing"))
            .bind(task.as_uuid())
            .bind(timing.next_run_at.map(DbTime))
            .bind(timing.next_occurrence.map(DbTime))
            .bind(timing.checkpoint.as_ref().map(Json))
            .bind(signed(timing.runs_made))
            .bind(status.name())
            .bind(DbTime(now))
            .execute(self.sql())
            .await?;
        Ok(())
    }

    /// Completes an active task whose schedule has ended and of which no run is unfinished. Called by whatever may
    /// bring this about: a pass, a change of the task, and the end of a run.
    pub(super) async fn complete_if_over(&mut self, task: TaskId) -> Result<bool> {
        let now = self.now;
        let row = sqlx::query(sql!("common/complete_task"))
            .bind(task.as_uuid())
            .bind(DbTime(now))
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(false) };
        let owner = Columns::new(&row, "task", "owner").id("owner")?;
        self.emit(task_completed(task, owner)).await?;
        Ok(true)
    }

    async fn next_due(&mut self) -> Result<Option<DateTime<Utc>>> {
        let row = sqlx::query(sql!("common/next_due")).fetch_one(self.sql()).await?;
        Columns::new(&row, "task", "next_due").time_opt("next_due")
    }
}
