//! Everything that can be said about a task's document without storing it: the same for a new task, a changed one, and
//! one that is only tried out.

use chrono::{DateTime, Utc};
use ordinaut_domain::{
    Task, TaskContext, TaskDefinition, TaskStatus, Violation,
    pipeline::{self, UnknownTool},
    plan,
};
use serde_json::Value;

use crate::{
    api::{
        caller::Caller,
        problem::{Problem, kind},
        state::ApiState,
    },
    config::UnregisteredTools,
};

/// Where the list of steps stands in a task's document.
const PIPELINE: &str = "/payload/pipeline";

/// A definition that may be stored.
pub(super) struct Checked {
    pub definition: TaskDefinition,
    /// Nothing is wrong, but the author may not have meant it.
    pub warnings: Vec<Violation>,
}

/// Reads a definition and holds it against the tools there are. One that is to replace another is read as such.
pub(super) fn check(
    state: &ApiState,
    document: &Value,
    previous: Option<&TaskDefinition>,
    now: DateTime<Utc>,
) -> Result<Checked, Vec<Violation>> {
    let context = TaskContext {
        now,
        default_timezone: &state.settings.default_timezone,
    };
    let definition = match previous {
        None => TaskDefinition::parse(document, &context)?,
        Some(previous) => TaskDefinition::parse_replacement(document, &context, previous)?,
    };
    let seen = pipeline::check_against_tools(&definition.payload.pipeline, &|address| state.tools.definition(address));
    let mut violations: Vec<Violation> = seen.violations.into_iter().map(|fault| fault.under(PIPELINE)).collect();
    // A rule without DTSTART has been given one here, and one that stays as it was has been warned of.
    let wrote_start = document.get("schedule_expr").and_then(Value::as_str) == Some(&definition.schedule_expr)
        && previous.is_none_or(|previous| previous.schedule_expr != definition.schedule_expr);
    let mut warnings = schedule_warnings(&definition, wrote_start);
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
        Err(violations)
    }
}

/// The task that a definition makes, at its first occurrence.
pub(super) fn new_task(
    state: &ApiState,
    caller: &Caller,
    definition: TaskDefinition,
    now: DateTime<Utc>,
) -> Result<Task, Violation> {
    let timing = plan::first_timing(&definition, now)?;
    Ok(Task {
        id: state.new_task_id(),
        owner: caller.id(),
        status: TaskStatus::Active,
        version: 1,
        definition,
        timing,
        last_run: None,
        created_at: now,
        updated_at: now,
    })
}

pub(super) fn refused(violations: Vec<Violation>) -> Problem {
    Problem::violations(kind::INVALID_TASK, violations)
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

/// What a schedule's author may not have meant. Where it begins is a matter only if they wrote it.
fn schedule_warnings(definition: &TaskDefinition, wrote_start: bool) -> Vec<Violation> {
    let Ok(timetable) = definition.timetable() else {
        return Vec::new();
    };
    timetable
        .warnings()
        .into_iter()
        .filter(|warning| wrote_start || warning.code != "dtstart_not_an_occurrence")
        .map(|w| Violation::new("/schedule_expr", w.code, w.message))
        .collect()
}
