//! Tasks and runs as the tools show them: what a model needs, under stable names, with times that it can read.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::failure::shorten;
use crate::moment::{self, shown};
use crate::outcome::present;

/// The most characters of a text in a list.
const LIST_TEXT: usize = 100;

/// A task in a list.
pub fn task_brief(task: &Value, now_ms: i64) -> Value {
    let zone = task["timezone"].as_str();
    present(json!({
        "id": task["id"],
        "title": short(&task["title"], LIST_TEXT),
        "status": task["status"],
        "schedule": schedule_text(task),
        "timezone": task["timezone"],
        next_name(task, "next_run"): shown(&task["next_run_at"], zone, now_ms),
        "last_run": last_run(&task["last_run"], zone, now_ms),
    }))
}

/// A paused task does not run: its times are those that it would have.
fn next_name(task: &Value, name: &str) -> String {
    if is_paused(task) {
        format!("{name}_if_resumed")
    } else {
        name.to_owned()
    }
}

fn is_paused(task: &Value) -> bool {
    task["status"] == "paused"
}

/// `Next: …`, the times at which the task runs.
pub fn next_line(task: &Value, now_ms: i64) -> Option<String> {
    let zone = task["timezone"].as_str();
    let told = |at| moment::told(at, zone, now_ms);
    let next = task["schedule"]["next"].as_array().into_iter().flatten();
    let mut next: Vec<String> = next.filter_map(told).collect();
    if next.is_empty() {
        next.extend(told(&task["next_run_at"]));
    }
    match (is_paused(task), next.is_empty()) {
        (false, true) => None,
        (false, false) => Some(format!("Next: {}", next.join(", "))),
        (true, true) => Some("Next: none while paused.".to_owned()),
        (true, false) => Some(format!("Next: none while paused; if resumed: {}", next.join(", "))),
    }
}

/// A task in a list, with what its owner said about it.
pub fn task_listed_fully(task: &Value, now_ms: i64) -> Value {
    let mut view = task_brief(task, now_ms);
    for member in [
        "description",
        "tags",
        "priority",
        "owner",
        "misfire_policy",
        "overlap_policy",
        "max_retries",
    ] {
        if let Some(value) = task.get(member).filter(|value| !value.is_null()) {
            view[member] = short(value, 300);
        }
    }
    let steps = task["payload"]["pipeline"].as_array().map(|steps| {
        steps
            .iter()
            .take(20)
            .map(|step| step["uses"].clone())
            .collect::<Vec<_>>()
    });
    view["uses"] = json!(steps.unwrap_or_default());
    view
}

/// A whole task.
pub fn task_full(task: &Value, now_ms: i64) -> Value {
    let zone = task["timezone"].as_str();
    let mut view = task_brief(task, now_ms);
    view["title"] = task["title"].clone();
    view["schedule_kind"] = task["schedule_kind"].clone();
    view["schedule_expr"] = task["schedule_expr"].clone();
    if let Some(sentence) = task["schedule"]["description"].as_str() {
        view["schedule"] = json!(sentence);
    }
    let next = task["schedule"]["next"]
        .as_array()
        .map(|next| next.iter().map(|at| shown(at, zone, now_ms)).collect::<Vec<_>>());
    view["next_runs"] = json!([]);
    view[next_name(task, "next_runs")] = json!(next.unwrap_or_default());
    view["pipeline"] = task["payload"]["pipeline"].clone();
    view["params"] = task["payload"]["params"].clone();
    let told = [
        "id",
        "title",
        "status",
        "timezone",
        "schedule",
        "schedule_kind",
        "schedule_expr",
        "payload",
        "next_run_at",
        "last_run",
        "warnings",
        "message",
    ];
    if let (Some(view), Some(task)) = (view.as_object_mut(), task.as_object()) {
        for (name, value) in task {
            if !told.contains(&name.as_str()) && !value.is_null() {
                view.insert(name.clone(), value.clone());
            }
        }
    }
    view
}

/// A line about a task.
pub fn task_line(task: &Value, now_ms: i64) -> String {
    let zone = task["timezone"].as_str();
    let mut line = format!(
        "- {} [{}] id {} · {}",
        shorten(text(&task["title"]), 80),
        text(&task["status"]),
        text(&task["id"]),
        schedule_text(task),
    );
    if is_paused(task) {
        line.push_str(" · next none while paused");
    } else if let Some(next) = moment::told(&task["next_run_at"], zone, now_ms) {
        let _ = write!(line, " · next {next}");
    }
    if let Some(state) = task["last_run"]["state"].as_str() {
        let _ = write!(line, " · last run {state}");
    }
    line
}

