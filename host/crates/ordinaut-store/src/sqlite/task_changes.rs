//! Changes of a task that reach into its runs: its end with all of its history, and the next occurrence left out.

use ordinaut_domain::{PlannedRun, Run, RunId, RunState, Task, TaskId, Timing};

use super::{SqliteStore, columns::Columns, due::FreeTurn, rows, run_changes::Ending, write::Write};
use crate::{
    codec::DbTime,
    contract::{Change, Deletion},
    error::{Result, StoreError},
};

/// See [`Tasks::delete_task`](crate::Tasks::delete_task).
pub(super) async fn delete(
    store: &SqliteStore,
    id: TaskId,
    expected_version: u64,
    change: &Change,
) -> Result<Deletion> {
    let mut write = store.write().await?;
    write.refuse_stale(id, expected_version).await?;
    let running: Vec<RunId> = write
        .unfinished(id)
        .await?
        .into_iter()
        .filter(|work| work.leased)
        .map(|work| work.run)
        .collect();
    if !running.is_empty() {
        return Ok(Deletion::Running { runs: running });
    }
    let keys = write.keys_of_task(id).await?;
    let runs = sqlx::query(sql!("common/delete_runs_of_task"))
        .bind(id.as_uuid())
        .execute(write.sql())
        .await?
        .rows_affected();
    sqlx::query(sql!("common/delete_task"))
        .bind(id.as_uuid())
        .execute(write.sql())
        .await?;
    for key in keys {
        let free = FreeTurn {
            task: None,
            key: Some(key),
        };
        write.promote(&free).await?;
    }
    write.record(change).await?;
    write.tasks_changed();
    write.commit().await?;
    Ok(Deletion::Done { runs })
}

/// See [`Tasks::skip_occurrence`](crate::Tasks::skip_occurrence).
pub(super) async fn skip(
    store: &SqliteStore,
    task: &Task,
    expected_version: u64,
    skipped: &PlannedRun,
    change: &Change,
) -> Result<Run> {
    let mut write = store.write().await?;
    write.refuse_stale(task.id, expected_version).await?;
    let stored = write.task(task.id).await?.timing;
    let id = if let Some(run) = write.queued_of_occurrence(skipped).await? {
        let runs_made = stored.runs_made.saturating_sub(1);
        let timing = Timing { runs_made, ..stored };
        write.go_on(task, expected_version, timing).await?;
        write.end_skipped(run, skipped.skipped.as_deref()).await?;
        run
    } else {
        let timing = Timing {
            runs_made: stored.runs_made,
            ..task.timing.clone()
        };
        write.go_on(task, expected_version, timing).await?;
        write.insert_run(task, skipped, change.at).await?;
        skipped.id
    };
    write.record(change).await?;
    write.complete_if_over(task.id).await?;
    let row = sqlx::query(sql!("common/select_run"))
        .bind(id.as_uuid())
        .fetch_one(write.sql())
        .await?;
    let run = rows::run(&row)?;
    write.tasks_changed();
    write.commit().await?;
    Ok(run)
}

impl Write<'_> {
    async fn go_on(&mut self, task: &Task, expected_version: u64, timing: Timing) -> Result<()> {
        let task = Task { timing, ..task.clone() };
        self.replace_task(&task, expected_version).await
    }

    /// The run that the occurrence has become, if it has not begun; one that has is refused.
    async fn queued_of_occurrence(&mut self, occurrence: &PlannedRun) -> Result<Option<RunId>> {
        let row = sqlx::query(sql!("common/select_run_of_occurrence"))
            .bind(occurrence.task.as_uuid())
            .bind(DbTime(occurrence.scheduled_for))
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let c = Columns::new(&row, "task_run", "id");
        let (run, state): (RunId, RunState) = (c.id("id")?, c.named("state")?);
        if state == RunState::Queued && !c.get::<bool>("begun")? {
            return Ok(Some(run));
        }
        Err(StoreError::Duplicate {
            noun: "run",
            existing: run.to_string(),
            detail: format!(
                "the occurrence of {} has become the run {run}, which is {} already",
                occurrence.scheduled_for.to_rfc3339(),
                if state == RunState::Queued {
                    "begun"
                } else {
                    state.as_str()
                }
            ),
        })
    }

    async fn end_skipped(&mut self, run: RunId, reason: Option<&str>) -> Result<()> {
        let ending = Ending {
            state: RunState::Skipped,
            reason,
            output: None,
            error: None,
            simulated: false,
            attempt_started_at: None,
            finished_at: self.now,
        };
        self.end_run(run, &ending).await
    }
}
