//! `ordinaut_cancel_run`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Tool, get_run, lookup};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;

pub(super) struct CancelRun;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    run_id: String,
    /// At most 200 characters
    reason: Option<String>,
}

impl Tool for CancelRun {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_cancel_run";
    const TITLE: &'static str = "Cancel a run";
    const DESCRIPTION: &'static str = "Cancels a queued run or stops a running one; the schedule goes on.";
    const SCOPE: Option<&'static str> = Some("runs:cancel");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: false,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("run!", "object")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let id = arguments.run_id.as_str();
        lookup::check_run_id(id)?;
        let answer = Ask::post("/runs/{}/cancel", &[id], present(json!({ "reason": arguments.reason })))
            .send(host)
            .map_err(|failure| lookup::run_failure(id, failure))?;
        let mut outcome = get_run::told(
            &answer.body,
            get_run::zone_of(host, &answer.body).as_deref(),
            host.now_ms(),
        );
        outcome.data.remove("steps");
        let what = if answer.status == 202 {
            "Its worker has been told; look with ordinaut_get_run whether it stopped."
        } else {
            "Canceled."
        };
        outcome.text = format!("{what}\n{}", outcome.text);
        Ok(outcome)
    }
}