/// A run in a list.
pub fn run_brief(run: &Value, zone: Option<&str>, now_ms: i64) -> Value {
    present(json!({
        "id": run["id"],
        "task_id": run["task_id"],
        "task_title": short(&run["task_title"], LIST_TEXT),
        "status": run["state"],
        "cause": run["cause"],
        "scheduled_for": shown(&run["scheduled_for"], zone, now_ms),
        "started_at": shown(&run["started_at"], zone, now_ms),
        "finished_at": shown(&run["finished_at"], zone, now_ms),
        "duration_ms": run["duration_ms"],
        "lateness_ms": run["lateness_ms"],
        "attempt": run["attempt"],
        "simulated": run["simulated"].as_bool().filter(|simulated| *simulated),
        "reason": short(&run["reason"], 300),
        "error_summary": error_summary(run),
    }))
}

/// A line about a run.
pub fn run_line(run: &Value, zone: Option<&str>, now_ms: i64) -> String {
    let mut line = format!("- {} id {}", text(&run["state"]), text(&run["id"]));
    if let Some(title) = run["task_title"].as_str() {
        let _ = write!(line, " · {}", shorten(title, 60));
    }
    if let Some(at) = moment::told(&run["scheduled_for"], zone, now_ms) {
        let _ = write!(line, " · for {at}");
    }
    if let Some(millis) = run["duration_ms"].as_u64() {
        let _ = write!(line, " · took {}", moment::duration(millis));
    }
    if let Some(error) = error_summary(run) {
        let _ = write!(line, " · {error}");
    }
    line
}

/// A step of a run, without what went in and came out.
pub fn step_brief(step: &Value) -> Value {
    present(json!({
        "id": step["id"],
        "tool": step["uses"],
        "status": step["state"],
        "attempt": step["attempt"],
        "tries": step["tries"],
        "started_at": step["started_at"],
        "finished_at": step["finished_at"],
        "simulated": step["simulated"].as_bool().filter(|simulated| *simulated),
        "error": error_brief(&step["error"]),
    }))
}

/// A step of a run with everything.
pub fn step_full(step: &Value) -> Value {
    let mut view = step_brief(step);
    for member in ["input", "result", "error"] {
        if !step[member].is_null() {
            view[member] = step[member].clone();
        }
    }
    view
}

/// An error without its details.
fn error_brief(error: &Value) -> Value {
    if error.is_null() {
        return Value::Null;
    }
    present(json!({ "code": error["code"], "message": short(&error["message"], 300), "retryable": error["retryable"] }))
}

/// `step fetch: timeout: no answer in 30 s`.
pub fn error_summary(run: &Value) -> Option<String> {
    let error = run.get("error").filter(|error| error.is_object())?;
    let mut summary = String::new();
    if let Some(step) = error["step"].as_str() {
        let _ = write!(summary, "step {step}: ");
    }
    let _ = write!(summary, "{}: {}", text(&error["code"]), text(&error["message"]));
    Some(shorten(&summary, 200))
}

/// The state of a run's result: its output, or why there is none.
pub fn is_over(run: &Value) -> bool {
    !matches!(run["state"].as_str(), Some("queued" | "running"))
}

fn last_run(run: &Value, zone: Option<&str>, now_ms: i64) -> Value {
    if run.is_null() {
        return Value::Null;
    }
    present(json!({
        "id": run["id"],
        "status": run["state"],
        "scheduled_for": shown(&run["scheduled_for"], zone, now_ms),
    }))
}

/// The schedule as it is written.
fn schedule_text(task: &Value) -> String {
    let expr = text(&task["schedule_expr"]).replace('\n', " ");
    format!("{} {}", text(&task["schedule_kind"]), shorten(&expr, 120))
}

/// A text of a document, or nothing.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn short(value: &Value, most: usize) -> Value {
    match value {
        Value::String(text) => json!(shorten(text, most)),
        other => other.clone(),
    }
}

/// Warnings and faults of a document, their places by the names of our arguments.
pub fn remarks(list: &Value) -> Vec<Value> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let mut remark = Map::new();
            let place = crate::failure::argument_of(text(&one["pointer"]));
            if !place.is_empty() {
                remark.insert("path".into(), json!(place));
            }
            remark.insert("code".into(), json!(text(&one["code"])));
            let message = one["detail"].as_str().or(one["message"].as_str()).unwrap_or_default();
            remark.insert("message".into(), json!(shorten(message, 400)));
            Value::Object(remark)
        })
        .collect()
}

/// Lines about remarks.
pub fn remark_lines(remarks: &[Value]) -> String {
    remarks
        .iter()
        .take(8)
        .map(|remark| match remark["path"].as_str() {
            Some(path) => format!("\n- {path}: {}", text(&remark["message"])),
            None => format!("\n- {}", text(&remark["message"])),
        })
        .collect()
}
