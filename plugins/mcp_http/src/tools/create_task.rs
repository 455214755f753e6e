//! `ordinaut_create_task`, and the members of a task's document that it shares with `ordinaut_update_task`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Tool;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::moment;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::schedule::Schedule;
use crate::views::{self, text};

pub(super) struct CreateTask;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    title: String,
    /// As in ordinaut_preview_schedule
    schedule: String,
    /// [{id, uses: "<extension>.<tool>", with, save_as, if, on_error, retry}]; tools: ordinaut://catalog/tools
    pipeline: Vec<Map<String, Value>>,
    /// IANA name; ask rather than guess
    timezone: Option<String>,
    /// Values for ${params.…}
    params: Option<Map<String, Value>>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    /// 1 (first) to 9
    priority: Option<u32>,
    /// Runs of one key run one by one
    concurrency_key: Option<String>,
    overlap_policy: Option<Overlap>,
    /// For occurrences missed while down
    misfire_policy: Option<Misfire>,
    /// 0-10
    max_retries: Option<u32>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    max_runs: Option<u32>,
    timeout_seconds: Option<u32>,
    /// Makes repeating safe
    idempotency_key: Option<String>,
    /// Only check
    dry_run: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Overlap {
    Skip,
    QueueOne,
    QueueAll,
    Allow,
    CancelPrevious,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Misfire {
    RunOnce,
    Skip,
    RunAll,
}

impl Arguments {
    fn document(self, now: i64) -> Result<Value, Failure> {
        let payload = json!({ "params": self.params.unwrap_or_default(), "pipeline": self.pipeline });
        let mut document = json!({
            "title": self.title,
            "description": self.description,
            "timezone": self.timezone,
            "payload": payload,
            "tags": self.tags,
            "priority": self.priority,
            "concurrency_key": self.concurrency_key,
            "overlap_policy": self.overlap_policy,
            "misfire_policy": self.misfire_policy,
            "max_retries": self.max_retries,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "max_runs": self.max_runs,
            "timeout_seconds": self.timeout_seconds,
        });
        for (name, value) in Schedule::parse(&self.schedule, now)?.into_members() {
            document[name] = value;
        }
        Ok(crate::outcome::present(document))
    }
}

impl Tool for CreateTask {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_create_task";
    const TITLE: &'static str = "Create a task";
    const DESCRIPTION: &'static str = "Schedules a pipeline of tool calls. Preview its schedule and validate its pipeline, which also \
         tells the tools there are, first.";
    const SCOPE: Option<&'static str> = Some("tasks:write");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: false,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("task!", "object")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let now = host.now_ms();
        let dry_run = arguments.dry_run.unwrap_or_default();
        let key = arguments.idempotency_key.clone();
        let document = arguments.document(now)?;
        if dry_run {
            return check(host, document, now);
        }
        let created = Ask::post("/tasks", &[], document)
            .header("idempotency-key", key.as_deref())
            .send(host)?
            .body;
        let warnings = views::remarks(&created["warnings"]);
        let task = with_schedule(host, created);
        Ok(told("Created", &task, &warnings, now))
    }
}

/// What would be created, and what is wrong with it.
fn check(host: &dyn Host, document: Value, now: i64) -> Result<Outcome, Failure> {
    let checked = Ask::post("/tasks/validate", &[], document).send(host)?.body;
    let warnings = views::remarks(&checked["warnings"]);
    if checked["valid"] != true {
        let errors = views::remarks(&checked["errors"]);
        let lines = views::remark_lines(&errors);
        return Err(Failure::new(
            "invalid_task",
            format!("The task would be refused: {} places are wrong.", errors.len()),
        )
        .line(lines.trim().to_owned())
        .member("errors", json!(errors[..errors.len().min(20)])));
    }
    let mut task = checked["task"].clone();
    task["schedule"] = checked["schedule"].clone();
    let mut outcome = told("Valid, nothing was stored:", &task, &warnings, now);
    outcome.data.insert("valid".into(), json!(true));
    Ok(outcome)
}

/// The task with its schedule in words and its next times, which creating does not answer everywhere.
pub(super) fn with_schedule(host: &dyn Host, task: Value) -> Value {
    if task["schedule"].is_object() {
        return task;
    }
    let Some(id) = task["id"].as_str() else { return task };
    match Ask::get("/tasks/{}", &[id]).send(host) {
        Ok(answer) => answer.body,
        Err(_) => task,
    }
}

/// The answer of whatever makes or changes a task.
pub(super) fn told(what: &str, task: &Value, warnings: &[Value], now: i64) -> Outcome {
    let zone = task["timezone"].as_str();
    let mut lines = vec![format!("{what} \"{}\".", text(&task["title"]))];
    if let Some(id) = task["id"].as_str() {
        lines.push(format!("id {id}, {}", text(&task["status"])));
    }
    if let Some(sentence) = task["schedule"]["description"].as_str() {
        lines.push(format!("Schedule: {}", moment::localized(sentence, zone)));
    }
    lines.extend(views::next_line(task, now));
    if !warnings.is_empty() {
        lines.push(format!("Warnings:{}", views::remark_lines(warnings)));
    }
    let data = json!({ "task": views::task_full(task, now), "warnings": warnings });
    Outcome::new(lines.join("\n"), data).bounded(&["task"], "Read ordinaut://tasks/{id} for the whole task.")
}
