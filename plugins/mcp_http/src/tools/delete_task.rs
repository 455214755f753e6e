//! `ordinaut_delete_task`: only for who knows the title, so that no mixed-up id removes somebody's work.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Tool, lookup};
use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;
use crate::views::text;

pub(super) struct DeleteTask;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    task_id: String,
    /// The task's exact title
    confirm_title: String,
}

impl Tool for DeleteTask {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_delete_task";
    const TITLE: &'static str = "Delete a task";
    const DESCRIPTION: &'static str = "Deletes a task and its history; cancel keeps the history.";
    const SCOPE: Option<&'static str> = Some("tasks:delete");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: false,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("deleted!", "boolean")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let found = lookup::task(host, &arguments.task_id)?;
        let title = text(&found.task["title"]);
        if title.trim() != arguments.confirm_title.trim() {
            let headline = format!(
                "Not deleted: the task is called \"{}\". Ask the user whether that is meant, then confirm with this title.",
                shorten(title, 50)
            );
            return Err(Failure::new("confirmation_needed", headline).member("title", json!(title)));
        }
        Ask::delete("/tasks/{}", &[&arguments.task_id])
            .header("if-match", found.etag.as_deref())
            .send(host)
            .map_err(|failure| lookup::task_failure(host, &arguments.task_id, failure))?;
        let data = json!({ "deleted": true, "task_id": arguments.task_id, "title": title });
        Ok(Outcome::new(
            format!("Deleted \"{}\" and its history.", shorten(title, 100)),
            data,
        ))
    }
}
