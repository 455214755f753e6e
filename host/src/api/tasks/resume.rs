//! `POST /tasks/{id}/resume`: the task goes on at its next occurrence. Does nothing when it is so already.

use axum::{extract::State, response::Response};

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn resume(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task, _| task.resume(now)).await
}
