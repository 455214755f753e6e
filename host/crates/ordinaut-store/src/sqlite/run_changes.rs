//! What may happen to a run once it exists: it ends, goes back into the queue, or is to be canceled.

use chrono::{DateTime, Utc};
use ordinaut_domain::{DropRuns, DroppedRuns, Lease, RunCause, RunError, RunId, RunState, Task, TaskId, Timing};
use serde_json::Value;
use sqlx::types::Json;

use super::{columns::Columns, rows, write::Write};
use crate::{
    codec::{DbTime, signed},
    contract::Updated,
    error::Result,
    lifecycle::{Moment, run_event},
    names::Named,
};

/// How a run ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    /// A final state.
    pub(super) state: RunState,
    pub(super) reason: Option<&'a str>,
    pub(super) output: Option<&'a Value>,
    pub(super) error: Option<&'a RunError>,
    pub(super) simulated: bool,
    /// When the present attempt began, if one did.
    pub(super) attempt_started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: DateTime<Utc>,
}

/// Unfinished work as the queue knows it.
pub(super) struct Unfinished {
    pub(super) run: RunId,
    /// Whether a worker has it.
    pub(super) leased: bool,
    /// Whether it is the schedule's, and no attempt was ever begun.
    pub(super) untouched: bool,
    pub(super) scheduled_for: DateTime<Utc>,
    pub(super) run_at: DateTime<Utc>,
}

/// What is left of a lease that is held.
pub(super) struct HeldLease {
    pub(super) run_at: DateTime<Utc>,
    pub(super) attempt: u32,
    pub(super) cancel_reason: Option<String>,
}

