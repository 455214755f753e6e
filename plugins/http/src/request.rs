//! Arguments into an HTTP request.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ordinaut_sdk::Error;
use ordinaut_sdk::http::Request;
use ordinaut_sdk::routes::Method;
use serde_json::{Map, Value};

use crate::arguments::{Arguments, MAX_TIMEOUT_MS};

const DEFAULT_TIMEOUT_MS: u32 = 30_000;

/// How many redirects are followed. The host checks each against the grant.
pub const MAX_REDIRECTS: u32 = 5;

/// The largest answer: it becomes a step's result, which is stored with the run.
pub const MAX_BODY: usize = 4 << 20;

/// Makes a request of arguments. The effect key becomes the `Idempotency-Key` of a request that may change something.
pub fn build(arguments: Arguments, effect_key: &str) -> Result<Request, Error> {
    let timeout_ms = arguments.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !(1..=MAX_TIMEOUT_MS).contains(&timeout_ms) {
        return Err(Error::invalid_argument(format!(
            "timeout_ms is {timeout_ms}; give 1 to {MAX_TIMEOUT_MS}"
        )));
    }
    let mut request = Request::new(Method::new(arguments.method.name()), &arguments.url)
        .timeout(Duration::from_millis(u64::from(timeout_ms)))
        .max_body(MAX_BODY)
        .redirects(MAX_REDIRECTS);
    for (name, value) in texts("headers", &arguments.headers)? {
        request = request.header(name, &value);
    }
    if !request.has_header("user-agent") {
        request = request.header("user-agent", concat!("ordinaut-http/", env!("CARGO_PKG_VERSION")));
    }
    if !arguments.method.is_safe() && !request.has_header("idempotency-key") {
        request = request.header("idempotency-key", effect_key);
    }
    for (name, value) in texts("query", &arguments.query)? {
        request = request.query(name, &value);
    }
    with_body(request, arguments)
}

fn with_body(request: Request, arguments: Arguments) -> Result<Request, Error> {
    let Arguments {
        json,
        form,
        body,
        body_base64,
        ..
    } = arguments;
    let typed = |request: Request, content_type: &str| {
        if request.has_header("content-type") {
            request
        } else {
            request.header("content-type", content_type)
        }
    };
    match (json, form, body, body_base64) {
        (None, None, None, None) => Ok(request),
        (Some(json), None, None, None) => Ok(request.json(&json)),
        (None, Some(form), None, None) => {
            let fields = texts("form", &form)?;
            Ok(request.form(fields.iter().map(|(name, value)| (*name, value.as_str()))))
        }
        (None, None, Some(text), None) => Ok(typed(request, "text/plain; charset=utf-8").body(text)),
        (None, None, None, Some(encoded)) => {
            let bytes = BASE64
                .decode(encoded.trim())
                .map_err(|error| Error::invalid_argument(format!("body_base64 is not base64: {error}")))?;
            Ok(typed(request, "application/octet-stream").body(bytes))
        }
        _ => Err(Error::invalid_argument(
            "give only one of json, form, body and body_base64",
        )),
    }
}

/// Names and values as text: numbers and truth values as JSON writes them, a list once for each element, null not at
/// all.
fn texts<'a>(what: &str, fields: &'a Map<String, Value>) -> Result<Vec<(&'a str, String)>, Error> {
    let mut texts = Vec::new();
    for (name, value) in fields {
        let values = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::String(text) => texts.push((name.as_str(), text.clone())),
                Value::Number(_) | Value::Bool(_) => texts.push((name.as_str(), value.to_string())),
                Value::Array(_) | Value::Object(_) => {
                    let message = format!("{what}.{name} must be text, a number, true, false or a list of these");
                    return Err(Error::invalid_argument(message));
                }
            }
        }
    }
    Ok(texts)
}
