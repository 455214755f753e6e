//! `POST /tasks/{id}/cancel`: ends the task for good; its queued runs are canceled too. Running ones finish.

use axum::{extract::State, response::Response};

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task, _| task.cancel(now)).await
}
