//! `ordinaut_explain_failure`: what happened, what was different before, and what to do.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, get_run, lookup};
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::moment;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;
use crate::views::{is_over, text};

pub(super) struct ExplainFailure;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    run_id: Option<String>,
    /// Its last failed run
    task_id: Option<String>,
}

impl Tool for ExplainFailure {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_explain_failure";
    const TITLE: &'static str = "Explain a failure";
    const DESCRIPTION: &'static str = "Why a run failed, what changed since its last success, what to do.";
    const SCOPE: Option<&'static str> = Some("runs:read");
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[
        ("run_id!", "string"),
        ("error_class!", "string"),
        ("cause!", "string"),
        ("retryable!", "boolean"),
        ("suggestions!", "array"),
    ];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let id = match (arguments.run_id, arguments.task_id) {
            (Some(run), None) => run,
            (None, Some(task)) => last_failed(host, &task)?,
            _ => return Err(Failure::arguments("give either run_id or task_id.")),
        };
        let run = lookup::run(host, &id)?;
        if !is_over(&run) || run["state"] == "succeeded" {
            let headline = format!(
                "This run did not fail: it is {}. Use ordinaut_get_run to see it.",
                text(&run["state"])
            );
            return Err(Failure::new("not_failed", headline));
        }
        let task = run["task_id"]
            .as_str()
            .and_then(|id| Ask::get("/tasks/{}", &[id]).send(host).ok());
        let task = task.map_or(Value::Null, |answer| answer.body);
        let success = last_success(host, &run);
        let later = later_success(host, &run);
        Ok(explain(&run, &task, &success, &later, host.now_ms()))
    }
}

fn last_failed(host: &dyn Host, task: &str) -> Result<String, Failure> {
    lookup::check_task_id(host, task)?;
    let answer = Ask::get("/runs", &[])
        .with("task_id", Some(task))
        .with("state", Some("failed,timed_out"))
        .with("limit", Some(1))
        .send(host)?;
    let newest = answer.body["data"][0]["id"].as_str().map(str::to_owned);
    newest.ok_or_else(|| {
        let headline = "No failed run of this task is on record. Use ordinaut_search_runs to see its runs.";
        Failure::new("not_found", headline)
    })
}

/// The last run of the task that succeeded before this one.
fn last_success(host: &dyn Host, run: &Value) -> Value {
    let answer = Ask::get("/runs", &[])
        .with("task_id", run["task_id"].as_str())
        .with("state", Some("succeeded"))
        .with("scheduled_until", run["scheduled_for"].as_str())
        .with("limit", Some(1))
        .send(host);
    answer.map_or(Value::Null, |answer| answer.body["data"][0].clone())
}

/// The newest run of the task that succeeded after this one was over.
fn later_success(host: &dyn Host, run: &Value) -> Value {
    let answer = Ask::get("/runs", &[])
        .with("task_id", run["task_id"].as_str())
        .with("state", Some("succeeded"))
        .with("scheduled_from", run["scheduled_for"].as_str())
        .with("limit", Some(1))
        .send(host);
    let newest = answer.map_or(Value::Null, |answer| answer.body["data"][0].clone());
    let over = |run: &Value| run["finished_at"].as_str().and_then(moment::parse);
    match (over(&newest), over(run)) {
        (Some(succeeded), Some(failed)) if succeeded > failed && newest["simulated"] != true => newest,
        _ => Value::Null,
    }
}

fn explain(run: &Value, task: &Value, success: &Value, later: &Value, now: i64) -> Outcome {
    let zone = task["timezone"].as_str();
    let error = &run["error"];
    let step = failed_step(run);
    let class = error["code"].as_str().unwrap_or_else(|| text(&run["state"]));
    let cause = cause(run, &step);
    let retryable = error["retryable"].as_bool().unwrap_or(run["state"] == "timed_out");
    let changed = what_changed(run, task, success, zone, now);
    let suggestions = suggestions(class, retryable, run, &step);
    let mut lines = vec![cause.clone()];
    if let Some(at) = moment::told(&later["finished_at"], zone, now) {
        lines.push(format!(
            "A later run succeeded: {at}, run_id {}. There may be nothing left to mend.",
            text(&later["id"])
        ));
    }
    match moment::told(&success["finished_at"], zone, now) {
        Some(at) => lines.push(format!("Last success before it: {at}.")),
        None => lines.push("No earlier success is on record.".to_owned()),
    }
    lines.extend(changed.iter().map(|one| format!("Changed: {one}")));
    lines.extend(suggestions.iter().map(|one| format!("- {one}")));
    let data = json!({
        "run_id": run["id"],
        "task_id": run["task_id"],
        "task_title": run["task_title"],
        "status": run["state"],
        "failed_step": step["id"],
        "failed_tool": step["uses"],
        "error_class": class,
        "cause": cause,
        "error": (!error.is_null()).then(|| error.clone()),
        "input": (!step["input"].is_null()).then(|| step["input"].clone()),
        "attempts": run["attempt"],
        "retryable": retryable,
        "last_success_at": (!success.is_null()).then(|| moment::shown(&success["finished_at"], zone, now)),
        "later_success_at": (!later.is_null()).then(|| moment::shown(&later["finished_at"], zone, now)),
        "later_success_run_id": later["id"],
        "what_changed": changed,
        "suggestions": suggestions,
    });
    Outcome::new(lines.join("\n"), present(data)).bounded(
        &["error", "input"],
        "Ask ordinaut_get_run with step_id for the whole step.",
    )
}

