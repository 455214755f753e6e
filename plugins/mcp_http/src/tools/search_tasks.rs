//! `ordinaut_search_tasks`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Tool, limit, page};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views;

pub(super) struct SearchTasks;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Words of the title
    query: Option<String>,
    status: Option<Status>,
    tag: Option<String>,
    schedule_kind: Option<Kind>,
    /// RFC 3339: only with a run before
    due_before: Option<String>,
    /// 1-100, default 20
    limit: Option<u32>,
    /// next_cursor
    cursor: Option<String>,
    detail: Option<Detail>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Active,
    Paused,
    Completed,
    Canceled,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Cron,
    Rrule,
    Once,
}

/// How much is told.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detail {
    Concise,
    Full,
}

/// The word that the API knows for an enum's value.
pub(super) fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

impl Tool for SearchTasks {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_search_tasks";
    const TITLE: &'static str = "Search tasks";
    const DESCRIPTION: &'static str = "Finds tasks by title, status, tag, kind or due time; newest first.";
    const SCOPE: Option<&'static str> = Some("tasks:read");
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("tasks!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let soonest_first = arguments.due_before.as_ref().map(|_| "next_run_at");
        let limit = limit(arguments.limit)?;
        let ask = |limit: u32| {
            Ask::get("/tasks", &[])
                .with("q", arguments.query.as_ref())
                .with("status", arguments.status.and_then(word))
                .with("tag", arguments.tag.as_ref())
                .with("schedule_kind", arguments.schedule_kind.and_then(word))
                .with("due_before", arguments.due_before.as_ref())
                .with("sort", soonest_first)
                .with("limit", Some(limit))
                .with("cursor", arguments.cursor.as_ref())
        };
        let now = host.now_ms();
        let view = match arguments.detail {
            Some(Detail::Full) => views::task_listed_fully,
            _ => views::task_brief,
        };
        page::told(host, ("tasks", "task"), limit, ask, |found| {
            let entries = found.iter();
            entries
                .map(|task| (view(task, now), views::task_line(task, now)))
                .collect()
        })
    }
}
