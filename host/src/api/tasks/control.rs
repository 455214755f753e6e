//! What the controls have in common: read, decide, store; again when somebody else was faster.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ordinaut_domain::{Control, QueuedOccurrence, Refusal, Task, Violation};
use ordinaut_store::{StoreError, Updated};

use super::{reachable, shown, wire};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    problem::{Problem, kind},
    state::ApiState,
};

/// How often a decision is made anew when the task was changed meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 5;

/// Carries out what `decide` decides about the task as it is now, and answers the task as it is then. An occurrence that
/// has become a run already and is not due yet is told to `decide` as well.
pub(super) async fn apply(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    id: &str,
    decide: impl Fn(&Task, Option<QueuedOccurrence>) -> Result<Control, Refusal>,
) -> Result<Response, Problem> {
    let mut attempts = 0;
    loop {
        let before = reachable(state, caller, "tasks:write", id).await?;
        let queued = state.store.next_queued(before.id, state.now()).await?;
        let control = decide(&before, queued).map_err(refused)?;
        if !control.changed {
            return Ok(answer(&control.task, control.message));
        }
        match store(state, caller, context, &before, &control).await {
            Ok(updated) => {
                // Taking runs back may have given the task its occurrence back, or completed it.
                let task = state.store.task(before.id).await?.unwrap_or(control.task);
                return Ok(answer(&task, told(&control.message, updated)));
            }
            Err(StoreError::Stale { .. }) if attempts < ATTEMPTS_MAX => attempts += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn store(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    before: &Task,
    control: &Control,
) -> Result<Updated, StoreError> {
    let (task, action) = (&control.task, control.action);
    let subject = task.id.to_string();
    let mut change = state.change(caller.id(), action, subject.clone(), control.details.clone(), context);
    let topic = format!("ordinaut.{action}");
    change
        .events
        .extend(state.core_event(&topic, subject, wire::event_data(task), context));
    let updated = state
        .store
        .update_task(task, before.version, control.drop_runs.as_ref(), &change)
        .await?;
    tracing::info!(task = %task.id, agent = %caller.id(), action, "changed a task");
    Ok(updated)
}

pub(super) fn answer(task: &Task, message: String) -> Response {
    let mut body = wire::task(task);
    body["message"] = message.into();
    shown(StatusCode::OK, task, body).into_response()
}

/// The message, with what became of the task's runs.
fn told(message: &str, updated: Updated) -> String {
    let dropped = match updated.dropped {
        0 => String::new(),
        1 => "; 1 queued run was canceled".to_owned(),
        many => format!("; {many} queued runs were canceled"),
    };
    let running = match updated.running {
        0 => String::new(),
        1 => "; 1 run is running and goes on (POST /runs/{id}/cancel stops it)".to_owned(),
        many => format!("; {many} runs are running and go on (POST /runs/{{id}}/cancel stops one)"),
    };
    format!("{message}{dropped}{running}")
}

/// Some refusals are about what was asked for, all others about the state that the task is in.
pub(super) fn refused(refusal: Refusal) -> Problem {
    match refusal.pointer {
        Some(pointer) => {
            let violation = Violation::new(pointer, refusal.code, refusal.message);
            Problem::violations(kind::INVALID_DOCUMENT, vec![violation])
        }
        None => Problem::new(kind::REFUSED, refusal.message).with("reason", refusal.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_tells_what_became_of_runs() {
        let updated = |dropped, running| Updated {
            dropped,
            running,
            ..Updated::default()
        };
        assert_eq!(told("it is paused", updated(0, 0)), "it is paused");
        assert_eq!(
            told("it is paused", updated(1, 0)),
            "it is paused; 1 queued run was canceled"
        );
        assert_eq!(
            told("it is canceled", updated(3, 2)),
            "it is canceled; 3 queued runs were canceled; 2 runs are running and go on (POST /runs/{id}/cancel stops one)"
        );
    }
}
