//! `DELETE /tasks/{id}`: the task is gone, and its history with it; not while one of its runs is under way. The audit log
//! keeps that it was there.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use ordinaut_domain::Task;
use ordinaut_store::{Deletion, StoreError};
use serde_json::json;

use super::{control::ATTEMPTS_MAX, etag, precondition::require_match, reachable, wire};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::Segment,
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let mut attempts = 0;
    loop {
        let task = reachable(&state, &caller, "tasks:delete", &id).await?;
        require_match(&headers, &etag(&task))?;
        match store(&state, &caller, &context, &task).await {
            Ok(Deletion::Done { runs }) => {
                tracing::info!(task = %task.id, agent = %caller.id(), runs, "deleted a task");
                return Ok(StatusCode::NO_CONTENT);
            }
            Ok(Deletion::Running { runs }) => {
                let detail = "A run of the task is under way: wait until it is over, or stop it with POST \
                              /runs/{id}/cancel, and delete the task then.";
                let problem = Problem::new(kind::REFUSED, detail).with("reason", "running");
                return Err(problem.with("runs", json!(runs)));
            }
            // The next look decides whether the client's `If-Match` still holds.
            Err(StoreError::Stale { .. }) if attempts < ATTEMPTS_MAX => attempts += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn store(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    task: &Task,
) -> Result<Deletion, StoreError> {
    let id = task.id.to_string();
    let details = json!({ "title": task.definition.title, "owner": task.owner });
    let mut change = state.change(caller.id(), "task.deleted", id.clone(), details, context);
    change
        .events
        .extend(state.core_event("ordinaut.task.deleted", id, wire::event_data(task), context));
    state.store.delete_task(task.id, task.version, &change).await
}