impl Write<'_> {
    /// The lease, if its token is the present one.
    pub(super) async fn held_lease(&mut self, lease: Lease) -> Result<Option<HeldLease>> {
        let row = sqlx::query(sql!("common/select_lease"))
            .bind(lease.run.as_uuid())
            .bind(signed(lease.token.0))
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let c = Columns::new(&row, "due_work", "task_id");
        Ok(Some(HeldLease {
            run_at: c.time("run_at")?,
            attempt: c.number("attempt")?,
            cancel_reason: c.get("cancel_reason")?,
        }))
    }

    /// Ends a run: its record, the queue, the turn of whoever waited, the task's last run, the event, and the task
    /// itself if this was its last run.
    pub(super) async fn end_run(&mut self, run: RunId, ending: &Ending<'_>) -> Result<()> {
        let row = sqlx::query(sql!("common/finish_run"))
            .bind(run.as_uuid())
            .bind(ending.state.name())
            .bind(DbTime(ending.finished_at))
            .bind(ending.reason)
            .bind(ending.output.map(Json))
            .bind(ending.error.map(Json))
            .bind(ending.simulated)
            .bind(ending.attempt_started_at.map(DbTime))
            .fetch_one(self.sql())
            .await?;
        let facts = rows::run_facts(&row)?;
        let free = self.remove_due_work(run).await?;
        // What was left out was no run.
        if ending.state != RunState::Skipped {
            sqlx::query(sql!("common/update_last_run"))
                .bind(facts.task.as_uuid())
                .bind(run.as_uuid())
                .bind(ending.state.name())
                .bind(DbTime(facts.scheduled_for))
                .bind(DbTime(ending.finished_at))
                .execute(self.sql())
                .await?;
        }
        if let Some(moment) = Moment::of_end(ending.state) {
            self.emit(run_event(moment, &facts, ending.reason, ending.error))
                .await?;
        }
        self.promote(&free).await?;
        self.complete_if_over(facts.task).await?;
        Ok(())
    }

    /// Ends a run as canceled.
    pub(super) async fn end_canceled(&mut self, run: RunId, reason: &str) -> Result<()> {
        let ending = Ending {
            state: RunState::Canceled,
            reason: Some(reason),
            output: None,
            error: None,
            simulated: false,
            attempt_started_at: None,
            finished_at: self.now,
        };
        self.end_run(run, &ending).await
    }

    /// Puts a run whose attempt has ended back into the queue; it keeps its turn.
    pub(super) async fn requeue(
        &mut self,
        run: RunId,
        (run_at, attempt): (DateTime<Utc>, u32),
        (moment, reason, error): (Moment, Option<&str>, Option<&RunError>),
    ) -> Result<()> {
        sqlx::query(sql!("common/requeue_due_work"))
            .bind(run.as_uuid())
            .bind(DbTime(run_at))
            .bind(i64::from(attempt))
            .execute(self.sql())
            .await?;
        let row = sqlx::query(sql!("common/requeue_run"))
            .bind(run.as_uuid())
            .bind(DbTime(run_at))
            .bind(i64::from(attempt))
            .fetch_one(self.sql())
            .await?;
        self.work_changed();
        self.emit(run_event(moment, &rows::run_facts(&row)?, reason, error))
            .await
    }

    /// Takes a run from a worker that cannot be alive any more, and records its attempt as abandoned.
    pub(super) async fn abandon(&mut self, lease: Lease) -> Result<()> {
        let Some(held) = self.held_lease(lease).await? else {
            return Ok(());
        };
        sqlx::query(sql!("common/abandon_attempt"))
            .bind(lease.run.as_uuid())
            .bind(signed(lease.token.0))
            .execute(self.sql())
            .await?;
        if let Some(reason) = &held.cancel_reason {
            return self.end_canceled(lease.run, reason).await;
        }
        let next = (held.run_at, held.attempt);
        self.requeue(lease.run, next, (Moment::Abandoned, Some("its lease ran out"), None))
            .await
    }

    /// Unfinished runs of a task, by occurrence.
    pub(super) async fn unfinished(&mut self, task: TaskId) -> Result<Vec<Unfinished>> {
        let rows = sqlx::query(sql!("common/select_unfinished"))
            .bind(task.as_uuid())
            .fetch_all(self.sql())
            .await?;
        rows.iter()
            .map(|row| {
                let c = Columns::new(row, "due_work", "run_id");
                let token: Option<i64> = c.get("token")?;
                let cause: RunCause = c.named("cause")?;
                Ok(Unfinished {
                    run: c.id("run_id")?,
                    leased: token.is_some(),
                    untouched: cause == RunCause::Schedule && !c.get::<bool>("begun")?,
                    scheduled_for: c.time("scheduled_for")?,
                    run_at: c.time("run_at")?,
                })
            })
            .collect()
    }

    /// Cancels the queued runs of a task and asks for those that run to be canceled.
    pub(super) async fn cancel_unfinished(&mut self, task: TaskId, reason: &str) -> Result<()> {
        // First those that run, so that no turn is given to a run that is about to be canceled as well.
        let (running, queued): (Vec<_>, Vec<_>) =
            self.unfinished(task).await?.into_iter().partition(|work| work.leased);
        for work in running {
            self.request_cancel(work.run, reason).await?;
        }
        for work in queued {
            self.end_canceled(work.run, reason).await?;
        }
        Ok(())
    }

    /// Cancels queued runs of a task whose change has just been stored, and gives back what they had taken:
    /// `runs_made` is how many runs the schedule had made before.
    pub(super) async fn drop_runs(&mut self, task: &Task, runs_made: u64, drop: &DropRuns) -> Result<Updated> {
        let (running, queued): (Vec<_>, Vec<_>) = self
            .unfinished(task.id)
            .await?
            .into_iter()
            .partition(|work| work.leased);
        let mut timing = Timing {
            runs_made,
            ..task.timing.clone()
        };
        let mut updated = Updated {
            running: running.len(),
            ..Updated::default()
        };
        for work in queued {
            let wanted = match drop.which {
                DroppedRuns::ScheduledNotBegun => work.untouched,
                DroppedRuns::All => true,
            };
            if !wanted || drop.not_before.is_some_and(|first| work.scheduled_for < first) {
                continue;
            }
            self.end_canceled(work.run, &drop.reason).await?;
            updated.dropped += 1;
            if work.untouched {
                timing.runs_made = timing.runs_made.saturating_sub(1);
                // It is still to come, so it must not be lost when the task goes on.
                let is_ahead = work.run_at > self.now && drop.which == DroppedRuns::ScheduledNotBegun;
                if is_ahead && timing.next_occurrence.is_none_or(|next| work.scheduled_for < next) {
                    timing.next_occurrence = Some(work.scheduled_for);
                    timing.next_run_at = Some(work.run_at);
                }
            }
        }
        if updated.dropped > 0 {
            self.write_timing(task.id, &timing, task.status).await?;
        }
        Ok(updated)
    }

    /// Lets the worker of a run know that it is to be canceled.
    pub(super) async fn request_cancel(&mut self, run: RunId, reason: &str) -> Result<()> {
        sqlx::query(sql!("common/request_cancel"))
            .bind(run.as_uuid())
            .bind(reason)
            .execute(self.sql())
            .await?;
        self.work_changed();
        Ok(())
    }
}
