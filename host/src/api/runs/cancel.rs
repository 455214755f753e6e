//! `POST /runs/{id}/cancel`: 200 when the run was still queued and is over now, 202 when its worker has been told, 409
//! when it was over already.

use axum::{Json, extract::State};
use http::StatusCode;
use ordinaut_domain::RunState;
use ordinaut_store::RunDetail;
use serde_json::{Value, json};

use super::{reachable, wire};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

const REASON_CHARS_MAX: usize = 200;

pub(in crate::api) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut members = Members::of(document);
    let reason: Option<String> = members.optional("reason", "a text");
    if reason
        .as_ref()
        .is_some_and(|text| text.chars().count() > REASON_CHARS_MAX)
    {
        members.fault(
            "reason",
            "length",
            format!("expected at most {REASON_CHARS_MAX} characters"),
        );
    }
    members.finish(kind::INVALID_DOCUMENT)?;
    let RunDetail { run, task_title, .. } = reachable(&state, &caller, "runs:cancel", &id).await?;

    let reason = reason.unwrap_or_else(|| format!("canceled by {}", caller.0.name));
    let change = state.change(
        caller.id(),
        "run.canceled",
        run.id.to_string(),
        json!({ "reason": reason }),
        &context,
    );
    let found = state.store.cancel_run(run.id, &reason, &change).await?;
    if found.is_final() {
        let detail = format!("The run is over: it is {}.", found.as_str());
        return Err(Problem::new(kind::RUN_FINISHED, detail).with("state", found.as_str()));
    }
    tracing::info!(run = %run.id, agent = %caller.id(), "canceled a run");
    let status = if found == RunState::Queued {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let now = state.store.run(run.id).await?.map_or(run, |detail| detail.run);
    Ok((status, Json(wire::run(&now, &task_title))))
}
