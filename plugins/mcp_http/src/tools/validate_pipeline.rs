//! `ordinaut_validate_pipeline`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Tool;
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::resources;
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
    const DESCRIPTION: &'static str = "Checks steps, templates and tool arguments; tells every fault with its place, \
        and which tools there are where one is unknown.";
    const SCOPE: Option<&'static str> = None;
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("ok!", "boolean"), ("errors!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let steps = step_ids(&arguments.pipeline);
        let addresses: BTreeSet<String> = arguments
            .pipeline
            .iter()
            .filter_map(|step| step.get("uses")?.as_str().map(str::to_owned))
            .collect();
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
        let mut data = json!({ "ok": ok, "errors": errors, "warnings": warnings, "steps": steps, "params_used": used });
        if errors.iter().chain(&warnings).any(|one| one["code"] == "unknown_tool") {
            text.push_str(&tell_tools(host, &addresses, &mut data));
        }
        Ok(Outcome::new(text, data).bounded(&["errors", "warnings"], "Mend these first and check again."))
    }
}

/// How many of the tools are listed.
const LISTED: usize = 60;

/// How many tools that do not exist are told near ones.
const UNKNOWN: usize = 8;

/// Which tools there are, and which may have been meant.
fn tell_tools(host: &dyn Host, addresses: &BTreeSet<String>, data: &mut Value) -> String {
    let catalog = match Ask::get("/tools", &[]).send(host) {
        Ok(answer) => answer.body,
        Err(_) => return format!("\n{}", resources::CATALOG_SCOPES),
    };
    let tools = catalog["data"].as_array().into_iter().flatten();
    let names: Vec<&str> = tools.filter_map(|tool| tool["name"].as_str()).collect();
    let unknown = addresses.iter().filter(|address| !names.contains(&address.as_str()));
    let mut lines = String::new();
    let mut suggestions = Vec::new();
    for address in unknown.take(UNKNOWN) {
        let near = near(address, &names);
        if !near.is_empty() {
            let address = shorten(address, 80);
            let _ = write!(lines, "\nInstead of {address} there is {}.", near.join(", "));
            suggestions.push(json!({ "uses": address, "near": near }));
        }
    }
    let listed = &names[..names.len().min(LISTED)];
    let more = names.len() - listed.len();
    let _ = write!(lines, "\nTools: {}", shorten(&listed.join(", "), 1_500));
    if more > 0 {
        let _ = write!(lines, " and {more} more; ordinaut://catalog/tools has them all");
    }
    data["suggestions"] = json!(suggestions);
    data["tools"] = json!(listed);
    lines
}

/// The tools whose names share most of their words with this one.
fn near<'a>(address: &str, names: &[&'a str]) -> Vec<&'a str> {
    let words = |name: &str| -> BTreeSet<String> {
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1);
        words.map(str::to_ascii_lowercase).collect()
    };
    let wanted = words(address);
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .map(|name| (words(name).intersection(&wanted).count(), *name))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    near.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    near.into_iter().take(3).map(|(_, name)| name).collect()
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
