//! What the controls have in common: read, decide, store; again when somebody else was faster.

use axum::response::Response;
use http::StatusCode;
use ordinaut_domain::{Control, Refusal, Task};
use ordinaut_store::StoreError;

use super::{reachable, shown, wire};
use crate::api::{
    caller::Caller,
    context::RequestContext,
    problem::{Problem, kind},
    state::ApiState,
};

/// How often a decision is made anew when the task was changed meanwhile.
const ATTEMPTS_MAX: usize = 5;

/// Carries out what `decide` decides about the task as it is now, and answers the task as it is then.
pub(super) async fn apply(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    id: &str,
    decide: impl Fn(&Task) -> Result<Control, Problem>,
) -> Result<Response, Problem> {
    let mut attempts = 0;
    loop {
        let before = reachable(state, caller, "tasks:write", id).await?;
        let Control {
            task,
            changed,
            drop_queued,
            action,
            message,
            details,
        } = decide(&before)?;
        if changed {
            let subject = task.id.to_string();
            let mut change = state.change(caller.id(), action, subject.clone(), details, context);
            let topic = format!("ordinaut.{action}");
            change
                .events
                .extend(state.core_event(&topic, subject, wire::event_data(&task), context));
            match state
                .store
                .update_task(&task, before.version, drop_queued.as_deref(), &change)
                .await
            {
                Ok(()) => tracing::info!(task = %task.id, agent = %caller.id(), action, "changed a task"),
                Err(StoreError::Stale { .. }) if attempts < ATTEMPTS_MAX => {
                    attempts += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut body = wire::task(&task);
        body["message"] = message.into();
        return Ok(shown(StatusCode::OK, &task, body));
    }
}

/// The refusal of what the task's state does not allow.
pub(super) fn refused(refusal: Refusal) -> Problem {
    Problem::new(kind::REFUSED, refusal.message).with("reason", refusal.code)
}
