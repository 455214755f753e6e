//! What can be read: tasks, runs, the languages of schedules and pipelines, and the tools that steps can call.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::registry::{Content, ReadError, ResourceInfo};
use crate::tools::lookup::is_id;
use crate::views::text;

const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";

const PIPELINE_DOCS: &str = "ordinaut://docs/pipeline-language";
const SCHEDULE_DOCS: &str = "ordinaut://docs/schedule-language";
const TOOLS: &str = "ordinaut://catalog/tools";

const TASK: &str = "ordinaut://tasks/{id}";
const RUN: &str = "ordinaut://runs/{id}";
const LOG: &str = "ordinaut://runs/{id}/log";

/// Who may see the catalogue of tools.
pub const CATALOG_SCOPES: &str = "The tools are listed for tokens with the scope `tools:call` or `extensions:read`.";

/// How many values a completion offers.
const COMPLETIONS: u32 = 20;

/// What has a fixed address.
pub fn fixed() -> Vec<ResourceInfo> {
    vec![
        ResourceInfo {
            uri: PIPELINE_DOCS,
            name: "pipeline-language",
            title: "The pipeline language",
            description: "Steps, templates, conditions, and what is checked.",
            mime: MARKDOWN,
        },
        ResourceInfo {
            uri: SCHEDULE_DOCS,
            name: "schedule-language",
            title: "Schedules",
            description: "Fields of a task, schedules, missed occurrences, overlap and controls.",
            mime: MARKDOWN,
        },
        ResourceInfo {
            uri: TOOLS,
            name: "tool-catalog",
            title: "Tools for steps",
            description: "The tools that steps can call, each with the schema of its arguments.",
            mime: JSON,
        },
    ]
}

/// What has an address with an id.
pub fn templates() -> Vec<ResourceInfo> {
    vec![
        ResourceInfo {
            uri: TASK,
            name: "task",
            title: "A task",
            description: "A task's whole definition and state.",
            mime: JSON,
        },
        ResourceInfo {
            uri: RUN,
            name: "run",
            title: "A run",
            description: "A run with its attempts, output and error.",
            mime: JSON,
        },
        ResourceInfo {
            uri: LOG,
            name: "run-log",
            title: "A run's steps",
            description: "What each step of a run was given and what it answered.",
            mime: JSON,
        },
    ]
}

/// Reads what has this address.
pub fn read(host: &dyn Host, uri: &str) -> Result<Content, ReadError> {
    let markdown = |text: &str| {
        Ok(Content {
            mime: MARKDOWN,
            text: text.to_owned(),
        })
    };
    match uri {
        PIPELINE_DOCS => return markdown(include_str!("../../../docs/reference/pipelines.md")),
        SCHEDULE_DOCS => return markdown(include_str!("../../../docs/reference/tasks.md")),
        TOOLS => {
            return shown(&Ask::get("/tools", &[]), host).map_err(|error| match error {
                ReadError::Failed(failure) if failure.code() == "insufficient_scope" => {
                    let failure = failure.line(CATALOG_SCOPES);
                    ReadError::Failed(failure)
                }
                other => other,
            });
        }
        _ => {}
    }
    let path = uri.strip_prefix("ordinaut://").ok_or(ReadError::NotFound)?;
    let segments: Vec<&str> = path.split('/').collect();
    let ask = match segments.as_slice() {
        ["tasks", id] if is_id(id) => Ask::get("/tasks/{}", &[id]),
        ["runs", id] if is_id(id) => Ask::get("/runs/{}", &[id]),
        ["runs", id, "log"] if is_id(id) => Ask::get("/runs/{}/steps", &[id]),
        _ => return Err(ReadError::NotFound),
    };
    shown(&ask, host)
}

fn shown(ask: &Ask, host: &dyn Host) -> Result<Content, ReadError> {
    let answer = ask.send(host).map_err(|failure: Failure| {
        // What the caller may not see is not there for it.
        if failure.code() == "not_found" {
            ReadError::NotFound
        } else {
            ReadError::Failed(failure)
        }
    })?;
    let text = serde_json::to_string_pretty(&answer.body).unwrap_or_default();
    Ok(Content { mime: JSON, text })
}

/// Ids that begin with what was typed, or of tasks whose title holds it.
pub fn complete(host: &dyn Host, pattern: &str, variable: &str, typed: &str) -> Vec<String> {
    if variable != "id" {
        return Vec::new();
    }
    match pattern {
        TASK => {
            let by_title = (!looks_like_an_id(typed)).then_some(typed);
            let found = list(Ask::get("/tasks", &[]).with("q", by_title), host);
            beginning(&found, if by_title.is_some() { "" } else { typed })
        }
        RUN | LOG => beginning(&list(Ask::get("/runs", &[]), host), typed),
        _ => Vec::new(),
    }
}

/// Titles of tasks that hold what was typed.
pub fn titles(host: &dyn Host, typed: &str) -> Vec<String> {
    let typed = (!typed.is_empty()).then_some(typed);
    let found = list(Ask::get("/tasks", &[]).with("q", typed), host);
    found.iter().map(|task| text(&task["title"]).to_owned()).collect()
}

fn looks_like_an_id(typed: &str) -> bool {
    typed.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn list(ask: Ask, host: &dyn Host) -> Vec<Value> {
    let answer = ask.with("limit", Some(COMPLETIONS)).send(host);
    let answer = answer.map_or_else(|_| json!([]), |answer| answer.body["data"].clone());
    answer.as_array().cloned().unwrap_or_default()
}

fn beginning(found: &[Value], typed: &str) -> Vec<String> {
    let ids = found.iter().filter_map(|one| one["id"].as_str());
    ids.filter(|id| id.starts_with(typed)).map(str::to_owned).collect()
}
