//! `GET /extensions`: all extensions by name, with their state and, when they do not serve, the reason.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{host, shown};
use crate::api::{caller::Caller, input::NoQuery, problem::Problem, state::ApiState};

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    caller.require("extensions:read")?;
    let reports = host(&state)?.extensions();
    let data: Vec<Value> = reports
        .iter()
        .map(|report| shown(report, &caller))
        .collect::<Result<_, _>>()?;
    // There are as many as files in a folder, so there is always one page.
    Ok(Json(json!({ "data": data, "next_cursor": null })))
}
