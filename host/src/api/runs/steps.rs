//! `GET /runs/{id}/steps`: the steps of a run, in the order of its pipeline.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{reachable, wire};
use crate::api::{
    caller::Caller,
    input::{NoQuery, Segment},
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn steps(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    let detail = reachable(&state, &caller, "runs:read", &id).await?;
    let steps: Vec<Value> = detail.steps.iter().map(wire::step).collect();
    // Pipelines are short, so there is always one page.
    Ok(Json(json!({ "data": steps, "next_cursor": null })))
}
