//! `POST /tasks/{id}/pause`: no occurrence becomes a run until the task is resumed; queued runs of the
//! schedule that have not begun are canceled, runs on request and waiting retries go on. Does nothing when it is so already.

use axum::{extract::State, response::Response};

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task, _| task.pause(now)).await
}
