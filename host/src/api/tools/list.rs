//! `GET /tools`: the tools that pipelines can call now, by name. For callers who may call tools or look at extensions.

use axum::{Json, extract::State};
use ordinaut_domain::ToolDefinition;
use serde_json::{Value, json};

use crate::api::{caller::Caller, input::NoQuery, problem::Problem, state::ApiState};

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    if !caller.allows("tools:call") {
        caller.require("extensions:read")?;
    }
    let tools: Vec<Value> = state.tools.catalogue().iter().map(|tool| shown(tool)).collect();
    Ok(Json(json!({ "data": tools, "next_cursor": null })))
}

fn shown(tool: &ToolDefinition) -> Value {
    json!({
        "name": tool.address,
        "extension": tool.address.extension(),
        "title": tool.title,
        "description": tool.description,
        "effect": tool.effect,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "timeout_ms": tool.timeout_ms,
    })
}
