//! `ordinaut_publish_event`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Tool;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;
use crate::views::text;

pub(super) struct PublishEvent;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// E.g. orders.created
    topic: String,
    data: Map<String, Value>,
    /// Events of one subject keep their order
    subject: Option<String>,
    /// Makes repeating safe
    idempotency_key: Option<String>,
}

impl Tool for PublishEvent {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_publish_event";
    const TITLE: &'static str = "Publish an event";
    const DESCRIPTION: &'static str = "Publishes an event.";
    const SCOPE: Option<&'static str> = Some("events:publish");
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("event_id!", "string")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let body = present(json!({ "topic": arguments.topic, "data": arguments.data, "subject": arguments.subject }));
        let event = Ask::post("/events", &[], body)
            .header("idempotency-key", arguments.idempotency_key.as_deref())
            .send(host)?
            .body;
        let id = text(&event["id"]);
        let data = json!({ "event_id": id, "topic": arguments.topic, "time": event["time"] });
        Ok(Outcome::new(
            format!("Published {} as event {id}.", arguments.topic),
            data,
        ))
    }
}
