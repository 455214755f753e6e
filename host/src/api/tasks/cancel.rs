//! `POST /tasks/{id}/cancel`: ends the task for good; its queued runs are canceled too. Running ones finish.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Path(id): Path<String>,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task| task.cancel(now)).await
}
