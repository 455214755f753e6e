//! `ordinaut_get_task`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, lookup};
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::moment;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views;

/// How many of its runs are shown with a task.
const RECENT: u32 = 5;

pub(super) struct GetTask;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: String,
}

impl Tool for GetTask {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_get_task";
    const TITLE: &'static str = "Get a task";
    const DESCRIPTION: &'static str =
        "One task whole: schedule in words, next runs, pipeline, last runs, and its etag.";
    const SCOPE: Option<&'static str> = Some("tasks:read");
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("task!", "object")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let found = lookup::task(host, &arguments.task_id)?;
        let now = host.now_ms();
        let zone = found.task["timezone"].as_str();
        let runs = recent_runs(host, &arguments.task_id);
        let mut lines = vec![views::task_line(&found.task, now).trim_start_matches("- ").to_owned()];
        if let Some(sentence) = found.task["schedule"]["description"].as_str() {
            lines.push(format!("Schedule: {}", moment::localized(sentence, zone)));
        }
        lines.extend(views::next_line(&found.task, now));
        if let Some(etag) = &found.etag {
            lines.push(format!("etag: {etag}"));
        }
        let payload = &found.task["payload"];
        lines.push(format!(
            "Pipeline: {}",
            shorten(&payload["pipeline"].to_string(), 1_600)
        ));
        if payload["params"].as_object().is_some_and(|params| !params.is_empty()) {
            lines.push(format!("Params: {}", shorten(&payload["params"].to_string(), 600)));
        }
        if !runs.is_empty() {
            lines.push("Last runs:".to_owned());
            lines.extend(runs.iter().map(|run| views::run_line(run, zone, now)));
        }
        let runs: Vec<Value> = runs.iter().map(|run| views::run_brief(run, zone, now)).collect();
        let data = json!({
            "task": views::task_full(&found.task, now),
            "etag": found.etag,
            "recent_runs": runs,
        });
        let outcome = Outcome::new(lines.join("\n"), data);
        Ok(outcome.bounded(
            &["task"],
            &format!("Read ordinaut://tasks/{} for the whole task.", arguments.task_id),
        ))
    }
}

/// The last runs; none for those who may not read runs.
fn recent_runs(host: &dyn Host, task: &str) -> Vec<Value> {
    let answer = Ask::get("/runs", &[])
        .with("task_id", Some(task))
        .with("limit", Some(RECENT))
        .send(host);
    answer
        .ok()
        .and_then(|answer| answer.body["data"].as_array().cloned())
        .unwrap_or_default()
}
