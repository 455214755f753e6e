//! `GET /agents/{id}`.

use axum::{Json, extract::State};
use serde_json::Value;

use super::{found, shown};
use crate::api::{
    caller::Caller,
    input::{NoQuery, Segment},
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    let agent = found(&state, &caller, &id).await?;
    Ok(Json(shown(&agent)))
}
