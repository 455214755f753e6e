//! `PUT /tasks/{id}`: replaces the whole definition. What only the server writes may be sent along, so that a task can be
//! read, edited and sent back; a field that is left out gets its default.

use axum::{extract::State, response::Response};
use http::HeaderMap;

use super::update::replace;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Segment},
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    headers: HeaderMap,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    let edit = |_: &_| document.clone();
    replace(&state, &caller, &context, &headers, (&id, &document), edit).await
}
