//! Due work: the queue between the scheduler and the workers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Run, RunCause, RunError, RunId, RunState, StepRecord, Task, TaskId, TaskStatus, Timing};

/// Grows with every lease that is granted. A write that carries an older token than the stored one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

/// Names one granted lease: what every later write about the run must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub run: RunId,
    pub token: FencingToken,
}

/// Work that has been leased, with everything needed to do it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeasedWork {
    pub lease: Lease,
    /// By database time.
    pub expires_at: DateTime<Utc>,
    /// `run.run_at` may be a little in the future: the worker holds the work until then.
    pub run: Run,
    /// The task as it was when the lease was granted.
    pub task: Task,
    /// Steps that earlier attempts have recorded, in the order of the pipeline.
    pub steps: Vec<StepRecord>,
}

/// An occurrence that is to become a run.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    pub id: RunId,
    pub task: TaskId,
    pub cause: RunCause,
    pub scheduled_for: DateTime<Utc>,
    pub run_at: DateTime<Utc>,
    /// Set for an occurrence that is recorded but not run.
    pub skipped: Option<String>,
    /// Set when the occurrence was moved (jitter, snooze, DST).
    pub reason: Option<String>,
    pub trigger: serde_json::Value,
    pub simulate: bool,
}

impl PlannedRun {
    /// The run that comes of it when it is made at this instant: queued, or over already because it is skipped.
    pub fn as_made(&self, at: DateTime<Utc>) -> Run {
        let (state, finished_at, reason) = match &self.skipped {
            Some(reason) => (RunState::Skipped, Some(at), Some(reason)),
            None => (RunState::Queued, None, self.reason.as_ref()),
        };
        Run {
            id: self.id,
            task: self.task,
            state,
            cause: self.cause,
            scheduled_for: self.scheduled_for,
            run_at: self.run_at,
            attempt: 0,
            started_at: None,
            finished_at,
            reason: reason.cloned(),
            trigger: self.trigger.clone(),
            simulated: self.simulate,
            output: None,
            error: None,
            created_at: at,
        }
    }
}

/// A task that the scheduler found due, with what it needs to decide.
#[derive(Debug, Clone)]
pub struct DueTask {
    pub task: Task,
    /// Runs of the task that are queued (their number) and running.
    pub queued: u32,
    pub running: u32,
    /// Database time.
    pub now: DateTime<Utc>,
}

/// What the scheduler decided about a due task: all of it happens in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub runs: Vec<PlannedRun>,
    pub timing: Timing,
    /// `Completed` when no occurrence is left and no run is unfinished. With the last occurrence a queued run, the task
    /// stays active without `next_run_at`, and whoever ends that run completes it.
    pub status: TaskStatus,
    /// Runs to be canceled first (`overlap_policy: cancel_previous` cancels all that are unfinished).
    pub cancel_unfinished: bool,
}

/// An occurrence that has become a queued run which has not begun: runs are made a little before they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedOccurrence {
    pub scheduled_for: DateTime<Utc>,
    pub run_at: DateTime<Utc>,
}

/// Which queued runs a change of their task takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedRuns {
    /// Those that the schedule made and that were never attempted. Runs that somebody asked for, and runs that wait
    /// for another attempt, go on.
    ScheduledNotBegun,
    /// All that are queued.
    All,
}

/// Queued runs that are to be canceled together with a change of their task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropRuns {
    /// Recorded with each of them.
    pub reason: String,
    pub which: DroppedRuns,
    /// Only runs whose nominal occurrence is this one or a later one.
    pub not_before: Option<DateTime<Utc>>,
}

/// How an attempt is to be settled.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The run is over.
    Finished {
        state: RunState,
        output: Option<serde_json::Value>,
        error: Option<RunError>,
    },
    /// Another attempt is to be made, not before `run_at`.
    Retry { run_at: DateTime<Utc>, error: RunError },
    /// The worker gives it back unfinished; it may be leased again at once, and the attempt does not count.
    Released { reason: String },
}

impl RunState {
    /// The text under which the state is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
            Self::Skipped => "skipped",
        }
    }
}
