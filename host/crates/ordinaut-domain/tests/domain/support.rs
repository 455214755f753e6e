//! What the stories share: instants, tasks and a scheduler that has only a clock.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ordinaut_domain::pipeline::{Scope, ScopeInput};
use ordinaut_domain::plan::{first_timing, plan_due};
use ordinaut_domain::{
    AgentId, DueTask, Plan, PlannedRun, Run, RunCause, RunId, RunState, Step, StepRecord, StepState, Task, TaskContext,
    TaskDefinition, TaskId, TaskStatus, Violation,
};
use serde_json::{Value, json};

/// An instant in RFC 3339; the offset may be left out for UTC.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    let text = if text.ends_with('Z') || text.contains('+') {
        text.to_owned()
    } else {
        format!("{text}Z")
    };
    DateTime::parse_from_rfc3339(&text).unwrap().with_timezone(&Utc)
}

pub(crate) const NOW: &str = "2026-03-02T10:00:00Z";

pub(crate) fn parse(document: &Value) -> Result<TaskDefinition, Vec<Violation>> {
    parse_at(document, at(NOW))
}

pub(crate) fn parse_at(document: &Value, now: DateTime<Utc>) -> Result<TaskDefinition, Vec<Violation>> {
    TaskDefinition::parse(
        document,
        &TaskContext {
            now,
            default_timezone: "Europe/Chisinau",
        },
    )
}

/// A valid document with some fields set, or removed by null.
pub(crate) fn document(fields: Value) -> Value {
    let mut document = json!({
        "title": "Morning report",
        "schedule_kind": "cron",
        "schedule_expr": "0 8 * * 1-5",
        "payload": { "pipeline": [{ "uses": "demo.echo" }] },
    });
    for (name, value) in fields.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

pub(crate) fn definition(fields: Value) -> TaskDefinition {
    parse(&document(fields)).unwrap()
}

/// An active task, created at [`NOW`].
pub(crate) fn task(fields: Value) -> Task {
    let definition = definition(fields);
    let timing = first_timing(&definition, at(NOW)).unwrap();
    Task {
        id: TaskId::new(at(NOW), [7; 10]),
        owner: AgentId::new(at(NOW), [1; 10]),
        status: TaskStatus::Active,
        version: 1,
        definition,
        timing,
        last_run: None,
        created_at: at(NOW),
        updated_at: at(NOW),
    }
}

/// Faults as `pointer code`, sorted.
pub(crate) fn faults<T: std::fmt::Debug>(result: Result<T, Vec<Violation>>) -> Vec<String> {
    let mut faults: Vec<String> = result
        .unwrap_err()
        .iter()
        .map(|fault| format!("{} {}", fault.pointer, fault.code))
        .collect();
    faults.sort();
    faults
}

/// One pass of the scheduler, with its plan carried out on the task.
pub(crate) fn pass(task: &mut Task, now: DateTime<Utc>, until: DateTime<Utc>, queued: u32, running: u32) -> Plan {
    let due = DueTask {
        task: task.clone(),
        queued,
        running,
        now,
    };
    let mut count = 0u8;
    let plan = plan_due(&due, until, &mut || {
        count = count.wrapping_add(1);
        RunId::new(now, [count; 10])
    });
    task.timing = plan.timing.clone();
    task.status = plan.status;
    plan
}

/// A pass without look-ahead over a task that has no unfinished runs.
pub(crate) fn pass_at(task: &mut Task, now: &str) -> Plan {
    pass(task, at(now), at(now), 0, 0)
}

/// The occurrences of a plan as `+ time` (to run) and `- time` (skipped).
pub(crate) fn shown(runs: &[PlannedRun]) -> Vec<String> {
    let sign = |run: &PlannedRun| if run.skipped.is_some() { '-' } else { '+' };
    runs.iter()
        .map(|run| format!("{} {}", sign(run), run.scheduled_for.format("%d %H:%M:%S")))
        .collect()
}

/// A scope with something of everything in it.
pub(crate) fn scope() -> Scope {
    let params = json!({
        "n": 5, "f": 1.5, "whole": 41.0, "big": 9_007_199_254_740_993_i64, "yes": true, "nothing": null,
        "name": "Ana", "list": [3, 1, 2], "empty": [], "object": {"b": 1, "a": {"c": "x"}},
        "key with space": "spaced", "now": "mine", "at": "2026-03-29T00:30:00Z",
        "items": [{"name": "a", "price": 10}, {"name": "b", "price": 30}, {"name": "c", "price": 20}],
    });
    let mut scope = Scope::new(&ScopeInput {
        params: &params,
        event: &json!({"type": "orders.created", "data": {"id": 42}}),
        task: &json!({"id": "t", "title": "Morning report"}),
        run: &json!({"id": "r", "attempt": 1}),
        now: at("2026-03-02T10:00:00Z"),
    });
    let fetch = step(json!({"id": "fetch", "uses": "http.request", "save_as": "page"}));
    scope.push_step(
        &fetch,
        &record(
            "fetch",
            StepState::Succeeded,
            Some(json!({"status": 200, "body": "hi"})),
        ),
    );
    let quiet = step(json!({"id": "quiet", "uses": "demo.echo", "if": "`false`"}));
    scope.push_step(&quiet, &record("quiet", StepState::Skipped, None));
    scope
}

pub(crate) fn step(document: Value) -> Step {
    serde_json::from_value(document).unwrap()
}

pub(crate) fn record(id: &str, state: StepState, result: Option<Value>) -> StepRecord {
    StepRecord {
        run: RunId::new(at(NOW), [3; 10]),
        step: id.to_owned(),
        index: 0,
        attempt: 1,
        state,
        uses: Some("demo.echo".to_owned()),
        tries: u32::from(state != StepState::Skipped),
        input: None,
        result,
        error: None,
        simulated: false,
        effect_key: String::new(),
        started_at: at(NOW),
        finished_at: Some(at(NOW)),
    }
}

pub(crate) fn run_of(task: &Task, cause: RunCause, trigger: Value) -> Run {
    Run {
        id: RunId::new(at(NOW), [3; 10]),
        task: task.id,
        state: RunState::Running,
        cause,
        scheduled_for: at(NOW),
        run_at: at(NOW),
        attempt: 2,
        started_at: Some(at(NOW)),
        finished_at: None,
        reason: None,
        trigger,
        simulated: false,
        output: None,
        error: None,
        created_at: at(NOW),
    }
}

/// How often each key occurs.
pub(crate) fn counted<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}
