//! `ordinaut_get_run`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::search_tasks::Detail;
use super::{Tool, lookup};
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views::{self, text};

pub(super) struct GetRun;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    run_id: String,
    detail: Option<Detail>,
    /// Only this step, in full
    step_id: Option<String>,
}

impl Tool for GetRun {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_get_run";
    const TITLE: &'static str = "Get a run";
    const DESCRIPTION: &'static str = "One run with steps, output and error. full adds each step's input and result.";
    const SCOPE: Option<&'static str> = Some("runs:read");
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("run!", "object"), ("steps!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let run = lookup::run(host, &arguments.run_id)?;
        let zone = zone_of(host, &run);
        let now = host.now_ms();
        if let Some(wanted) = &arguments.step_id {
            return one_step(&run, wanted, zone.as_deref(), now);
        }
        if arguments.detail == Some(Detail::Full) {
            let mut outcome = told(&run, zone.as_deref(), now);
            let steps: Vec<Value> = steps_of(&run).iter().map(views::step_full).collect();
            outcome.data.insert("steps".into(), json!(steps));
            outcome.data.insert("attempts".into(), run["attempts"].clone());
            return Ok(outcome.bounded(&["steps", "run", "attempts"], "Ask with step_id for one step."));
        }
        Ok(told(&run, zone.as_deref(), now))
    }
}

/// The zone of a run's task; none for those who may not read it.
pub(super) fn zone_of(host: &dyn Host, run: &Value) -> Option<String> {
    let task = Ask::get("/tasks/{}", &[run["task_id"].as_str()?]).send(host).ok()?;
    task.body["timezone"].as_str().map(str::to_owned)
}

/// The steps, those of every attempt.
pub(super) fn steps_of(run: &Value) -> Vec<Value> {
    run["steps"].as_array().cloned().unwrap_or_default()
}

/// A run and its steps in brief.
pub(super) fn told(run: &Value, zone: Option<&str>, now: i64) -> Outcome {
    let mut view = views::run_brief(run, zone, now);
    for member in ["output", "error", "trigger"] {
        if !run[member].is_null() {
            view[member] = run[member].clone();
        }
    }
    let steps = steps_of(run);
    let mut lines = vec![views::run_line(run, zone, now).trim_start_matches("- ").to_owned()];
    if let Some(reason) = run["reason"].as_str() {
        lines.push(format!("Reason: {reason}"));
    }
    for step in &steps {
        let error = step["error"]["message"]
            .as_str()
            .map(|error| format!(": {}", shorten(error, 160)));
        lines.push(format!(
            "- step {} ({}): {}{}",
            text(&step["id"]),
            text(&step["uses"]),
            text(&step["state"]),
            error.unwrap_or_default()
        ));
    }
    if run["output"].as_object().is_some_and(|output| !output.is_empty()) {
        lines.push(format!("Output: {}", shorten(&run["output"].to_string(), 1_000)));
    }
    let steps: Vec<Value> = steps.iter().map(views::step_brief).collect();
    Outcome::new(lines.join("\n"), json!({ "run": view, "steps": steps }))
        .bounded(&["run", "steps"], "Ask ordinaut_get_run with step_id for one step.")
}

fn one_step(run: &Value, wanted: &str, zone: Option<&str>, now: i64) -> Result<Outcome, Failure> {
    let steps = steps_of(run);
    let found: Vec<Value> = steps
        .iter()
        .filter(|step| step["id"] == wanted)
        .map(views::step_full)
        .collect();
    if found.is_empty() {
        let ids: Vec<&str> = steps.iter().map(|step| text(&step["id"])).collect();
        let headline = format!("The run has no step \"{}\" yet.", shorten(wanted, 50));
        return Err(Failure::new("unknown_step", headline)
            .line(format!("Its steps: {}.", ids.join(", ")))
            .member("suggestions", json!(ids)));
    }
    let mut lines = vec![views::run_line(run, zone, now).trim_start_matches("- ").to_owned()];
    for step in &found {
        lines.push(format!("step {}: {}", text(&step["id"]), text(&step["status"])));
        for member in ["input", "result", "error"] {
            if !step[member].is_null() {
                lines.push(format!("{member}: {}", shorten(&step[member].to_string(), 1_200)));
            }
        }
    }
    let data = json!({ "run": views::run_brief(run, zone, now), "steps": found });
    let how = format!("Read ordinaut://runs/{}/log for everything.", text(&run["id"]));
    Ok(Outcome::new(lines.join("\n"), data).bounded(&["steps"], &how))
}
