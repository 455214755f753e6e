//! `GET /runs/{id}`: one run with its attempts and steps.

use axum::{Json, extract::State};
use serde_json::Value;

use super::{reachable, wire};
use crate::api::{caller::Caller, input::Segment, problem::Problem, state::ApiState};

pub(in crate::api) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Json<Value>, Problem> {
    let detail = reachable(&state, &caller, "runs:read", &id).await?;
    Ok(Json(wire::detail(&detail)))
}
