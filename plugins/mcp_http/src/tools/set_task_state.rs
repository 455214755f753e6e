//! `ordinaut_set_task_state`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::create_task::{told, with_schedule};
use super::search_tasks::word;
use super::{Tool, lookup};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::moment;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;
use crate::views::text;

pub(super) struct SetTaskState;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: String,
    action: Action,
    /// snooze: RFC 3339
    until: Option<String>,
    /// snooze: instead of until
    delay_seconds: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Pause,
    Resume,
    Snooze,
    SkipNext,
    Cancel,
}

impl Tool for SetTaskState {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_set_task_state";
    const TITLE: &'static str = "Set a task's state";
    const DESCRIPTION: &'static str = "snooze puts the next run off, skip_next leaves it out; cancel is final, history \
        stays.";
    const SCOPE: Option<&'static str> = Some("tasks:write");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: false,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("task!", "object")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        lookup::check_task_id(host, &arguments.task_id)?;
        let snoozes = arguments.action == Action::Snooze;
        let times = usize::from(arguments.until.is_some()) + usize::from(arguments.delay_seconds.is_some());
        if snoozes && times != 1 {
            return Err(Failure::arguments("snooze needs either until or delay_seconds."));
        }
        if !snoozes && times > 0 {
            return Err(Failure::arguments(
                "until and delay_seconds are for snooze only; leave them out.",
            ));
        }
        let body = present(json!({ "until": arguments.until, "delay_seconds": arguments.delay_seconds }));
        let action = word(arguments.action).unwrap_or_default();
        let id = arguments.task_id.as_str();
        let changed = Ask::post("/tasks/{}/{}", &[id, &action], body)
            .send(host)
            .map_err(|failure| lookup::task_failure(host, id, failure))?
            .body;
        let message = moment::localized(text(&changed["message"]), changed["timezone"].as_str());
        let mut outcome = told(
            &format!("{action} done:"),
            &with_schedule(host, changed),
            &[],
            host.now_ms(),
        );
        outcome.data.remove("warnings");
        if !message.is_empty() {
            outcome.text = format!("{message}\n{}", outcome.text);
            outcome.data.insert("message".into(), json!(message));
        }
        Ok(outcome)
    }
}
