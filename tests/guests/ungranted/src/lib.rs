//! Needs outgoing HTTP, which nobody has without a grant. With a grant it fetches what it is told to, and says in its
//! error which code the host gave.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:ungranted;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                import wasi:http/outgoing-handler@0.2.12;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::ordinaut::tools::registry;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;
use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};
use bindings::wasi::io::streams::StreamError;
use serde_json::{Value, json};

struct Fixture;

impl lifecycle::Guest for Fixture {
    fn init() -> Result<(), Error> {
        registry::register(&Definition {
            name: "fetch".into(),
            title: None,
            description: "Sends a request and answers status, `location` and body. Follows no redirect.".into(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "method": { "type": "string" },
                    "scheme": { "enum": ["http", "https"] },
                    "authority": { "type": "string" },
                    "path": { "type": "string" },
                },
                "required": ["authority"],
            })
            .to_string(),
            output_schema: None,
            effect: Effect::Once,
            timeout_ms: None,
        })
    }
}

impl handler::Guest for Fixture {
    fn call(call: Invocation) -> Result<String, Error> {
        let arguments: Value =
            serde_json::from_str(&call.arguments).map_err(|error| failed("invalid_argument", error.to_string()))?;
        let response = send(&arguments)?;
        let status = response.status();
        let location = response.headers().get("location").pop();
        let body = read(&response)?;
        let result = json!({
            "status": status,
            "location": location.map(|value| String::from_utf8_lossy(&value).into_owned()),
            "body": String::from_utf8_lossy(&body),
        });
        Ok(result.to_string())
    }
}

fn send(arguments: &Value) -> Result<IncomingResponse, Error> {
    let text = |key: &str, default: &str| arguments[key].as_str().unwrap_or(default).to_owned();
    let method = match text("method", "GET").as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.into()),
    };
    let scheme = if text("scheme", "http") == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| failed("invalid_argument", "the host does not take this request".into());
    request.set_method(&method).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(&text("authority", ""))).map_err(refused)?;
    request.set_path_with_query(Some(&text("path", "/"))).map_err(refused)?;
    let body = request.body().map_err(refused)?;
    let pending = outgoing_handler::handle(request, None).map_err(|code| of_code(&code))?;
    // A request that was refused has no use for its body.
    let _ = OutgoingBody::finish(body, None);
    loop {
        match pending.get() {
            Some(Ok(answer)) => return answer.map_err(|code| of_code(&code)),
            Some(Err(())) => return Err(failed("internal", "the answer was taken twice".into())),
            None => pending.subscribe().block(),
        }
    }
}

fn read(response: &IncomingResponse) -> Result<Vec<u8>, Error> {
    let body = response
        .consume()
        .map_err(|()| failed("internal", "the body was taken twice".into()))?;
    let stream = body
        .stream()
        .map_err(|()| failed("internal", "the stream was taken twice".into()))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(failed("http_body", error.to_debug_string()));
            }
        }
    }
}

fn of_code(code: &ErrorCode) -> Error {
    failed("http", format!("{code:?}"))
}

fn failed(code: &str, message: String) -> Error {
    Error {
        code: code.into(),
        message,
        retryable: false,
        details: None,
    }
}

bindings::export!(Fixture with_types_in bindings);
