//! `ordinaut_run_task`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, get_run, lookup, waiting};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views::{is_over, text};

pub(super) struct RunTask;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: String,
    /// Call no tool really
    simulate: Option<bool>,
    /// 0-20, default 0: wait for its end
    wait_seconds: Option<u32>,
    /// Makes repeating safe
    idempotency_key: Option<String>,
}

impl Tool for RunTask {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_run_task";
    const TITLE: &'static str = "Run a task now";
    const DESCRIPTION: &'static str =
        "Starts a run at once, really calling its tools. Look later with ordinaut_get_run.";
    const SCOPE: Option<&'static str> = Some("runs:trigger");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("run!", "object")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let wait = waiting::check(arguments.wait_seconds)?;
        let id = arguments.task_id.as_str();
        lookup::check_task_id(host, id)?;
        let body = json!({ "simulate": arguments.simulate.unwrap_or_default() });
        let run = Ask::post("/tasks/{}/run_now", &[id], body)
            .header("idempotency-key", arguments.idempotency_key.as_deref())
            .send(host)
            .map_err(|failure| lookup::task_failure(host, id, failure))?
            .body;
        Ok(told(host, &waiting::until_over(host, run, wait)))
    }
}

/// The answer of whatever starts a run.
pub(super) fn told(host: &dyn Host, run: &Value) -> Outcome {
    let mut outcome = get_run::told(run, get_run::zone_of(host, run).as_deref(), host.now_ms());
    if !is_over(run) {
        let id = text(&run["id"]);
        let hint = format!("\nIt goes on; look with ordinaut_get_run and run_id {id}.");
        outcome.text.push_str(&hint);
    }
    outcome
}
