//! Turns: which unfinished runs may be leased, and which wait for others of their task or concurrency key.
//!
//! Invariant, at the end of every transaction: no run waits that could have its turn. So whoever takes something out
//! of the queue, or changes how much may be in it, calls [`Write::promote`].

use chrono::{DateTime, Utc};
use ordinaut_domain::{Concurrency, OverlapPolicy, PlannedRun, RunId, RunState, Task, TaskId};
use sqlx::types::Json;

use super::{columns::Columns, write::Write};
use crate::{
    codec::DbTime,
    error::Result,
    lifecycle::{Moment, RunFacts, run_event},
    names::Named,
};

/// The task and concurrency key of work that is gone, whose turn is free.
#[derive(Debug, Clone, Default)]
pub(super) struct FreeTurn {
    pub(super) task: Option<TaskId>,
    pub(super) key: Option<String>,
}

/// Whether runs of the task may not overlap.
pub(super) fn is_exclusive(task: &Task) -> bool {
    task.definition.overlap_policy != OverlapPolicy::Allow
}

/// The concurrency key and limit as columns.
pub(super) fn key_and_limit(concurrency: Option<&Concurrency>) -> (Option<&str>, Option<i64>) {
    let limit = concurrency.map(|concurrency| i64::from(concurrency.limit.max(1)));
    (concurrency.map(|concurrency| concurrency.key.as_str()), limit)
}

impl Write<'_> {
    /// Makes a run of a planned occurrence: queued, or recorded as skipped. False when the occurrence has one already.
    pub(super) async fn insert_run(&mut self, task: &Task, planned: &PlannedRun, at: DateTime<Utc>) -> Result<bool> {
        let made = planned.as_made(at);
        let (state, reason) = (made.state, made.reason.as_deref());
        let done = sqlx::query(sql!("common/insert_run"))
            .bind(planned.id.as_uuid())
            .bind(planned.task.as_uuid())
            .bind(state.name())
            .bind(planned.cause.name())
            .bind(DbTime(planned.scheduled_for))
            .bind(DbTime(planned.run_at))
            .bind(made.finished_at.map(DbTime))
            .bind(reason)
            .bind(Json(&planned.trigger))
            .bind(planned.simulate)
            .bind(DbTime(made.created_at))
            .execute(self.sql())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        if state == RunState::Queued {
            self.insert_due_work(task, planned).await?;
        }
        let facts = RunFacts {
            run: planned.id,
            task: planned.task,
            owner: task.owner,
            cause: planned.cause,
            scheduled_for: planned.scheduled_for,
            run_at: planned.run_at,
            attempt: 0,
            simulated: planned.simulate,
            hops: made.hops(),
        };
        let moment = if state == RunState::Queued {
            Moment::Queued
        } else {
            Moment::Skipped
        };
        self.emit(run_event(moment, &facts, reason, None)).await?;
        Ok(true)
    }

    async fn insert_due_work(&mut self, task: &Task, planned: &PlannedRun) -> Result<()> {
        let (key, limit) = key_and_limit(task.definition.concurrency.as_ref());
        let row = sqlx::query(sql!("sqlite/insert_due_work"))
            .bind(planned.id.as_uuid())
            .bind(planned.task.as_uuid())
            .bind(i64::from(task.definition.priority))
            .bind(DbTime(planned.run_at))
            .bind(is_exclusive(task))
            .bind(key)
            .bind(limit)
            .fetch_one(self.sql())
            .await?;
        if Columns::new(&row, "due_work", "run_id").get::<&str>("state")? == "ready" {
            self.work_changed();
        }
        Ok(())
    }

    /// Takes a run out of the queue.
    pub(super) async fn remove_due_work(&mut self, run: RunId) -> Result<FreeTurn> {
        let row = sqlx::query(sql!("common/delete_due_work"))
            .bind(run.as_uuid())
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(FreeTurn::default()) };
        let c = Columns::new(&row, "due_work", "run_id");
        Ok(FreeTurn {
            task: Some(c.id("task_id")?),
            key: c.get("concurrency_key")?,
        })
    }

    /// Gives free turns to whoever waits for them, until nobody who could have one waits.
    pub(super) async fn promote(&mut self, free: &FreeTurn) -> Result<()> {
        // The key first: its order goes across tasks, and a run of the same task takes part in it.
        if let Some(key) = &free.key {
            loop {
                let next = sqlx::query(sql!("sqlite/promote_of_key")).bind(key);
                if next.fetch_optional(self.sql()).await?.is_none() {
                    break;
                }
                self.work_changed();
            }
        }
        if let Some(task) = free.task {
            loop {
                let next = sqlx::query(sql!("sqlite/promote_of_task")).bind(task.as_uuid());
                if next.fetch_optional(self.sql()).await?.is_none() {
                    break;
                }
                self.work_changed();
            }
        }
        Ok(())
    }

    /// The concurrency keys under which work of a task is queued.
    pub(super) async fn keys_of_task(&mut self, task: TaskId) -> Result<Vec<String>> {
        let rows = sqlx::query(sql!("common/select_keys_of_task"))
            .bind(task.as_uuid())
            .fetch_all(self.sql())
            .await?;
        let key = |row| Columns::new(row, "due_work", "concurrency_key").get("concurrency_key");
        rows.iter().map(key).collect()
    }

    /// Lets queued work follow a change of its task: priority, overlap policy and concurrency key.
    pub(super) async fn retime_due_work(&mut self, task: &Task) -> Result<()> {
        let mut keys = self.keys_of_task(task.id).await?;
        let (key, limit) = key_and_limit(task.definition.concurrency.as_ref());
        let changed = sqlx::query(sql!("common/retime_due_work"))
            .bind(task.id.as_uuid())
            .bind(i64::from(task.definition.priority))
            .bind(is_exclusive(task))
            .bind(key)
            .bind(limit)
            .execute(self.sql())
            .await?
            .rows_affected();
        if changed == 0 {
            return Ok(());
        }
        keys.extend(key.map(str::to_owned));
        self.promote(&FreeTurn {
            task: Some(task.id),
            key: None,
        })
        .await?;
        for key in keys {
            self.promote(&FreeTurn {
                task: None,
                key: Some(key),
            })
            .await?;
        }
        Ok(())
    }
}