/// The step that ended the run: the one that its error names, otherwise the last that did not succeed.
fn failed_step(run: &Value) -> Value {
    let steps = get_run::steps_of(run);
    let named = run["error"]["step"].as_str();
    let found = steps
        .iter()
        .rev()
        .find(|step| match named {
            Some(name) => step["id"] == name,
            None => matches!(step["state"].as_str(), Some("failed" | "unknown" | "started")),
        })
        .cloned();
    found.unwrap_or(Value::Null)
}

fn cause(run: &Value, step: &Value) -> String {
    let state = text(&run["state"]);
    let tried = run["attempt"].as_u64().filter(|attempt| *attempt > 1);
    let tried = tried
        .map(|attempt| format!(" on attempt {attempt}"))
        .unwrap_or_default();
    let at_step = match (step["id"].as_str(), step["uses"].as_str()) {
        (Some(id), Some(uses)) => format!(" at step {id} ({uses})"),
        _ => String::new(),
    };
    let why = run["error"]["message"]
        .as_str()
        .or(run["reason"].as_str())
        .unwrap_or("no reason was recorded");
    format!("The run {state}{tried}{at_step}: {}", shorten(why, 600))
}

fn what_changed(run: &Value, task: &Value, success: &Value, zone: Option<&str>, now: i64) -> Vec<String> {
    let mut changes = Vec::new();
    let instant = |value: &Value| value.as_str().and_then(moment::parse);
    let (updated, ran) = (instant(&task["updated_at"]), instant(&success["finished_at"]));
    if let (Some(updated), Some(ran)) = (updated, ran)
        && updated > ran
        && let Some(told) = moment::told(&task["updated_at"], zone, now)
    {
        changes.push(format!("the task was changed after its last success, {told}"));
    }
    if success["simulated"] == true && run["simulated"] != true {
        changes.push("the last success was simulated: no tool was really called".to_owned());
    }
    if !success.is_null() && success["cause"] != run["cause"] {
        changes.push(format!(
            "this run came by {}, the last success by {}",
            text(&run["cause"]),
            text(&success["cause"])
        ));
    }
    changes
}

/// What usually helps, by the error's code.
fn suggestions(class: &str, retryable: bool, run: &Value, step: &Value) -> Vec<String> {
    let id = text(&run["id"]);
    let mut advice = Vec::new();
    match class {
        "denied" => advice.push(
            "The operator has to grant this to the extension; the error's message has the line to write.".to_owned(),
        ),
        "tool_not_found" => advice.push(
            "No extension offers this tool. See ordinaut://catalog/tools for those there are, and mend `uses` with \
             ordinaut_update_task."
                .to_owned(),
        ),
        "unexpected_status" => advice.push(
            "The server answered, but not as the step expects: see the status in the error's details, and whether the \
             request or expect_status is wrong."
                .to_owned(),
        ),
        "timeout" | "timed_out" | "wall_timeout" => advice.push(
            "It took too long. Give the step or the task more timeout_seconds, or find out why the other side is slow."
                .to_owned(),
        ),
        "skipped" | "canceled" => advice.push("Nothing is broken: see the reason.".to_owned()),
        _ if class.contains("argument") || class.contains("schema") || class.contains("template") => advice.push(
            "The step's arguments do not fit. Compare `input` with the tool's schema, mend the pipeline with \
             ordinaut_update_task and check it with ordinaut_validate_pipeline."
                .to_owned(),
        ),
        _ => {}
    }
    if retryable {
        advice.push(format!("It may pass: repeat with ordinaut_retry_run, run_id {id}."));
    } else if run["state"] == "failed" {
        let from = step["id"]
            .as_str()
            .map(|id| format!(" and from_step {id}"))
            .unwrap_or_default();
        advice.push(format!(
            "Mend the cause first; then ordinaut_retry_run with run_id {id}{from}."
        ));
    }
    advice
}
