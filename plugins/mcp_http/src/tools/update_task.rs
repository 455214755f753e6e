//! `ordinaut_update_task`: reads the task, edits it and puts it back, if nobody else changed it meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create_task::{Misfire, Overlap, told, with_schedule};
use super::search_tasks::word;
use super::{Tool, lookup};
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::schedule::Schedule;
use crate::views;

pub(super) struct UpdateTask;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: String,
    /// Refuses when it is another
    expected_etag: Option<String>,
    title: Option<String>,
    /// As in ordinaut_create_task
    schedule: Option<String>,
    timezone: Option<String>,
    /// Replaces all steps
    pipeline: Option<Vec<Map<String, Value>>>,
    /// Replaces all params
    params: Option<Map<String, Value>>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    priority: Option<u32>,
    concurrency_key: Option<String>,
    overlap_policy: Option<Overlap>,
    misfire_policy: Option<Misfire>,
    max_retries: Option<u32>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    max_runs: Option<u32>,
    timeout_seconds: Option<u32>,
    /// Fields to remove
    clear: Option<Vec<Clearable>>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clearable {
    Description,
    Tags,
    ConcurrencyKey,
    StartsAt,
    EndsAt,
    MaxRuns,
}

impl Tool for UpdateTask {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_update_task";
    const TITLE: &'static str = "Change a task";
    const DESCRIPTION: &'static str = "Changes the given fields of a task; answers the difference.";
    const SCOPE: Option<&'static str> = Some("tasks:write");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: false,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("task!", "object"), ("diff!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let now = host.now_ms();
        let found = lookup::task(host, &arguments.task_id)?;
        let id = arguments.task_id.clone();
        let etag = arguments.expected_etag.clone().or(found.etag);
        let edited = edit(&found.task, arguments, now)?;
        let diff = difference(&found.task, &edited);
        if diff.is_empty() {
            let mut outcome = told("Nothing to change in", &found.task, &[], now);
            outcome.data.insert("diff".into(), json!([]));
            return Ok(outcome);
        }
        let stored = Ask::put("/tasks/{}", &[&id], edited)
            .header("if-match", etag.as_deref().map(quoted).as_deref())
            .send(host)
            .map_err(|failure| lookup::task_failure(host, &id, failure))?
            .body;
        let warnings = views::remarks(&stored["warnings"]);
        let mut outcome = told("Changed", &with_schedule(host, stored), &warnings, now);
        let names: Vec<&str> = diff.iter().filter_map(|one| one["field"].as_str()).collect();
        outcome.text = format!("{}\nChanged: {}", outcome.text, names.join(", "));
        outcome.data.insert("diff".into(), json!(diff));
        Ok(outcome)
    }
}

/// An entity tag has quotes, which models like to leave out.
fn quoted(etag: &str) -> String {
    if etag == "*" || etag.starts_with('"') || etag.starts_with("W/") {
        etag.to_owned()
    } else {
        format!("\"{etag}\"")
    }
}

fn edit(task: &Value, arguments: Arguments, now: i64) -> Result<Value, Failure> {
    let mut document = task.clone();
    for name in arguments.clear.iter().flatten().filter_map(word) {
        document[name] = Value::Null;
    }
    if let Some(schedule) = &arguments.schedule {
        for (name, value) in Schedule::parse(schedule, now)?.into_members() {
            document[name] = value;
        }
    }
    let given = json!({
        "title": arguments.title,
        "timezone": arguments.timezone,
        "description": arguments.description,
        "tags": arguments.tags,
        "priority": arguments.priority,
        "concurrency_key": arguments.concurrency_key,
        "overlap_policy": arguments.overlap_policy,
        "misfire_policy": arguments.misfire_policy,
        "max_retries": arguments.max_retries,
        "starts_at": arguments.starts_at,
        "ends_at": arguments.ends_at,
        "max_runs": arguments.max_runs,
        "timeout_seconds": arguments.timeout_seconds,
    });
    for (name, value) in given
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
    {
        document[name.as_str()] = value.clone();
    }
    if let Some(pipeline) = arguments.pipeline {
        document["payload"]["pipeline"] = json!(pipeline);
    }
    if let Some(params) = arguments.params {
        document["payload"]["params"] = json!(params);
    }
    if let Some(document) = document.as_object_mut() {
        document.retain(|_, value| !value.is_null());
        for of_the_server in ["schedule", "warnings", "last_run", "next_run_at"] {
            document.remove(of_the_server);
        }
    }
    Ok(document)
}

/// Field by field what was and what will be.
fn difference(before: &Value, after: &Value) -> Vec<Value> {
    let fields = [
        "title",
        "description",
        "schedule_kind",
        "schedule_expr",
        "timezone",
        "tags",
        "priority",
        "concurrency_key",
        "overlap_policy",
        "misfire_policy",
        "max_retries",
        "starts_at",
        "ends_at",
        "max_runs",
        "timeout_seconds",
    ];
    let mut diff: Vec<Value> = fields
        .into_iter()
        .filter(|field| before[*field] != after[*field])
        .map(|field| one(field, &before[field], &after[field]))
        .collect();
    for part in ["pipeline", "params"] {
        let (was, will) = (&before["payload"][part], &after["payload"][part]);
        if was != will {
            diff.push(one(part, was, will));
        }
    }
    diff
}

fn one(field: &str, was: &Value, will: &Value) -> Value {
    crate::outcome::present(json!({ "field": field, "from": brief(was), "to": brief(will) }))
}

fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(shorten(text, 200)),
        Value::Object(_) | Value::Array(_) => json!(shorten(&value.to_string(), 300)),
        other => other.clone(),
    }
}
