//! `POST /tasks`: stores a task. 201 with the task, its `warnings`, `Location` and `ETag`.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::SubsecRound as _;
use http::{StatusCode, header};
use ordinaut_domain::{
    Task, TaskContext, TaskDefinition, TaskStatus, Violation,
    pipeline::{self, UnknownTool},
    plan,
};
use serde_json::{Value, json};

use super::{shown, wire};
use crate::{
    api::{
        caller::Caller,
        context::RequestContext,
        idempotency::{Claim, IdempotencyKey},
        input::JsonBody,
        problem::{Problem, kind},
        state::ApiState,
    },
    config::UnregisteredTools,
};

/// Where the list of steps stands in a task's document.
const PIPELINE: &str = "/payload/pipeline";

pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require("tasks:write")?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let now = state.now();
    let checked = check(&state, &document)?;
    let mut timing = plan::first_timing(&checked.definition, now).map_err(|fault| refused(vec![fault]))?;
    // An instant of a client may be finer than what is stored.
    for instant in [&mut timing.next_run_at, &mut timing.next_occurrence] {
        *instant = instant.map(|at| at.trunc_subsecs(6));
    }
    let task = Task {
        id: state.new_task_id(),
        owner: caller.id(),
        status: TaskStatus::Active,
        version: 1,
        definition: checked.definition,
        timing,
        last_run: None,
        created_at: now,
        updated_at: now,
    };

    let id = task.id.to_string();
    let details = json!({ "title": task.definition.title });
    let mut change = state.change(caller.id(), "task.created", id.clone(), details, &context);
    change
        .events
        .extend(state.core_event("ordinaut.task.created", id.clone(), wire::event_data(&task), &context));
    let mut body = wire::task(&task);
    body["warnings"] = json!(checked.warnings);
    let answer = shown(StatusCode::CREATED, &task, body).header(header::LOCATION, format!("/tasks/{id}"));
    change.once = once.keeping(&answer);
    state.store.create_task(&task, &change).await?;
    tracing::info!(task = %task.id, agent = %caller.id(), "created a task");
    Ok(answer.into_response())
}

struct Checked {
    definition: TaskDefinition,
    /// Nothing is wrong, but the author may not have meant it.
    warnings: Vec<Violation>,
}

/// Everything that can be said about a document without storing it.
fn check(state: &ApiState, document: &Value) -> Result<Checked, Problem> {
    let context = TaskContext {
        now: state.now(),
        default_timezone: &state.settings.default_timezone,
    };
    let definition = TaskDefinition::parse(document, &context).map_err(refused)?;
    let seen = pipeline::check_against_tools(&definition.payload.pipeline, &|address| state.tools.definition(address));
    let mut violations: Vec<Violation> = seen.violations.into_iter().map(|fault| fault.under(PIPELINE)).collect();
    let mut warnings = schedule_warnings(&definition);
    warnings.extend(definition.warnings());
    for unknown in seen.unknown {
        let fault = unknown_tool(&unknown, state.settings.unregistered_tools);
        if state.settings.unregistered_tools == UnregisteredTools::Refuse {
            violations.push(fault);
        } else {
            warnings.push(fault);
        }
    }
    if violations.is_empty() {
        Ok(Checked { definition, warnings })
    } else {
        Err(refused(violations))
    }
}

fn unknown_tool(unknown: &UnknownTool, policy: UnregisteredTools) -> Violation {
    let consequence = match policy {
        UnregisteredTools::Warn => "the step will fail unless one does by then",
        UnregisteredTools::Simulate => "its result will be simulated unless one does by then",
        UnregisteredTools::Refuse => "install the extension first, or correct the name; GET /tools lists what there is",
    };
    let detail = format!("no extension provides `{}`: {consequence}", unknown.address);
    Violation::new(&*unknown.pointer, "unknown_tool", detail).under(PIPELINE)
}

fn schedule_warnings(definition: &TaskDefinition) -> Vec<Violation> {
    let Ok(timetable) = definition.timetable() else {
        return Vec::new();
    };
    timetable
        .warnings()
        .into_iter()
        .map(|w| Violation::new("/schedule_expr", w.code, w.message))
        .collect()
}

fn refused(violations: Vec<Violation>) -> Problem {
    Problem::violations(kind::INVALID_TASK, violations)
}
