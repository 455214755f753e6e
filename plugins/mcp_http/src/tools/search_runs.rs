//! `ordinaut_search_runs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::search_tasks::word;
use super::{Tool, limit, lookup};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views;

pub(super) struct SearchRuns;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: Option<String>,
    status: Option<State>,
    /// RFC 3339
    since: Option<String>,
    /// RFC 3339
    until: Option<String>,
    /// 1-100, default 20
    limit: Option<u32>,
    /// next_cursor
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
    TimedOut,
    Skipped,
}

impl Tool for SearchRuns {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_search_runs";
    const TITLE: &'static str = "Search runs";
    const DESCRIPTION: &'static str = "Finds runs by task, status and time, newest first, with what went wrong.";
    const SCOPE: Option<&'static str> = Some("runs:read");
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("runs!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let mut zone = None;
        if let Some(id) = &arguments.task_id {
            lookup::check_task_id(host, id)?;
            // Only for the clock in the task's zone; the runs are shown without it too.
            let task = Ask::get("/tasks/{}", &[id]).send(host).ok();
            zone = task.and_then(|task| task.body["timezone"].as_str().map(str::to_owned));
        }
        let zone = zone.as_deref();
        let answer = Ask::get("/runs", &[])
            .with("task_id", arguments.task_id)
            .with("state", arguments.status.and_then(word))
            .with("scheduled_from", arguments.since)
            .with("scheduled_until", arguments.until)
            .with("limit", Some(limit(arguments.limit)?))
            .with("cursor", arguments.cursor)
            .send(host)?;
        let now = host.now_ms();
        let found: Vec<Value> = answer.body["data"].as_array().cloned().unwrap_or_default();
        let runs: Vec<Value> = found.iter().map(|run| views::run_brief(run, zone, now)).collect();
        let cursor = answer.body["next_cursor"].clone();
        let mut lines = vec![match (found.len(), cursor.is_null()) {
            (0, true) => "No run fits.".to_owned(),
            (count, true) => format!("{count} found:"),
            (count, false) => format!("{count} found; more with cursor (see next_cursor):"),
        }];
        lines.extend(found.iter().map(|run| views::run_line(run, zone, now)));
        Ok(Outcome::new(
            lines.join("\n"),
            json!({ "runs": runs, "next_cursor": cursor }),
        ))
    }
}
