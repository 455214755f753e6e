//! What came back, as a tool's result.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ordinaut_sdk::Error;
use ordinaut_sdk::http::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::expect::Expected;

/// How much of an unexpected answer is kept in the error, in characters.
const EXCERPT: usize = 2000;

/// The answer to an HTTP request.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, with names in lower case. Fields that came several times are joined with ", ", and
    /// `set-cookie` with a line break.
    pub headers: Map<String, Value>,
    /// The body: parsed where it is JSON, text where it is UTF-8, otherwise base64; null where there is none.
    pub body: Value,
    /// How `body` is to be read.
    pub body_type: BodyType,
    /// Where the answer came from, after redirects.
    pub url: String,
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum BodyType {
    /// It was JSON, and is parsed.
    Json,
    /// It is text.
    Text,
    /// It is not UTF-8: base64.
    Base64,
    /// There was none.
    Empty,
}

impl Answer {
    /// The result for an answer.
    pub fn of(response: &Response) -> Self {
        let (body, body_type) = body(response.header("content-type").unwrap_or_default(), response.body());
        Self {
            status: response.status(),
            headers: headers(response),
            body,
            body_type,
            url: response.url().to_string(),
        }
    }

    /// The error for a status that was not expected. Statuses that say "not now" are retryable.
    pub fn unexpected(&self, expected: &Expected) -> Error {
        let text = match &self.body {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let excerpt: String = text.chars().take(EXCERPT).collect();
        // The query is left out: it may hold secrets, and errors are shown widely.
        let url = self.url.split('?').next().unwrap_or_default();
        let message = format!("{url} answered {}, expected {expected}", self.status);
        let details = json!({
            "status": self.status,
            "body_type": self.body_type,
            "body_excerpt": excerpt,
            "retry_after": self.headers.get("retry-after"),
        });
        let error = Error::new("unexpected_status", message).with_details(details);
        if matches!(self.status, 408 | 425 | 429 | 500 | 502 | 503 | 504) {
            error.retryable()
        } else {
            error
        }
    }
}

fn headers(response: &Response) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in response.headers().iter() {
        let name = name.to_ascii_lowercase();
        let value = String::from_utf8_lossy(value);
        let joined = match headers.get(&name).and_then(Value::as_str) {
            None => value.into_owned(),
            // A comma may be part of a cookie (RFC 9110, section 5.3).
            Some(before) if name == "set-cookie" => format!("{before}\n{value}"),
            Some(before) => format!("{before}, {value}"),
        };
        headers.insert(name, Value::String(joined));
    }
    headers
}

fn body(content_type: &str, bytes: &[u8]) -> (Value, BodyType) {
    if bytes.is_empty() {
        return (Value::Null, BodyType::Empty);
    }
    if is_json(content_type)
        && let Ok(value) = serde_json::from_slice(bytes)
    {
        return (value, BodyType::Json);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Value::String(text.to_owned()), BodyType::Text),
        Err(_) => (Value::String(BASE64.encode(bytes)), BodyType::Base64),
    }
}

/// `application/json`, `text/json` and everything that ends in `+json` (RFC 6839).
fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_only_where_the_server_says_so_and_it_is() {
        for (content_type, bytes, value, body_type) in [
            (
                "application/json; charset=utf-8",
                &b"{\"a\":1}"[..],
                json!({"a": 1}),
                BodyType::Json,
            ),
            ("Application/Problem+JSON", b"[1]", json!([1]), BodyType::Json),
            ("application/json", b"<html>", json!("<html>"), BodyType::Text),
            ("text/plain", b"{\"a\":1}", json!("{\"a\":1}"), BodyType::Text),
            ("", b"\xff\x00", json!("/wA="), BodyType::Base64),
            ("application/json", b"", Value::Null, BodyType::Empty),
        ] {
            assert_eq!(body(content_type, bytes), (value, body_type), "{content_type}");
        }
    }
}
