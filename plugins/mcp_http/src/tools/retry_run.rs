//! `ordinaut_retry_run`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Tool, lookup, run_task, waiting};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;

pub(super) struct RetryRun;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    run_id: String,
    /// Keep what was done before this step
    from_step: Option<String>,
    /// Params to change
    edited_params: Option<Map<String, Value>>,
    /// Call no tool really
    simulate: Option<bool>,
    /// 0-20, default 0: wait for its end
    wait_seconds: Option<u32>,
    /// Makes repeating safe
    idempotency_key: Option<String>,
}

impl Tool for RetryRun {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_retry_run";
    const TITLE: &'static str = "Repeat a run";
    const DESCRIPTION: &'static str = "Repeats a run that is over, as a new one.";
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
        let id = arguments.run_id.as_str();
        lookup::check_run_id(id)?;
        let body = present(json!({
            "from_step": arguments.from_step,
            "params": arguments.edited_params,
            "simulate": arguments.simulate,
        }));
        let run = Ask::post("/runs/{}/retry", &[id], body)
            .header("idempotency-key", arguments.idempotency_key.as_deref())
            .send(host)
            .map_err(|failure| lookup::run_failure(id, failure))?
            .body;
        Ok(run_task::told(host, &waiting::until_over(host, run, wait)))
    }
}
