//! `POST /tasks/{id}/skip_next`: leaves the next occurrence out, and only that. It is recorded as a skipped run.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use ordinaut_domain::{Skip, Task};
use ordinaut_store::StoreError;

use super::{
    control::{ATTEMPTS_MAX, answer, refused},
    reachable, wire,
};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn skip_next(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let mut attempts = 0;
    loop {
        let before = reachable(&state, &caller, "tasks:write", &id).await?;
        let now = state.now();
        let queued = state.store.next_queued(before.id, now).await?;
        let skip = before.skip_next(queued, state.new_run_id(), now).map_err(refused)?;
        match store(&state, &caller, &context, &before, &skip).await {
            Ok(()) => {
                // The schedule may have gone on, or ended with it.
                let task = state.store.task(before.id).await?.unwrap_or(skip.control.task);
                return Ok(answer(&task, skip.control.message).into_response());
            }
            Err(StoreError::Stale { .. }) if attempts < ATTEMPTS_MAX => attempts += 1,
            Err(StoreError::Duplicate { existing, detail, .. }) => {
                let detail = format!("{detail}; POST /runs/{{id}}/cancel stops a run.");
                let problem = Problem::new(kind::REFUSED, detail).with("reason", "begun");
                return Err(problem.with("existing", existing));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn store(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    before: &Task,
    skip: &Skip,
) -> Result<(), StoreError> {
    let control = &skip.control;
    let subject = before.id.to_string();
    let mut change = state.change(
        caller.id(),
        control.action,
        subject.clone(),
        control.details.clone(),
        context,
    );
    let topic = format!("ordinaut.{}", control.action);
    let data = wire::event_data(&control.task);
    change.events.extend(state.core_event(&topic, subject, data, context));
    let run = state
        .store
        .skip_occurrence(&control.task, before.version, &skip.run, &change)
        .await?;
    tracing::info!(task = %before.id, run = %run.id, agent = %caller.id(), "left an occurrence out");
    Ok(())
}
