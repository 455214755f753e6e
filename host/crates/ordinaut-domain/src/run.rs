//! Runs: what became of an occurrence. `queued → running → succeeded | failed | canceled | timed_out | skipped`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{RunId, Task, TaskId, WorkerId};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Due, waiting for a worker, for its turn, or for its next attempt.
    Queued,
    /// A worker holds its lease.
    Running,
    Succeeded,
    /// Its last attempt failed.
    Failed,
    /// Ended by somebody.
    Canceled,
    /// It took longer than the task allows.
    TimedOut,
    /// It was never started; the reason says why.
    Skipped,
}

impl RunState {
    /// Whether nothing more will happen to the run.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Why a run exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunCause {
    Schedule,
    Manual,
    Event,
    Condition,
    Backfill,
    Retry,
}

/// A run without its attempts and steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub task: TaskId,
    pub state: RunState,
    pub cause: RunCause,
    /// The nominal instant of the occurrence.
    pub scheduled_for: DateTime<Utc>,
    /// When it may start: `scheduled_for` plus jitter, snoozing and back-off.
    pub run_at: DateTime<Utc>,
    /// Attempts begun so far.
    pub attempt: u32,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it was skipped, moved or canceled.
    pub reason: Option<String>,
    /// The event, inputs and the like that started it.
    pub trigger: Value,
    /// Whether any tool was simulated.
    pub simulated: bool,
    /// The results by `save_as` or step id, once it succeeded.
    pub output: Option<Value>,
    pub error: Option<RunError>,
    pub created_at: DateTime<Utc>,
}

impl Run {
    /// The event that started it, or the run that it repeats.
    pub fn event(&self) -> Option<&Value> {
        event_behind(self.cause, &self.trigger)
    }

    /// How many event-triggered hops lie behind what is told about it. Loops are cut by it.
    pub fn hops(&self) -> u32 {
        hops_behind(self.cause, &self.trigger)
    }

    /// Parameters that hold for this run and those that repeat it, in place of the task's.
    pub fn own_params(&self) -> Option<&Value> {
        let given = self.trigger.get("params").filter(|params| !params.is_null());
        given.filter(|_| self.cause == RunCause::Retry)
    }

    /// The parameters with which it is executed.
    pub fn params<'a>(&'a self, task: &'a Task) -> &'a Value {
        self.own_params().unwrap_or(&task.definition.payload.params)
    }
}

/// The event behind a run with this cause and trigger.
fn event_behind(cause: RunCause, trigger: &Value) -> Option<&Value> {
    match cause {
        RunCause::Event => Some(trigger),
        RunCause::Retry => trigger.get("event").filter(|event| !event.is_null()),
        _ => None,
    }
}

/// How many event-triggered hops lie behind events about a run with this cause and trigger.
pub fn hops_behind(cause: RunCause, trigger: &Value) -> u32 {
    let Some(event) = event_behind(cause, trigger) else {
        return 0;
    };
    let hops = event.get("hops").and_then(Value::as_u64).unwrap_or(0);
    u32::try_from(hops).unwrap_or(u32::MAX).saturating_add(1)
}

/// Why a run or an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunError {
    /// The step that failed; none when the run itself did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Machine-readable: a tool's code, or `template`, `timeout`, `lease_lost`, …
    pub code: String,
    pub message: String,
    pub retryable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// One attempt at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    pub worker: WorkerId,
    pub fence: u64,
    pub started_at: DateTime<Utc>,
    /// None while it is going on, and for ever when its worker died.
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: Option<AttemptOutcome>,
    pub error: Option<RunError>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    Succeeded,
    Failed,
    TimedOut,
    Canceled,
    /// Given back unfinished by a worker that was stopping.
    Released,
    /// Its lease ran out: the worker died or was cut off.
    Abandoned,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The intent of a `once` tool has been recorded; its result has not.
    Started,
    Succeeded,
    Failed,
    /// Its `if` was not true.
    Skipped,
    /// It was broken off when the run was canceled; its tool did not fail.
    Canceled,
    /// It may or may not have happened; nobody repeats it without being told to.
    Unknown,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    pub run: RunId,
    /// The step's id; for an item of a loop `<id>[<index>]`.
    pub step: String,
    /// The step's place in the pipeline, counted from 0.
    pub index: u32,
    /// The run's attempt in which this was recorded.
    pub attempt: u32,
    pub state: StepState,
    /// The tool that was called.
    pub uses: Option<String>,
    /// How often the tool was called, over all attempts.
    pub tries: u32,
    /// The rendered arguments.
    pub input: Option<Value>,
    pub result: Option<Value>,
    pub error: Option<RunError>,
    pub simulated: bool,
    pub effect_key: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hops_grow_only_behind_events() {
        let trigger = json!({"hops": 3, "topic": "a.b"});
        assert_eq!(hops_behind(RunCause::Event, &trigger), 4);
        assert_eq!(hops_behind(RunCause::Event, &json!(null)), 1);
        assert_eq!(hops_behind(RunCause::Manual, &trigger), 0);
        assert_eq!(hops_behind(RunCause::Retry, &trigger), 0);
        assert_eq!(hops_behind(RunCause::Retry, &json!({"event": trigger})), 4);
        assert_eq!(hops_behind(RunCause::Event, &json!({"hops": u64::MAX})), u32::MAX);
    }
}
