//! Tasks: made, looked at and controlled.

pub(super) mod cancel;
mod check;
mod control;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod pause;
mod precondition;
pub(super) mod put;
pub(super) mod resume;
pub(super) mod run_now;
mod schedule;
pub(super) mod skip_next;
pub(super) mod snooze;
mod update;
pub(super) mod validate;
mod wire;

use http::{StatusCode, header};
use ordinaut_domain::{Task, TaskId};
use serde_json::Value;

use super::{caller::Caller, idempotency::Answer, problem::Problem, state::ApiState};

/// The task, if the caller may do with it what `scope` says.
async fn reachable(state: &ApiState, caller: &Caller, scope: &str, id: &str) -> Result<Task, Problem> {
    caller.require(scope)?;
    let hidden = || Problem::not_found("task", id.chars().take(64).collect::<String>());
    // Text that is no id names no task.
    let parsed: TaskId = id.parse().map_err(|_| hidden())?;
    let task = state.store.task(parsed).await?.ok_or_else(hidden)?;
    caller.may(scope, "tasks:read", task.owner, hidden)?;
    Ok(task)
}

/// A strong validator: the version grows with every change by an agent.
fn etag(task: &Task) -> String {
    format!("\"{}\"", task.version)
}

/// The answer that shows a task. Caches would hand it out again for as long as its version stays, while the scheduler moves
/// `next_run_at` and `last_run` on.
fn shown(status: StatusCode, task: &Task, body: Value) -> Answer {
    Answer::new(status, body)
        .header(header::ETAG, etag(task))
        .header(header::CACHE_CONTROL, "no-store")
}
