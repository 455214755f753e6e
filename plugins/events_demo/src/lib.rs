//! The example that authors read: one of everything that an extension can have.
//!
//! This file is the glue: it says what there is and connects it to the host. What is decided stands in [`logic`],
//! which knows no host and has ordinary tests.

pub mod logic;

use std::time::Duration;

use logic::{Counter, Greet, Greeting, MAX_DELAY_MS, greet, is_topic_segment};
use ordinaut_sdk::prelude::*;

/// State key of the events `greeted` that were counted.
const GREETED: &str = "greeted";

/// State key of the number of the last tick.
const TICKS: &str = "ticks";

/// The extension.
pub struct EventsDemo;

impl Extension for EventsDemo {
    fn describe(ext: &mut Describe) {
        ext.tool(
            "greet",
            "Greets somebody by name, after a delay if asked. Answers the greeting and its length.",
            tool_greet,
        )
        .title("Greet somebody")
        .effect(Effect::Pure);
        ext.tool(
            "publish",
            "Publishes an event in this extension's namespace. Answers the event's id.",
            tool_publish,
        )
        .title("Publish an event")
        .effect(Effect::Once);

        ext.route(GET, "/", Access::Authenticated, describe_itself)
            .about("What this extension has.");
        ext.route(GET, "/count", Access::Authenticated, count)
            .about("How many `greeted` events were counted.");
        ext.route(POST, "/publish/{name}", Access::Authenticated, publish)
            .about("Publishes `ext.<extension>.<name>` with the JSON body.");
        ext.route(GET, "/stream/{name}", Access::Authenticated, stream)
            .streaming()
            .about("Streams `ext.<extension>.<name>` as server-sent events.");

        ext.subscribe("greeted-counter", [events::own_topic("greeted")], count_greeted);
        ext.job("ticker", "every 10s", tick);
    }
}

ordinaut_sdk::extension!(EventsDemo: tools, routes, events, jobs);

fn tool_greet(Greet { name, delay_ms }: Greet, _: &ToolContext) -> Result<Greeting, Error> {
    let delay = delay_ms.unwrap_or(0);
    if delay > MAX_DELAY_MS {
        return Err(Error::invalid_argument(format!(
            "delay_ms is {delay}; the most is {MAX_DELAY_MS}"
        )));
    }
    time::sleep(Duration::from_millis(u64::from(delay)));
    Ok(greet(&name))
}

/// Arguments of the tool `publish`.
#[derive(Deserialize, JsonSchema)]
struct Publish {
    /// The last part of the topic `ext.<extension>.<name>`: letters, digits, `_` and `-`.
    name: String,
    /// What the event says.
    #[serde(default)]
    data: Value,
}

/// The event that was published.
#[derive(Serialize, JsonSchema)]
struct Published {
    /// The event's id.
    id: String,
}

fn tool_publish(Publish { name, data }: Publish, _: &ToolContext) -> Result<Published, Error> {
    publish_named(&name, &data)
}

fn publish(request: &mut Request) -> Result<Response, Error> {
    let data: Value = request.json()?;
    let published = publish_named(request.param("name")?, &data)?;
    Ok(Response::json(&published)?.status(202))
}

fn publish_named(name: &str, data: &Value) -> Result<Published, Error> {
    let id = events::publish(&topic(name)?, None, data)?;
    Ok(Published { id })
}

fn topic(name: &str) -> Result<String, Error> {
    if !is_topic_segment(name) {
        return Err(Error::invalid_argument(format!(
            "`{name}` is not a name: use letters, digits, `_` and `-`"
        )));
    }
    Ok(events::own_topic(name))
}

fn stream(request: &mut Request) -> Result<Response, Error> {
    let topic = topic(request.param("name")?)?;
    Ok(events::follow(&[topic], request.header("last-event-id"))?.into_sse())
}

fn describe_itself(_: &mut Request) -> Result<Response, Error> {
    let name = context::extension_name();
    Response::json(&json!({
        "extension": name,
        "tools": [format!("{name}.greet"), format!("{name}.publish")],
        "routes": ["POST /publish/{name}", "GET /stream/{name}", "GET /count"],
        "publishes": [events::own_topic("tick")],
        "counts": events::own_topic("greeted"),
    }))
}

fn count(_: &mut Request) -> Result<Response, Error> {
    let counter: Counter = state::get(GREETED)?.unwrap_or_default();
    Response::json(&json!({ "greeted": counter.count }))
}

fn count_greeted(event: &Event) -> Result<(), Error> {
    let mut counter: Counter = state::get(GREETED)?.unwrap_or_default();
    if counter.record(&event.id) {
        state::set(GREETED, &counter)?;
        ordinaut_sdk::info!("counted {} ({})", event.id, counter.count);
    }
    Ok(())
}

fn tick(_: &Occurrence) -> Result<Option<String>, Error> {
    let n = state::get::<u64>(TICKS)?.unwrap_or(0) + 1;
    state::set(TICKS, &n)?;
    events::publish(&events::own_topic("tick"), None, &json!({ "n": n }))?;
    Ok(None)
}

#[cfg(test)]
mod tests;
