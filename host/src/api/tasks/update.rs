//! What `PUT` and `PATCH` have in common: a task gets another definition, unless somebody else changed it meanwhile.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use ordinaut_domain::{Task, Violation, task::without_read_only};
use ordinaut_store::StoreError;
use serde_json::{Value, json};

use super::{
    check::{self, check},
    control::{self, ATTEMPTS_MAX},
    etag,
    precondition::require_match,
    reachable, shown, wire,
};
use crate::api::{caller::Caller, context::RequestContext, problem::Problem, state::ApiState};

/// Members that a change cannot reach and that do not change by themselves: whoever sends another value meant something.
const FIXED: [(&str, &str); 4] = [
    ("id", "it never changes"),
    ("owner", "it never changes"),
    ("version", "it grows by itself; send the ETag in `If-Match`"),
    ("status", "use POST /tasks/{id}/pause, /resume or /cancel"),
];

/// Gives the task the definition that `edit` makes of it, and answers the task as it is then.
pub(super) async fn replace(
    state: &ApiState,
    caller: &Caller,
    context: &RequestContext,
    headers: &HeaderMap,
    (id, sent): (&str, &Value),
    edit: impl Fn(&Task) -> Value,
) -> Result<Response, Problem> {
    let mut attempts = 0;
    loop {
        let before = reachable(state, caller, "tasks:write", id).await?;
        require_match(headers, &etag(&before))?;
        let now = state.now();
        let document = without_read_only(edit(&before));
        let mut checked = check(state, &document, Some(&before.definition), now).map_err(check::refused)?;
        checked.warnings.extend(ignored(&before, sent));
        let control = before
            .replace_definition(checked.definition, now)
            .map_err(|refusal| match refusal.pointer {
                Some(pointer) => check::refused(vec![Violation::new(pointer, refusal.code, refusal.message)]),
                None => control::refused(refusal),
            })?;
        let answer = |task: &Task| {
            let mut body = wire::task(task);
            body["warnings"] = json!(checked.warnings);
            body["message"] = control.message.clone().into();
            shown(StatusCode::OK, task, body).into_response()
        };
        if !control.changed {
            return Ok(answer(&control.task));
        }
        match control::store(state, caller, context, &before, &control).await {
            Ok(updated) if updated.completed => {
                let task = state.store.task(before.id).await?;
                return Ok(answer(&task.unwrap_or_else(|| control.task.clone())));
            }
            Ok(_) => return Ok(answer(&control.task)),
            // The next look decides whether the client's `If-Match` still holds.
            Err(StoreError::Stale { .. }) if attempts < ATTEMPTS_MAX => attempts += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// A warning for each member that was sent with another value and could not be changed.
fn ignored(task: &Task, sent: &Value) -> Vec<Violation> {
    let shown = wire::task(task);
    let changed = FIXED
        .iter()
        .filter(|(name, _)| sent.get(name).is_some_and(|value| *value != shown[name]));
    changed
        .map(|(name, why)| {
            let detail = format!("`{name}` is set by the server and was left as it is: {why}");
            Violation::new(format!("/{name}"), "read_only", detail)
        })
        .collect()
}
