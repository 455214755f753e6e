//! The queue: leases with fencing tokens.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{
    Event, FencingToken, Lease, LeasedWork, RunError, RunId, RunState, StepRecord, Task, TaskId, WorkerId,
};
use sqlx::types::Json;

use super::{SqliteStore, columns::Columns, rows, run_changes::Ending, settle, write::Write};
use crate::{
    codec::{DbTime, signed},
    contract::{LeaseRequest, Queue, Renewal, Settlement},
    error::{Result, StoreError},
    lifecycle::{Moment, RunFacts, run_event},
    names::Named,
};

/// How many expired leases one call takes back. More than any worker holds, little enough for a short transaction.
const EXPIRED_BATCH: i64 = 500;

#[async_trait]
impl Queue for SqliteStore {
    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<LeasedWork>> {
        let mut write = self.write().await?;
        let expired = write.take_back_expired().await?;
        let leased = write.lease(request).await?;
        // An idle worker's look writes nothing, and so waits for no disk.
        if expired > 0 || leased.took_work {
            write.commit().await?;
        }
        Ok(leased.work)
    }

    async fn renew(&self, worker: &WorkerId, leases: &[Lease], ttl: Duration) -> Result<Renewal> {
        let mut write = self.write().await?;
        let until = after(write.now, ttl);
        let mut renewal = Renewal::default();
        for lease in leases {
            let row = sqlx::query(sql!("common/renew_lease"))
                .bind(lease.run.as_uuid())
                .bind(signed(lease.token.0))
                .bind(DbTime(until))
                .bind(&worker.0)
                .fetch_optional(write.sql())
                .await?;
            match row {
                None => renewal.lost.push(lease.run),
                Some(row) => {
                    let c = Columns::new(&row, "due_work", "cancel_reason");
                    if c.get::<Option<&str>>("cancel_reason")?.is_some() {
                        renewal.canceled.push(lease.run);
                    }
                }
            }
        }
        let now = write.now;
        sqlx::query(sql!("common/upsert_heartbeat"))
            .bind(&worker.0)
            .bind(DbTime(now))
            .bind(signed((leases.len() - renewal.lost.len()) as u64))
            .execute(write.sql())
            .await?;
        write.commit().await?;
        Ok(renewal)
    }

