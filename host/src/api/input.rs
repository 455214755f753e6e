//! Reading what clients send: bodies, members of documents, and query parameters. Everything that is wrong is
//! reported at once, each fault with its place, unknown names with a suggestion.

use std::{
    fmt::Display,
    ops::RangeInclusive,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, FromRequestParts, Path, Request},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header, request::Parts};
use ordinaut_domain::Violation;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    problem::{Kind, Problem, kind},
    route::shortened,
    state::ApiState,
};
use crate::config::suggest;

/// How much of a value that is wrong is shown to the one who sent it.
const SHOWN_CHARS_MAX: usize = 64;

/// The one variable segment of a path, decoded. What is no text names nothing, so it is not found.
pub(crate) struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::from_request_parts(parts, state).await.map_err(|_| {
            let detail = "The path has %-escapes that are not UTF-8 text, so there is nothing by that name.";
            Problem::new(kind::NOT_FOUND, detail)
        })?;
        Ok(Self(text))
    }
}

/// A JSON body. An empty one is an empty object, so that commands without arguments need no body.
pub(crate) struct JsonBody(pub Value);

impl FromRequest<ApiState> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
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

/// Set while a body is being awaited, so that a request that takes too long is laid at the right door.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwaitsBody(Arc<AtomicBool>);

impl AwaitsBody {
    /// Whether the client still owes the end of its body.
    pub(crate) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The whole body, within the limit. One that is announced as larger is refused before any of it is asked for.
pub(crate) async fn read_body(request: Request, state: &ApiState) -> Result<Bytes, Problem> {
    let limit = state.settings.body_limit_bytes;
    let too_large = || {
        let detail =
            format!("The body is larger than the {limit} bytes that the server reads (`server.body_limit_bytes`).");
        Problem::new(kind::TOO_LARGE, detail)
    };
    let announced = request.body().size_hint().lower();
    if usize::try_from(announced).map_or(true, |bytes| bytes > limit) {
        return Err(too_large());
    }
    let awaits = request.extensions().get::<AwaitsBody>().cloned().unwrap_or_default();
    awaits.0.store(true, Ordering::Relaxed);
    let read = Bytes::from_request(request, state).await;
    awaits.0.store(false, Ordering::Relaxed);
    read.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
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
        // No text that is stored has one, and the database would end the text there.
        if first.as_ref().is_some_and(|text| text.contains('\0')) {
            self.fault(name, "invalid", "has a character that no text may have (U+0000)");
        }
        first
    }

    /// A parameter of a type that is read from text; `expected` says what it should be, as in "the id of an agent".
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        self.noted(parsed, name, expected, &text)
    }

    /// A comma list of what is read from text; empty when the parameter is not given, and only then.
    pub(crate) fn parsed_list<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Vec<T> {
        let list = self.text(name);
        let items = list.iter().flat_map(|list| list.split(','));
        items
            .filter_map(|text| self.noted(text.parse().ok(), name, expected, text))
            .collect()
    }

    /// A comma list of names that a type has in JSON; empty when the parameter is not given, and only then.
    pub(crate) fn named_list<T: DeserializeOwned>(&mut self, name: &'static str, names: &[&str]) -> Vec<T> {
        let list = self.text(name);
        let items = list.iter().flat_map(|list| list.split(','));
        items.filter_map(|text| self.one_of(text, name, names)).collect()
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, name: &'static str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let text = self.text(name)?;
        let parsed = text.parse().ok().filter(|number| bounds.contains(number));
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.noted(parsed, name, &expected, &text)
    }

    /// One of the names that a type has in JSON.
    fn one_of<T: DeserializeOwned>(&mut self, text: &str, name: &str, names: &[&str]) -> Option<T> {
        let near = suggest(text, names.iter().copied());
        let parsed = serde_json::from_value(Value::String(text.to_owned())).ok();
        self.noted(parsed, name, &format!("one of {}{near}", names.join(", ")), text)
    }

    /// An instant in RFC 3339.
    pub(crate) fn instant(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        // A `+` that was not escaped arrives as a blank.
        let parsed = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok();
        let parsed = parsed.map(|at| at.to_utc());
        self.noted(parsed, name, "an instant such as 2026-03-29T08:00:00Z", &text)
    }

    /// The value, or a note that it is none.
    fn noted<T>(&mut self, parsed: Option<T>, name: &str, expected: &str, found: &str) -> Option<T> {
        if parsed.is_none() {
            let found = if found.is_empty() {
                "it is empty".to_owned()
            } else {
                format!("`{}` is not", shortened(found, SHOWN_CHARS_MAX))
            };
            self.fault(name, "invalid", format!("must be {expected}; {found}"));
        }
        parsed
    }

    /// Notes a fault of a parameter.
    pub(crate) fn fault(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.faults.push((name.to_owned(), code, detail.into()));
    }

    /// The faults noted, with parameters that nobody asked for among them.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.pairs.iter().map(|(name, _)| name.clone()).collect();
        for name in unknown {
            let name = shortened(&name, SHOWN_CHARS_MAX);
            let near = suggest(&name, self.known.iter().copied());
            let detail = if self.known.is_empty() {
                "is not known here; no parameters are".to_owned()
            } else {
                format!("is not known here{near}; known: {}", self.known.join(", "))
            };
            self.fault(&name, "unknown_parameter", detail);
        }
        let sentences: Vec<String> = self
            .faults
            .iter()
            .map(|(name, _, detail)| format!("`{name}` {detail}."))
            .collect();
        let detail = match sentences.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            many => format!("{} parameters are wrong; see `errors`.", many.len()),
        };
        let problem = Problem::new(kind::INVALID_QUERY, detail);
        let faults = self.faults.iter().zip(sentences);
        Err(faults.fold(problem, |problem, ((name, code, _), sentence)| {
            problem.parameter(name, code, sentence)
        }))
    }
}

