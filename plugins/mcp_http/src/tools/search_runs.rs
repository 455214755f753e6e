//! `ordinaut_search_runs`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::search_tasks::word;
use super::{Tool, get_run, limit, lookup, page};
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
        let limit = limit(arguments.limit)?;
        if let Some(id) = &arguments.task_id {
            lookup::check_task_id(host, id)?;
        }
        let ask = |limit: u32| {
            Ask::get("/runs", &[])
                .with("task_id", arguments.task_id.as_ref())
                .with("state", arguments.status.and_then(word))
                .with("scheduled_from", arguments.since.as_ref())
                .with("scheduled_until", arguments.until.as_ref())
                .with("limit", Some(limit))
                .with("cursor", arguments.cursor.as_ref())
        };
        let now = host.now_ms();
        let zones = RefCell::default();
        page::told(host, ("runs", "run"), limit, ask, |found| {
            let entry = |run: &Value| {
                let zone = zone(host, &zones, run);
                let zone = zone.as_deref();
                (views::run_brief(run, zone, now), views::run_line(run, zone, now))
            };
            found.iter().map(entry).collect()
        })
    }
}

/// How many tasks are asked for their zones.
const ZONES: usize = 12;

/// The zone of a run's task, asked once. Only for the clock; a run is shown without it too.
fn zone(host: &dyn Host, known: &RefCell<BTreeMap<String, Option<String>>>, run: &Value) -> Option<String> {
    let task = run["task_id"].as_str()?;
    if let Some(zone) = known.borrow().get(task) {
        return zone.clone();
    }
    if known.borrow().len() >= ZONES {
        return None;
    }
    let zone = get_run::zone_of(host, run);
    known.borrow_mut().insert(task.to_owned(), zone.clone());
    zone
}