    async fn record_step(&self, lease: Lease, step: &StepRecord, events: &[Event]) -> Result<()> {
        let mut write = self.write().await?;
        if write.held_lease(lease).await?.is_none() || step.run != lease.run {
            return Err(StoreError::LeaseLost {
                run: lease.run.to_string(),
            });
        }
        write.upsert_step(step).await?;
        for event in events {
            write.append(event).await?;
        }
        write.commit().await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Result<()>>> {
        settle::settle(self, settlements).await
    }

    async fn next_ready(&self) -> Result<Option<DateTime<Utc>>> {
        let row = sqlx::query(sql!("common/next_ready"))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns::new(&row, "due_work", "next_ready").time_opt("next_ready")
    }

    async fn reclaim_at_start(&self) -> Result<usize> {
        let mut write = self.write().await?;
        let rows = sqlx::query(sql!("common/select_leased")).fetch_all(write.sql()).await?;
        let leases = rows.iter().map(lease_of).collect::<Result<Vec<_>>>()?;
        for lease in &leases {
            write.abandon(*lease).await?;
        }
        write.commit().await?;
        Ok(leases.len())
    }

    async fn worker_stopped(&self, worker: &WorkerId) -> Result<()> {
        let mut write = self.write().await?;
        sqlx::query(sql!("common/delete_heartbeat"))
            .bind(&worker.0)
            .execute(write.sql())
            .await?;
        write.commit().await
    }
}

/// An instant as far as the calendar reaches.
pub(super) fn after(now: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    let delay = TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX);
    crate::codec::whole_micros(now.checked_add_signed(delay).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

fn lease_of(row: &sqlx::sqlite::SqliteRow) -> Result<Lease> {
    let c = Columns::new(row, "due_work", "run_id");
    Ok(Lease {
        run: c.id("run_id")?,
        token: FencingToken(c.number("token")?),
    })
}

/// What came of a look at the queue.
struct Leased {
    work: Vec<LeasedWork>,
    /// Also when none of the work taken could be handed out.
    took_work: bool,
}

/// A row that was leased just now.
struct Picked {
    lease: Lease,
    task: TaskId,
    attempt: u32,
}

impl Write<'_> {
    async fn take_back_expired(&mut self) -> Result<usize> {
        let now = self.now;
        let rows = sqlx::query(sql!("common/select_expired"))
            .bind(DbTime(now))
            .bind(EXPIRED_BATCH)
            .fetch_all(self.sql())
            .await?;
        let leases = rows.iter().map(lease_of).collect::<Result<Vec<_>>>()?;
        for lease in &leases {
            self.abandon(*lease).await?;
        }
        Ok(leases.len())
    }

    async fn lease(&mut self, request: &LeaseRequest) -> Result<Leased> {
        let expires_at = after(self.now, request.ttl);
        let picked = self.pick(request, expires_at).await?;
        // Many runs of one task are common; its definition is read once.
        let mut tasks: HashMap<TaskId, Task> = HashMap::new();
        let took_work = !picked.is_empty();
        let mut leased = Vec::with_capacity(picked.len());
        for work in picked {
            let task = match tasks.get(&work.task) {
                Some(task) => task.clone(),
                None => match self.task(work.task).await {
                    Ok(task) => tasks.entry(work.task).or_insert(task).clone(),
                    Err(corrupt @ StoreError::Corrupt { .. }) => {
                        self.fail_unreadable(work.lease.run, &corrupt).await?;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            leased.push(self.begin_attempt(work, task, &request.worker, expires_at).await?);
        }
        Ok(Leased {
            work: leased,
            took_work,
        })
    }

    /// Ends a run whose task nobody can read: it would come back with every lease, and hold up all others.
    async fn fail_unreadable(&mut self, run: RunId, corrupt: &StoreError) -> Result<()> {
        tracing::error!(%run, error = %corrupt, "a run was failed because its task cannot be read");
        let error = RunError {
            step: None,
            code: "corrupt_task".into(),
            message: corrupt.to_string(),
            retryable: false,
            details: None,
        };
        let ending = Ending {
            state: RunState::Failed,
            reason: None,
            output: None,
            error: Some(&error),
            simulated: false,
            attempt_started_at: None,
            finished_at: self.now,
        };
        self.end_run(run, &ending).await
    }

    /// Takes due work, in order, and gives each its token.
    async fn pick(&mut self, request: &LeaseRequest, expires_at: DateTime<Utc>) -> Result<Vec<Picked>> {
        let horizon = after(self.now, request.early);
        let row = sqlx::query(sql!("common/select_last_token"))
            .fetch_one(self.sql())
            .await?;
        let last: i64 = Columns::new(&row, "fencing_token", "last").get("last")?;
        let rows = sqlx::query(sql!("sqlite/lease"))
            .bind(DbTime(horizon))
            .bind(signed(request.limit as u64))
            .bind(&request.worker.0)
            .bind(DbTime(expires_at))
            .bind(last)
            .fetch_all(self.sql())
            .await?;
        let mut picked = Vec::with_capacity(rows.len());
        for row in &rows {
            let c = Columns::new(row, "due_work", "run_id");
            picked.push(Picked {
                lease: lease_of(row)?,
                task: c.id("task_id")?,
                attempt: c.number("attempt")?,
            });
        }
        if !picked.is_empty() {
            let newest = last + picked.len() as i64;
            sqlx::query(sql!("common/update_last_token"))
                .bind(newest)
                .execute(self.sql())
                .await?;
        }
        // RETURNING keeps no order; tokens were given in it.
        picked.sort_unstable_by_key(|work| work.lease.token);
        Ok(picked)
    }

    async fn begin_attempt(
        &mut self,
        work: Picked,
        task: Task,
        worker: &WorkerId,
        expires_at: DateTime<Utc>,
    ) -> Result<LeasedWork> {
        let Picked { lease, attempt, .. } = work;
        let now = self.now;
        let row = sqlx::query(sql!("common/start_run"))
            .bind(lease.run.as_uuid())
            .bind(i64::from(attempt))
            .bind(DbTime(now))
            .fetch_one(self.sql())
            .await?;
        let run = rows::run(&row)?;
        sqlx::query(sql!("common/insert_attempt"))
            .bind(lease.run.as_uuid())
            .bind(signed(lease.token.0))
            .bind(i64::from(attempt))
            .bind(&worker.0)
            // What is leased early is held until its time.
            .bind(DbTime(now.max(run.run_at)))
            .execute(self.sql())
            .await?;
        let facts = RunFacts {
            run: run.id,
            task: run.task,
            owner: task.owner,
            cause: run.cause,
            scheduled_for: run.scheduled_for,
            run_at: run.run_at,
            attempt,
            simulated: run.simulated,
            hops: run.hops(),
        };
        self.emit(run_event(Moment::Started, &facts, None, None)).await?;
        let steps = self.steps(lease.run).await?;
        Ok(LeasedWork {
            lease,
            expires_at,
            run,
            task,
            steps,
        })
    }

    async fn steps(&mut self, run: RunId) -> Result<Vec<StepRecord>> {
        let rows = sqlx::query(sql!("common/select_steps"))
            .bind(run.as_uuid())
            .fetch_all(self.sql())
            .await?;
        rows.iter().map(rows::step).collect()
    }

    /// Stores a step's record unless a final one is stored.
    pub(super) async fn upsert_step(&mut self, step: &StepRecord) -> Result<()> {
        sqlx::query(sql!("common/upsert_step"))
            .bind(step.run.as_uuid())
            .bind(&step.step)
            .bind(i64::from(step.index))
            .bind(i64::from(step.attempt))
            .bind(step.state.name())
            .bind(step.uses.as_deref())
            .bind(i64::from(step.tries))
            .bind(step.input.as_ref().map(Json))
            .bind(step.result.as_ref().map(Json))
            .bind(step.error.as_ref().map(Json))
            .bind(step.simulated)
            .bind(&step.effect_key)
            .bind(DbTime(step.started_at))
            .bind(step.finished_at.map(DbTime))
            .execute(self.sql())
            .await?;
        Ok(())
    }
}
