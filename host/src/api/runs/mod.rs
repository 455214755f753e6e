//! Runs: what became of occurrences.

pub(super) mod cancel;
pub(super) mod get;
pub(super) mod list;
pub(super) mod steps;
pub(super) mod wire;

use ordinaut_domain::RunId;
use ordinaut_store::RunDetail;

use super::{caller::Caller, problem::Problem, state::ApiState};

/// The run, if the caller may do with it what `scope` says. A run belongs to whom its task belongs to.
async fn reachable(state: &ApiState, caller: &Caller, scope: &str, id: &str) -> Result<RunDetail, Problem> {
    caller.require(scope)?;
    let hidden = || Problem::not_found("run", id.chars().take(64).collect::<String>());
    // Text that is no id names no run.
    let parsed: RunId = id.parse().map_err(|_| hidden())?;
    let detail = state.store.run(parsed).await?.ok_or_else(hidden)?;
    if !caller.reaches_all(scope) {
        let task = state.store.task(detail.run.task).await?.ok_or_else(hidden)?;
        caller.may(scope, "runs:read", task.owner, hidden)?;
    }
    Ok(detail)
}
