//! `GET /agents/me`: the caller, with the scopes that hold for this very request.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::shown;
use crate::api::{caller::Caller, input::NoQuery, problem::Problem, state::ApiState};

pub(in crate::api) async fn me(
    State(state): State<ApiState>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    let agent = state.store.agent(caller.id()).await?;
    let mut body = shown(&agent.ok_or_else(|| Problem::not_found("agent", caller.id()))?);
    body["scopes"] = json!(caller.0.scopes);
    Ok(Json(body))
}
