//! `POST /tasks`: stores a task. 201 with the task, its `warnings`, `Location` and `ETag`.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use super::{
    check::{check, new_task, refused},
    shown, wire,
};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    idempotency::{Claim, IdempotencyKey},
    input::JsonBody,
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require("tasks:write")?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let now = state.now();
    let checked = check(&state, &document, None, now).map_err(refused)?;
    let task = new_task(&state, &caller, checked.definition, now).map_err(|fault| refused(vec![fault]))?;

    let id = task.id.to_string();
    let details = json!({ "title": task.definition.title });
    let mut change = state.change(caller.id(), "task.created", id.clone(), details, &context);
    change
        .events
        .extend(state.core_event("ordinaut.task.created", id.clone(), wire::event_data(&task), &context));
    let mut body = wire::task(&task);
    body["warnings"] = json!(checked.warnings);
    let answer = shown(StatusCode::CREATED, &task, body).header(header::LOCATION, format!("/tasks/{id}"));
    change.once = once.keeping(&answer);
    state.store.create_task(&task, &change).await?;
    tracing::info!(task = %task.id, agent = %caller.id(), "created a task");
    Ok(answer.into_response())
}
