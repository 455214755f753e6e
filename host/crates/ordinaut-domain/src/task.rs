//! Tasks: what is to be done, and when.

use chrono::{DateTime, Utc};
use ordinaut_schedule::{Checkpoint, DstPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AgentId, RetryPolicy, RunId, RunState, TaskId, pipeline::Pipeline};

mod document;
mod parse;
mod schedule;
mod warnings;

pub use parse::{READ_ONLY, TaskContext, without_read_only};
pub use schedule::{anchor, is_same_schedule};

/// What kind of expression says when a task is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    Cron,
    Rrule,
    Once,
    Event,
    Condition,
}

/// Whether a task is still to be scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Its occurrences become runs.
    Active,
    /// It keeps its schedule but makes no runs until it is resumed.
    Paused,
    /// Ended by somebody; final.
    Canceled,
    /// Ended by itself: no occurrence is left, and its last run is over.
    Completed,
}

/// What happens when an occurrence is due while an earlier run of the same task is unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlapPolicy {
    /// The new one is recorded as skipped.
    Skip,
    /// The new one waits; when one waits already, it is recorded as skipped.
    #[default]
    QueueOne,
    /// All wait for their turn.
    QueueAll,
    /// They run side by side.
    Allow,
    /// The earlier run is canceled.
    CancelPrevious,
}

/// What happens to occurrences that nobody served in time, for instance because no scheduler ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MisfirePolicy {
    /// The latest missed one is run; the others are recorded as skipped.
    #[default]
    RunOnce,
    /// All missed ones are recorded as skipped.
    Skip,
    /// All missed ones within the catch-up window are run.
    RunAll,
}

/// When step results are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Each before the next step begins, so that a run that is taken over resumes there.
    Step,
    /// All at the end, with the run.
    Run,
}

/// How many runs that share a key may run at once, whatever task they belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    pub key: String,
    /// At least 1.
    pub limit: u32,
}

/// Everything about a task that its author decides, validated. The serialised form is the API's and the store's: the
/// flat document of `docs/reference/tasks.md`, which [`TaskDefinition::parse`] reads back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "document::Document", into = "document::Document")]
pub struct TaskDefinition {
    /// 1 to 200 characters.
    pub title: String,
    /// At most 2000 characters.
    pub description: Option<String>,
    pub schedule_kind: ScheduleKind,
    /// As the author wrote it, except that a bare RRULE has been given its DTSTART, so that its phase never moves.
    pub schedule_expr: String,
    /// IANA name.
    pub timezone: String,
    pub dst: Option<DstPolicy>,
    pub payload: Payload,
    /// 1 (first) to 9.
    pub priority: u8,
    pub dedupe_key: Option<String>,
    pub dedupe_window_seconds: u64,
    /// In the document: `max_retries`, `backoff_strategy`, `backoff_base_seconds`, `backoff_cap_seconds`.
    pub retry: RetryPolicy,
    /// In the document: `concurrency_key`, `concurrency_limit`.
    pub concurrency: Option<Concurrency>,
    pub overlap_policy: OverlapPolicy,
    pub misfire_policy: MisfirePolicy,
    /// How late, in seconds, a missed occurrence may still be run.
    pub catchup_window_seconds: u64,
    pub jitter_seconds: u64,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub max_runs: Option<u64>,
    /// How long a run may take, all its attempts apart, in seconds.
    pub timeout_seconds: u64,
    pub durability: Durability,
    pub tags: Vec<String>,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// An object that templates see as `params`.
    #[serde(default)]
    pub params: Value,
    pub pipeline: Pipeline,
}

/// The scheduler's place in a task's timetable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// When the scheduler must look at the task next; none when ended or not driven by time. A paused task has one only
    /// to remember when an occurrence that was snoozed, or whose queued run was taken back, was to start.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The nominal occurrence behind `next_run_at`, which differs from it by jitter or snoozing.
    pub next_occurrence: Option<DateTime<Utc>>,
    /// Lets the timetable continue in constant time.
    pub checkpoint: Option<Checkpoint>,
    /// Occurrences that have become runs (skipped ones do not count towards `max_runs`).
    pub runs_made: u64,
}

/// The newest run of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRun {
    pub id: RunId,
    pub state: RunState,
    pub scheduled_for: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    /// The agent that created it; taken from its token.
    pub owner: AgentId,
    pub status: TaskStatus,
    /// Grows with every change by an agent (not with the scheduler's); the ETag.
    pub version: u64,
    pub definition: TaskDefinition,
    pub timing: Timing,
    pub last_run: Option<LastRun>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Task {
    /// When the next occurrence is to start. A paused task may remember one, but makes no runs.
    pub fn next_run_at(&self) -> Option<DateTime<Utc>> {
        self.timing.next_run_at.filter(|_| self.status != TaskStatus::Paused)
    }
}
