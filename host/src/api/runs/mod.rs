//! Runs: what became of occurrences.

pub(super) mod cancel;
pub(super) mod get;
pub(super) mod list;
pub(super) mod retry;
pub(super) mod stats;
pub(super) mod steps;
pub(super) mod wire;

use ordinaut_domain::{AgentId, RunId};
use ordinaut_store::RunDetail;

use super::{caller::Caller, problem::Problem, state::ApiState};

/// The run, if the caller may do with it what `scope` says. A run belongs to whom its task belongs to.
async fn reachable(state: &ApiState, caller: &Caller, scope: &str, id: &str) -> Result<RunDetail, Problem> {
    caller.require(scope)?;
    let hidden = || Problem::not_found("run", id.chars().take(64).collect::<String>());
    // Text that is no id names no run.
    let parsed: RunId = id.parse().map_err(|_| hidden())?;
    let detail = state.store.run(parsed).await?.ok_or_else(hidden)?;
    caller.may(scope, "runs:read", detail.owner, hidden)?;
    Ok(detail)
}

/// Whose runs are shown when those of `asked` are asked for: everybody's (none) only to those who see them all.
fn asked_owner(caller: &Caller, asked: Option<AgentId>) -> Result<Option<AgentId>, Problem> {
    match (caller.owner_filter("runs:read")?, asked) {
        (Some(own), Some(asked)) if own != asked => Err(Caller::lacks("runs:read:any")),
        (own, asked) => Ok(own.or(asked)),
    }
}
