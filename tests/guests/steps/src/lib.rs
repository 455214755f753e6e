//! Steps for runs that are interrupted: they take time and leave a trace.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:steps;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                import wasi:keyvalue/store@0.2.0-draft;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use std::time::Duration;

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::ordinaut::tools::registry;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;
use bindings::wasi::keyvalue::store;
use serde_json::{Value, json};

struct Steps;

impl lifecycle::Guest for Steps {
    fn init() -> Result<(), Error> {
        registry::register(&Definition {
            name: "wait".into(),
            title: None,
            description: "Sleeps for `ms` milliseconds and answers how long it was to sleep.".into(),
            input_schema: json!({
                "type": "object",
                "properties": { "ms": { "type": "integer", "minimum": 0 }, "mark": {} },
                "required": ["ms"],
            })
            .to_string(),
            output_schema: None,
            effect: Effect::Idempotent,
            timeout_ms: None,
        })?;
        registry::register(&Definition {
            name: "count".into(),
            title: None,
            description: "Counts its calls under `key` and answers the number of this one.".into(),
            input_schema: r#"{"type":"object","properties":{"key":{"type":"string"}}}"#.into(),
            output_schema: None,
            effect: Effect::Once,
            timeout_ms: None,
        })
    }
}

impl handler::Guest for Steps {
    fn call(call: Invocation) -> Result<String, Error> {
        let arguments: Value =
            serde_json::from_str(&call.arguments).map_err(|error| failed("invalid_argument", error.to_string()))?;
        let result = match call.name.as_str() {
            "wait" => wait(&arguments),
            "count" => count(&arguments).map_err(|error| failed("unavailable", format!("{error:?}")))?,
            other => return Err(failed("not_found", format!("there is no tool `{other}`"))),
        };
        Ok(result.to_string())
    }
}

fn wait(arguments: &Value) -> Value {
    let ms = arguments["ms"].as_u64().unwrap_or_default();
    std::thread::sleep(Duration::from_millis(ms));
    json!({ "waited_ms": ms, "mark": arguments["mark"] })
}

fn count(arguments: &Value) -> Result<Value, store::Error> {
    let key = arguments["key"].as_str().unwrap_or("calls");
    let bucket = store::open("default")?;
    let so_far = bucket
        .get(key)?
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
    let calls = so_far.unwrap_or_default() + 1;
    bucket.set(key, calls.to_string().as_bytes())?;
    Ok(json!({ "calls": calls }))
}

fn failed(code: &str, message: String) -> Error {
    Error {
        code: code.into(),
        message,
        retryable: false,
        details: None,
    }
}

bindings::export!(Steps with_types_in bindings);
