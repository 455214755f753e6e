//! Does for others what they ask, as often and as deep as they ask: calls the API of its host, tools of other
//! extensions, and reads the metrics. What it may do of that, and for whom, is what the tests ask of the host.
//!
//! One action is a JSON object, answered with a JSON object; tool, routes and job all do the same action, so that the
//! only difference is on whose behalf:
//!
//! - `{"do":"api","method":"GET","path":"/tasks","headers":{…},"body":…}` → `{"status":…,"headers":{…},"body":…}`
//! - `{"do":"tool","tool":"a.b","arguments":{…},"key":…,"timeout_ms":…}` → `{"result":…}` or `{"error":{…}}`
//! - `{"do":"metrics"}` → `{"names":[…]}`

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:deputy;
            world fixture {
                import ordinaut:routes/registry@0.1.0;
                import ordinaut:tools/registry@0.1.0;
                import ordinaut:tools/caller@0.1.0;
                import ordinaut:background/registry@0.1.0;
                import ordinaut:metrics/snapshot@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:http/outgoing-handler@0.2.12;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
                export ordinaut:background/job@0.1.0;
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

mod web;

use bindings::exports::ordinaut::background::job;
use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::exports::wasi::http::incoming_handler;
use bindings::ordinaut::background::registry as jobs;
use bindings::ordinaut::background::types::{Definition as JobDefinition, Occurrence};
use bindings::ordinaut::metrics::snapshot;
use bindings::ordinaut::routes::registry::{self as routes, Access, Route};
use bindings::ordinaut::tools::caller;
use bindings::ordinaut::tools::registry as tools;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;
use bindings::wasi::config::store as config;
use bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};
use bindings::wasi::keyvalue::store;
use serde_json::{Value, json};

/// Says what an action may hold, where the tests register it as a custom section would.
#[used]
#[unsafe(link_section = "ordinaut:extension")]
static SECTION: [u8; REQUEST.len()] = {
    let mut bytes = [0; REQUEST.len()];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = REQUEST.as_bytes()[at];
        at += 1;
    }
    bytes
};

const REQUEST: &str = r#"{"description":"Does for others what they ask.","requests":{"scheduler.scopes":["tasks:read:any","tasks:write","runs:read","ext:deputy"],"tools.call":["*"],"metrics.snapshot":true,"routes.public":["/open"]}}"#;

struct Deputy;

impl lifecycle::Guest for Deputy {
    fn init() -> Result<(), Error> {
        // Neither works in here, whatever was granted.
        let early = act(&json!({ "do": "metrics" }));
        if early["error"]["code"] != "wrong_phase" {
            return Err(failed("too_early", early.to_string()));
        }
        tools::register(&Definition {
            name: "act".into(),
            title: None,
            description: "Does what it is asked, for whoever asks.".into(),
            input_schema: r#"{"type":"object","properties":{"do":{"type":"string"}},"required":["do"]}"#.into(),
            output_schema: None,
            effect: Effect::Once,
            timeout_ms: None,
        })?;
        for (path, access) in [("/act", Access::Authenticated), ("/open", Access::Public)] {
            let registered = routes::register(&Route {
                method: "POST".into(),
                path: path.into(),
                access,
                streaming: false,
                description: "The same for those who come by HTTP.".into(),
            });
            if let Err(error) = registered
                && error.code != "denied"
            {
                return Err(error);
            }
        }
        jobs::register(&JobDefinition {
            name: "own".into(),
            schedule: "every 1s".into(),
            timezone: None,
            timeout_ms: None,
        })
    }
}

impl handler::Guest for Deputy {
    fn call(call: Invocation) -> Result<String, Error> {
        let action = serde_json::from_str(&call.arguments).map_err(|error| failed("invalid_argument", error.to_string()))?;
        Ok(act(&action).to_string())
    }
}

impl job::Guest for Deputy {
    /// Does what the configuration says, and answers it as the job's result; kept under `own` for whoever reads it.
    fn run(_: Occurrence) -> Result<Option<String>, Error> {
        let Ok(Some(text)) = config::get("own") else { return Ok(None) };
        let action = serde_json::from_str(&text).map_err(|error| failed("invalid_argument", error.to_string()))?;
        let answer = act(&action).to_string();
        let bucket = store::open("default").map_err(|error| failed("state", format!("{error:?}")))?;
        bucket
            .set("own", answer.as_bytes())
            .map_err(|error| failed("state", format!("{error:?}")))?;
        Ok(Some(answer))
    }
}

impl incoming_handler::Guest for Deputy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let answer = match web::body_of(&request).map(|bytes| serde_json::from_slice::<Value>(&bytes)) {
            Some(Ok(action)) => act(&action),
            other => json!({ "error": { "code": "invalid_argument", "message": format!("{other:?}") } }),
        };
        web::answer(out, &answer.to_string());
    }
}

fn act(action: &Value) -> Value {
    let text = |name: &str| action[name].as_str().unwrap_or_default().to_owned();
    match text("do").as_str() {
        "api" => web::ask(action),
        "metrics" => match snapshot::take() {
            Ok(families) => json!({ "names": families.iter().map(|f| f.name.clone()).collect::<Vec<_>>() }),
            Err(error) => refused(&error),
        },
        "tool" => {
            let called = caller::call(&caller::Request {
                tool: text("tool"),
                arguments: action.get("arguments").unwrap_or(&json!({})).to_string(),
                key: action["key"].as_str().map(str::to_owned),
                timeout_ms: action["timeout_ms"].as_u64().and_then(|ms| u32::try_from(ms).ok()),
            });
            match called {
                Ok(result) => json!({ "result": serde_json::from_str::<Value>(&result).unwrap_or_default() }),
                Err(error) => refused(&error),
            }
        }
        // Of the job, what it did last.
        "kept" => match store::open("default").and_then(|bucket| bucket.get("own")) {
            Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
            other => json!({ "kept": format!("{other:?}") }),
        },
        other => json!({ "error": { "code": "invalid_argument", "message": other } }),
    }
}

fn refused(error: &Error) -> Value {
    json!({ "error": { "code": error.code, "message": error.message, "retryable": error.retryable } })
}

fn failed(code: &str, message: String) -> Error {
    Error {
        code: code.into(),
        message,
        retryable: false,
        details: None,
    }
}

bindings::export!(Deputy with_types_in bindings);
