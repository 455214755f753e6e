//! `DELETE /agents/{id}`: removes an agent that owns no tasks, with its tokens and sessions. 204.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::{What, change_of, found, refuse_extension, require_held};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{NoQuery, Segment},
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let agent = found(&state, &caller, &id).await?;
    refuse_extension(&agent)?;
    require_held(&caller, agent.scopes.iter())?;
    let what = What {
        action: "agent.deleted",
        agent: &agent,
        details: json!({ "name": agent.name }),
    };
    let change = change_of(&state, &caller, &context, &what);
    state.store.delete_agent(agent.id, &change).await?;
    state.authority.forget(agent.id);
    tracing::info!(agent = %agent.id, by = %caller.id(), "removed an agent");
    Ok(StatusCode::NO_CONTENT)
}
