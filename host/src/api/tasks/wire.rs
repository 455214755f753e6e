//! A task as clients see it: its definition, as they would send it, and around it what the server knows.

use ordinaut_domain::{Task, task::LastRun};
use serde_json::{Map, Value, json};

/// The whole task.
pub(super) fn task(task: &Task) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", json!(task.id));
    put("status", json!(task.status));
    put("version", json!(task.version));
    put("owner", json!(task.owner));
    if let Value::Object(definition) = task.definition.to_document() {
        shown.extend(definition);
    }
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("next_run_at", json!(task.next_run_at()));
    put("last_run", task.last_run.as_ref().map_or(Value::Null, last_run));
    put("created_at", json!(task.created_at));
    put("updated_at", json!(task.updated_at));
    Value::Object(shown)
}

fn last_run(run: &LastRun) -> Value {
    json!({
        "id": run.id,
        "state": run.state,
        "scheduled_for": run.scheduled_for,
        "finished_at": run.finished_at,
    })
}

/// What an event about a task tells.
pub(super) fn event_data(task: &Task) -> Value {
    json!({
        "task_id": task.id,
        "title": task.definition.title,
        "status": task.status,
        "version": task.version,
        "owner": task.owner,
        "next_run_at": task.next_run_at(),
    })
}
