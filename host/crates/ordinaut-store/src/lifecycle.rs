//! The events that the store writes by itself: every change of a run's state, in the change's own transaction.

use chrono::{DateTime, Utc};
use ordinaut_domain::{AgentId, RunCause, RunError, RunId, RunState, TaskId};
use serde_json::{Map, Value, json};

use crate::names::Named;

/// The source of everything that Ordinaut tells about itself.
pub(crate) const SOURCE: &str = "/ordinaut";

/// Something that happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Queued,
    Skipped,
    Started,
    /// Another attempt will be made.
    Retrying,
    /// Given back by a worker that was stopping.
    Released,
    /// Taken from a worker whose lease ran out.
    Abandoned,
    Succeeded,
    Failed,
    Canceled,
    TimedOut,
}

impl Moment {
    /// The moment at which a run reaches a final state.
    pub(crate) const fn of_end(state: RunState) -> Option<Self> {
        match state {
            RunState::Succeeded => Some(Self::Succeeded),
            RunState::Failed => Some(Self::Failed),
            RunState::Canceled => Some(Self::Canceled),
            RunState::TimedOut => Some(Self::TimedOut),
            RunState::Skipped => Some(Self::Skipped),
            RunState::Queued | RunState::Running => None,
        }
    }

    const fn topic(self) -> &'static str {
        match self {
            Self::Queued => "ordinaut.run.queued",
            Self::Skipped => "ordinaut.run.skipped",
            Self::Started => "ordinaut.run.started",
            Self::Retrying => "ordinaut.run.retrying",
            Self::Released => "ordinaut.run.released",
            Self::Abandoned => "ordinaut.run.abandoned",
            Self::Succeeded => "ordinaut.run.succeeded",
            Self::Failed => "ordinaut.run.failed",
            Self::Canceled => "ordinaut.run.canceled",
            Self::TimedOut => "ordinaut.run.timed_out",
        }
    }
}

/// What an event says about its run: small, and enough to filter by and to look the rest up.
#[derive(Debug, Clone)]
pub(crate) struct RunFacts {
    pub(crate) run: RunId,
    pub(crate) task: TaskId,
    pub(crate) owner: AgentId,
    pub(crate) cause: RunCause,
    pub(crate) scheduled_for: DateTime<Utc>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) attempt: u32,
    pub(crate) simulated: bool,
    pub(crate) hops: u32,
}

/// An event without its id and instant.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) topic: &'static str,
    pub(crate) subject: String,
    pub(crate) data: Value,
    pub(crate) hops: u32,
}

/// Tells of a moment in a run's life.
pub(crate) fn run_event(moment: Moment, facts: &RunFacts, reason: Option<&str>, error: Option<&RunError>) -> Draft {
    let mut data = Map::new();
    data.insert("run_id".into(), json!(facts.run));
    data.insert("task_id".into(), json!(facts.task));
    data.insert("owner".into(), json!(facts.owner));
    data.insert("cause".into(), json!(facts.cause.name()));
    data.insert("scheduled_for".into(), json!(facts.scheduled_for));
    data.insert("run_at".into(), json!(facts.run_at));
    data.insert("attempt".into(), json!(facts.attempt));
    if facts.simulated {
        data.insert("simulated".into(), json!(true));
    }
    if let Some(reason) = reason {
        data.insert("reason".into(), json!(reason));
    }
    if let Some(error) = error {
        // Without `details`, which may be large; the run record has them.
        data.insert(
            "error".into(),
            json!({"step": error.step, "code": error.code, "message": error.message}),
        );
    }
    Draft {
        topic: moment.topic(),
        subject: facts.run.to_string(),
        data: Value::Object(data),
        hops: facts.hops,
    }
}

/// Tells that a task has no occurrence left.
pub(crate) fn task_completed(task: TaskId, owner: AgentId) -> Draft {
    Draft {
        topic: "ordinaut.task.completed",
        subject: task.to_string(),
        data: json!({"task_id": task, "owner": owner}),
        hops: 0,
    }
}

/// Tells that a task was paused by the store, because its row cannot be read.
pub(crate) fn task_suspended(task: TaskId, owner: Option<AgentId>, reason: &str) -> Draft {
    Draft {
        topic: "ordinaut.task.suspended",
        subject: task.to_string(),
        data: json!({"task_id": task, "owner": owner, "reason": reason}),
        hops: 0,
    }
}
