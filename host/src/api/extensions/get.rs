//! `GET /extensions/{name}`: everything about one extension.

use axum::{Json, extract::State};
use serde_json::Value;

use super::{host, shown};
use crate::api::{
    caller::Caller,
    input::Segment,
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(name): Segment,
) -> Result<Json<Value>, Problem> {
    caller.require("extensions:read")?;
    let report = host(&state)?.extension(&name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        Problem::new(kind::NOT_FOUND, format!("There is no extension `{name}`."))
    })?;
    shown(&report, &caller).map(Json)
}
