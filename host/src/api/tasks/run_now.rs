//! `POST /tasks/{id}/run_now`: queues a run beside the schedule. 202 with the run; with `{"simulate": true}` no tool is
//! really called.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use ordinaut_domain::{TaskStatus, plan};
use serde_json::json;

use super::reachable;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    idempotency::{Answer, Claim, IdempotencyKey},
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    runs,
    state::ApiState,
};

pub(in crate::api) async fn run_now(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require("runs:trigger")?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let mut members = Members::of(document);
    let simulate = members.optional("simulate", "true or false").unwrap_or(false);
    members.finish(kind::INVALID_DOCUMENT)?;
    let task = reachable(&state, &caller, "runs:trigger", &id).await?;
    if task.status == TaskStatus::Canceled {
        let detail = "The task was canceled, which is final; create it anew to run it.";
        return Err(Problem::new(kind::REFUSED, detail).with("reason", "task_canceled"));
    }

    let planned = plan::manual_run(&task, state.now(), state.new_run_id(), simulate);
    let details = json!({ "task_id": task.id, "simulate": simulate });
    let mut change = state.change(caller.id(), "run.requested", planned.id.to_string(), details, &context);
    let run = planned.as_made(change.at);
    let answer = Answer::new(StatusCode::ACCEPTED, runs::wire::run(&run, &task.definition.title))
        .header(header::LOCATION, format!("/runs/{}", run.id));
    change.once = once.keeping(&answer);
    state.store.enqueue_run(&planned, &change).await?;
    tracing::info!(task = %task.id, run = %run.id, agent = %caller.id(), "queued a run on request");
    Ok(answer.into_response())
}
