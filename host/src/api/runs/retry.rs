//! `POST /runs/{id}/retry`: does a run that is over again, from its beginning or from one of its steps, perhaps with other
//! parameters. 202 with the new run.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use ordinaut_domain::{
    Run, Task,
    plan::{RetryRefusal, RetryRequest, retry_run},
};
use serde_json::{Map, Value, json};

use super::{reachable, wire};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    idempotency::{Answer, Claim, IdempotencyKey},
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

const SCOPE: &str = "runs:trigger";

pub(in crate::api) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require(SCOPE)?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let mut members = Members::of(document);
    let from_step: Option<String> = members.optional("from_step", "the id of a step");
    let patch: Option<Map<String, Value>> = members.optional("params", "an object that is merged into the parameters");
    let simulate = members.optional("simulate", "true or false");
    members.finish(kind::INVALID_DOCUMENT)?;
    let detail = reachable(&state, &caller, SCOPE, &id).await?;
    let hidden = || Problem::not_found("run", detail.run.id);
    let task = state.store.task(detail.run.task).await?.ok_or_else(hidden)?;

    let request = RetryRequest {
        params: patch.map(|patch| merged(&detail.run, &task, patch)),
        from_step,
        simulate,
    };
    let planned = retry_run(
        &task,
        &detail.run,
        &detail.steps,
        &request,
        state.now(),
        state.new_run_id(),
    );
    let planned = planned.map_err(|refusal| refused(&refusal))?;
    let details = json!({
        "task_id": task.id,
        "retry_of": detail.run.id,
        "from_step": request.from_step,
        "simulate": planned.run.simulate,
    });
    let mut change = state.change(
        caller.id(),
        "run.retried",
        planned.run.id.to_string(),
        details,
        &context,
    );
    let run = planned.run.as_made(change.at);
    let answer = Answer::new(StatusCode::ACCEPTED, wire::run(&run, &task.definition.title))
        .header(header::LOCATION, format!("/runs/{}", run.id));
    change.once = once.keeping(&answer);
    state.store.enqueue_retry(&planned, &change).await?;
    tracing::info!(run = %run.id, retry_of = %detail.run.id, agent = %caller.id(), "queued a run again");
    Ok(answer.into_response())
}

/// The parameters of the run with the edits (RFC 7396).
fn merged(run: &Run, task: &Task, patch: Map<String, Value>) -> Value {
    let mut params = run.params(task).clone();
    json_patch::merge(&mut params, &Value::Object(patch));
    params
}

fn refused(refusal: &RetryRefusal) -> Problem {
    let detail = format!("{refusal}.");
    match refusal {
        RetryRefusal::Unfinished(state) => Problem::new(kind::RUN_UNFINISHED, detail).with("state", state.as_str()),
        RetryRefusal::TaskCanceled => Problem::new(kind::REFUSED, detail).with("reason", "task_canceled"),
        RetryRefusal::UnknownStep { known, .. } => Problem::new(kind::UNKNOWN_STEP, detail).with("steps", json!(known)),
        RetryRefusal::Simulated { step } => Problem::new(kind::REFUSED, detail)
            .with("reason", "simulated")
            .with("step", step.clone()),
        RetryRefusal::NotReached { missing, .. } => Problem::new(kind::REFUSED, detail)
            .with("reason", "step_not_reached")
            .with("step", missing.clone()),
    }
}
