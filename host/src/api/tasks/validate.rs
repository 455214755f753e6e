//! `POST /tasks/validate`: what would become of a task, without storing it. Any agent may ask; what is wrong with the
//! task is no error of the request.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    check::{check, new_task},
    schedule,
};
use crate::api::{caller::Caller, input::JsonBody, problem::Problem, state::ApiState};

pub(in crate::api) async fn validate(
    State(state): State<ApiState>,
    caller: Caller,
    JsonBody(document): JsonBody,
) -> Result<Json<Value>, Problem> {
    let now = state.now();
    let checked = check(&state, &document, None, now).and_then(|checked| {
        let task = new_task(&state, &caller, checked.definition, now).map_err(|fault| vec![fault])?;
        Ok((task, checked.warnings))
    });
    Ok(Json(match checked {
        Ok((task, warnings)) => json!({
            "valid": true,
            "errors": [],
            "warnings": warnings,
            "task": task.definition.to_document(),
            "schedule": schedule::shown(&task, now).await?,
        }),
        Err(errors) => json!({ "valid": false, "errors": errors, "warnings": [], "task": null, "schedule": null }),
    }))
}