/// For endpoints that take no parameters.
pub(crate) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state).await?.finish().map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use ordinaut_domain::{AgentId, RunState};

    use super::*;

    async fn query(text: &str) -> Query {
        let request = http::Request::get(format!("/runs?{text}")).body(()).unwrap();
        Query::from_request_parts(&mut request.into_parts().0, &())
            .await
            .unwrap()
    }

    async fn refusal(text: &str) -> String {
        let mut query = query(text).await;
        let _ = query.number("limit", 1..=200);
        let _ = query.parsed::<AgentId>("owner", "the id of an agent");
        let _ = query.named_list::<RunState>("state", &["queued", "running"]);
        let _ = query.instant("scheduled_from");
        let problem = query.finish().unwrap_err();
        assert_eq!(problem.kind(), kind::INVALID_QUERY);
        assert_eq!(
            problem.errors()[0]["detail"],
            problem.detail(),
            "the place says the same"
        );
        problem.detail().to_owned()
    }

    #[tokio::test]
    async fn faults_of_a_query_are_whole_sentences() {
        for (text, sentence) in [
            ("limit=x", "`limit` must be a whole number from 1 to 200; `x` is not."),
            (
                "limit=201",
                "`limit` must be a whole number from 1 to 200; `201` is not.",
            ),
            ("limit=", "`limit` must be a whole number from 1 to 200; it is empty."),
            ("limit=1&limit=2", "`limit` is given more than once."),
            ("owner=me", "`owner` must be the id of an agent; `me` is not."),
            ("state=x", "`state` must be one of queued, running; `x` is not."),
            (
                "scheduled_from=today",
                "`scheduled_from` must be an instant such as 2026-03-29T08:00:00Z; `today` is not.",
            ),
            (
                "ownr=x",
                "`ownr` is not known here; did you mean `owner`?; known: limit, owner, state, scheduled_from.",
            ),
        ] {
            assert_eq!(refusal(text).await, sentence, "{text}");
        }
        let long = refusal(&format!("state={}", "x".repeat(5_000))).await;
        assert!(long.len() < 200, "{long}");
    }

    #[tokio::test]
    async fn a_comma_list_is_read_item_by_item() {
        let mut several = query("state=queued,timed_out&owner=").await;
        let states = several.named_list::<RunState>("state", &["queued", "timed_out"]);
        assert_eq!(states, [RunState::Queued, RunState::TimedOut]);
        assert!(several.parsed_list::<AgentId>("nothing", "ids").is_empty());
        assert!(several.parsed_list::<AgentId>("owner", "ids of agents").is_empty());
        let problem = several.finish().unwrap_err();
        assert_eq!(problem.detail(), "`owner` must be ids of agents; it is empty.");

        let mut wrong = query("state=queued,,runing").await;
        assert_eq!(wrong.named_list::<RunState>("state", &["queued", "running"]).len(), 1);
        let problem = wrong.finish().unwrap_err();
        assert_eq!(problem.errors().len(), 2);
        let told = problem.errors()[1]["detail"].as_str().unwrap();
        assert!(
            told.contains("did you mean `running`?") && told.contains("`runing` is not"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn an_endpoint_without_parameters_refuses_all() {
        let ask = async |uri: &str| {
            let request = http::Request::get(uri).body(()).unwrap();
            NoQuery::from_request_parts(&mut request.into_parts().0, &()).await
        };
        assert!(ask("/tools").await.is_ok());
        assert!(ask("/tools?").await.is_ok());
        let problem = ask("/tools?limit=1").await.err().unwrap();
        assert_eq!(problem.detail(), "`limit` is not known here; no parameters are.");
    }
}
