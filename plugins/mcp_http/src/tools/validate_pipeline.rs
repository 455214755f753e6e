//! `ordinaut_validate_pipeline`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Tool;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views;

pub(super) struct ValidatePipeline;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// As in ordinaut_create_task
    pipeline: Vec<Map<String, Value>>,
    params: Option<Map<String, Value>>,
}

impl Tool for ValidatePipeline {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_validate_pipeline";
    const TITLE: &'static str = "Check a pipeline";
    const DESCRIPTION: &'static str = "Checks steps, templates and tool arguments; tells every fault with its place.";
    const SCOPE: Option<&'static str> = None;
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("ok!", "boolean"), ("errors!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let steps = step_ids(&arguments.pipeline);
        let used = params_used(&arguments.pipeline);
        let body = json!({
            "title": "A pipeline to be checked",
            "schedule_kind": "cron",
            "schedule_expr": "@yearly",
            "payload": { "params": arguments.params.unwrap_or_default(), "pipeline": arguments.pipeline },
        });
        let checked = Ask::post("/tasks/validate", &[], body).send(host)?.body;
        let errors = views::remarks(&checked["errors"]);
        let warnings = views::remarks(&checked["warnings"]);
        let ok = checked["valid"] == true;
        let mut text = if ok {
            format!("The pipeline is valid: {}.", steps.join(" → "))
        } else {
            format!("{} places are wrong:{}", errors.len(), views::remark_lines(&errors))
        };
        if !warnings.is_empty() {
            text.push_str("\nWarnings:");
            text.push_str(&views::remark_lines(&warnings));
        }
        let data = json!({ "ok": ok, "errors": errors, "warnings": warnings, "steps": steps, "params_used": used });
        Ok(Outcome::new(text, data).bounded(&["errors", "warnings"], "Mend these first and check again."))
    }
}

/// The names of the steps, in the order in which they run.
fn step_ids(pipeline: &[Map<String, Value>]) -> Vec<String> {
    let named = |step: &Map<String, Value>| step.get("id").and_then(Value::as_str).map(str::to_owned);
    pipeline
        .iter()
        .enumerate()
        .map(|(index, step)| named(step).unwrap_or_else(|| format!("step_{}", index + 1)))
        .collect()
}

/// The names below `params` that the steps speak of, found in their text; what is quoted there is counted too.
fn params_used(pipeline: &[Map<String, Value>]) -> BTreeSet<String> {
    let text = serde_json::to_string(pipeline).unwrap_or_default();
    text.match_indices("params.")
        .map(|(at, found)| {
            text[at + found.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}
