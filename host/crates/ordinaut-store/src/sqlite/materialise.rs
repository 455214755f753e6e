//! The scheduler's pass: due tasks become runs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{DueTask, Plan, Task, TaskId, TaskStatus};
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
        let task: TaskId = Columns::new(row, "task", "id").id("id")?;
        tracing::error!(%task, error = %corrupt, "a task was paused because it cannot be read");
        let now = self.now;
        sqlx::query(sql!("common/suspend_task"))
            .bind(task.as_uuid())
            .bind(DbTime(now))
            .execute(self.sql())
            .await?;
        self.emit(task_suspended(task, &corrupt.to_string())).await
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
            self.cancel_unfinished(task.id, "a later occurrence took its place", true)
                .await?;
        }
        for run in &plan.runs {
            match (self.insert_run(task, run).await?, &run.skipped) {
                (false, _) => {}
                (true, None) => done.queued += 1,
                (true, Some(_)) => done.skipped += 1,
            }
        }
        let now = self.now;
        sqlx::query(sql!("common/update_task_timing"))
            .bind(task.id.as_uuid())
            .bind(plan.timing.next_run_at.map(DbTime))
            .bind(plan.timing.next_occurrence.map(DbTime))
            .bind(plan.timing.checkpoint.as_ref().map(Json))
            .bind(signed(plan.timing.runs_made))
            .bind(plan.status.name())
            .bind(DbTime(now))
            .execute(self.sql())
            .await?;
        if plan.status == TaskStatus::Completed && task.status != TaskStatus::Completed {
            self.emit(task_completed(task.id, task.owner)).await?;
        }
        Ok(())
    }

    async fn next_due(&mut self) -> Result<Option<DateTime<Utc>>> {
        let row = sqlx::query(sql!("common/next_due")).fetch_one(self.sql()).await?;
        Columns::new(&row, "task", "next_due").time_opt("next_due")
    }
}
