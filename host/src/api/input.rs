//! Reading what clients send: bodies, members of documents, and query parameters. Everything that is wrong is
//! reported at once, each fault with its place, unknown names with a suggestion.

use std::{fmt::Display, str::FromStr};

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header, request::Parts};
use ordinaut_domain::Violation;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::{Kind, Problem, kind};
use crate::config::suggest;

/// A JSON body. An empty one is an empty object, so that commands without arguments need no body.
pub(crate) struct JsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = read_body(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        if !is_json(&headers) {
            let detail = "The body must be JSON with `Content-Type: application/json`.";
            return Err(Problem::new(kind::UNSUPPORTED_MEDIA_TYPE, detail).header(header::ACCEPT, "application/json"));
        }
        parse_json(&bytes).map(Self)
    }
}

/// The whole body, within the limit.
pub(crate) async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                kind::TOO_LARGE,
                "The body is larger than the server reads (`server.body_limit_bytes`).",
            ),
            _ => Problem::new(kind::INVALID_REQUEST, "The body broke off before its end."),
        })
}

pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(kind::MALFORMED_JSON, format!("The body is not JSON: {error}.")))
}

/// `application/json` and everything that is built on it.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|mime| mime == "application/json" || mime.ends_with("+json"))
}

/// The media type in lower case, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Reads the members of an object and notes what is wrong with them.
pub(crate) struct Members {
    left: Map<String, Value>,
    known: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl Members {
    pub(crate) fn of(document: Value) -> Self {
        let (left, violations) = match document {
            Value::Object(members) => (members, Vec::new()),
            _ => (
                Map::new(),
                vec![Violation::new("", "wrong_type", "expected a JSON object")],
            ),
        };
        Self {
            left,
            known: Vec::new(),
            violations,
        }
    }

    /// A member that may be absent or null; `expected` says what it should be.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        self.known.push(name);
        let value = self.left.remove(name).filter(|value| !value.is_null())?;
        serde_json::from_value(value)
            .map_err(|_| self.fault(name, "wrong_type", format!("expected {expected}")))
            .ok()
    }

    /// A member that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        if self.left.get(name).is_none_or(Value::is_null) {
            self.known.push(name);
            self.left.remove(name);
            self.fault(name, "required", format!("is missing; expected {expected}"));
            return None;
        }
        self.optional(name, expected)
    }

    /// A text that is read further, such as an id, a topic or an instant.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str, text: Option<String>) -> Option<T> {
        text?
            .parse()
            .map_err(|error: T::Err| self.fault(name, "invalid", error.to_string()))
            .ok()
    }

    /// Whether nothing has been noted so far.
    pub(crate) fn is_faultless(&self) -> bool {
        self.violations.is_empty()
    }

    /// Notes a fault of a member.
    pub(crate) fn fault(&mut self, name: &str, code: &str, detail: impl Into<String>) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.violations.push(Violation::new(pointer, code, detail));
    }

    /// The faults noted, with a member that nobody asked for among them.
    pub(crate) fn finish(mut self, kind: Kind) -> Result<(), Problem> {
        let unknown: Vec<String> = self.left.keys().cloned().collect();
        for name in unknown {
            let near = suggest(&name, self.known.iter().copied());
            let known = self.known.join(", ");
            let detail = if known.is_empty() {
                "is not known here; nothing is expected".to_owned()
            } else {
                format!("is not known here{near}; known: {known}")
            };
            self.fault(&name, "unknown_field", detail);
        }
        if self.violations.is_empty() {
            Ok(())
        } else {
            Err(Problem::violations(kind, self.violations))
        }
    }
}

/// Reads query parameters and notes what is wrong with them.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<(String, &'static str, String)>,
    raw: String,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let pairs = form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        Ok(Self {
            pairs,
            known: Vec::new(),
            faults: Vec::new(),
            raw,
        })
    }
}

impl Query {
    /// The query as it was sent.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// The parameter's text, which must not be given twice.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut found = self
            .pairs
            .extract_if(.., |(key, _)| key == name)
            .map(|(_, value)| value);
        let (first, second) = (found.next(), found.next());
        drop(found);
        if second.is_some() {
            self.fault(name, "repeated", "is given more than once");
        }
        first
    }

    /// A parameter of a type that is read from text.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse()
            .map_err(|error: T::Err| self.fault(name, "invalid", error.to_string()))
            .ok()
    }

    /// A parameter with one of the names that a type has in JSON.
    pub(crate) fn named<T: DeserializeOwned>(&mut self, name: &'static str, names: &[&str]) -> Option<T> {
        let text = self.text(name)?;
        let near = suggest(&text, names.iter().copied());
        serde_json::from_value(Value::String(text))
            .map_err(|_| self.fault(name, "invalid", format!("expected one of {}{near}", names.join(", "))))
            .ok()
    }

    /// An instant in RFC 3339.
    pub(crate) fn instant(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        // A `+` that was not escaped arrives as a blank.
        DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
            .map(|at| at.to_utc())
            .map_err(|_| self.fault(name, "invalid", "expected an instant such as 2026-03-29T08:00:00Z"))
            .ok()
    }

    /// Notes a fault of a parameter.
    pub(crate) fn fault(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.faults.push((name.to_owned(), code, detail.into()));
    }

    /// The faults noted, with parameters that nobody asked for among them.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.pairs.iter().map(|(name, _)| name.clone()).collect();
        for name in unknown {
            let near = suggest(&name, self.known.iter().copied());
            let detail = format!("is not known here{near}; known: {}", self.known.join(", "));
            self.fault(&name, "unknown_parameter", detail);
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        let detail = match self.faults.as_slice() {
            [(name, _, detail)] => format!("`{name}` {detail}."),
            many => format!("{} parameters are wrong; see `errors`.", many.len()),
        };
        let problem = Problem::new(kind::INVALID_QUERY, detail);
        Err(self.faults.iter().fold(problem, |problem, (name, code, detail)| {
            problem.parameter(name, code, detail)
        }))
    }
}
