//! Errors as RFC 9457 problems, on every 4xx and 5xx, the router's own included.
//!
//! A handler answers `Err(Problem)`. The body is written by [`envelope`](super::envelope), which alone knows the
//! request's id and path, and which turns bare error answers of the framework into problems as well.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ordinaut_domain::Violation;
use ordinaut_store::StoreError;
use serde_json::{Map, Value, json};

/// Where the kinds of problems are described.
const TYPE_BASE: &str = "https://ordinaut.dev/problems/";

/// A kind of problem. Its code is stable; its title is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub code: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        $(pub(crate) const $name: Kind = Kind { code: $code, status: StatusCode::$status, title: $title };)*

        /// All of them.
        pub(crate) const ALL: &[Kind] = &[$($name),*];
    };
}

/// The catalogue.
pub(crate) mod kind {
    use super::{Kind, StatusCode};

    kinds! {
        MALFORMED_JSON = "malformed_json", BAD_REQUEST, "The body is not JSON";
        INVALID_REQUEST = "invalid_request", BAD_REQUEST, "The request cannot be understood";
        INVALID_QUERY = "invalid_query", UNPROCESSABLE_ENTITY, "The query cannot be understood";
        INVALID_CURSOR = "invalid_cursor", UNPROCESSABLE_ENTITY, "The cursor does not belong to this list";
        UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type", BAD_REQUEST, "This grant type is not offered";
        INVALID_TARGET = "invalid_target", BAD_REQUEST, "There is no such resource";
        INVALID_SCOPE = "invalid_scope", BAD_REQUEST, "The scopes cannot be granted";
        UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, "Credentials are needed";
        INVALID_TOKEN = "invalid_token", UNAUTHORIZED, "The token is not accepted";
        INVALID_CLIENT = "invalid_client", UNAUTHORIZED, "The client credentials are wrong";
        CSRF_TOKEN = "csrf_token", FORBIDDEN, "The request does not prove that our page sent it";
        CROSS_ORIGIN = "cross_origin", FORBIDDEN, "The request comes from a foreign page";
        SCOPE_ESCALATION = "scope_escalation", FORBIDDEN, "Nobody grants more than they hold";
        RESERVED_TOPIC = "reserved_topic", FORBIDDEN, "The topic belongs to somebody else";
        INSUFFICIENT_SCOPE = "insufficient_scope", FORBIDDEN, "The token does not allow this";
        NOT_FOUND = "not_found", NOT_FOUND, "There is no such thing";
        TOOL_NOT_FOUND = "tool_not_found", NOT_FOUND, "There is no such tool";
        NO_SUCH_ROUTE = "no_such_route", NOT_FOUND, "There is nothing at this path";
        METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not offered here";
        CONFLICT = "conflict", CONFLICT, "It was changed meanwhile";
        DUPLICATE = "duplicate", CONFLICT, "There is one already";
        IDEMPOTENCY_IN_FLIGHT = "idempotency_in_flight", CONFLICT, "The first request is still under way";
        REFUSED = "refused", CONFLICT, "Its state does not allow this";
        LAST_ADMIN = "last_admin", CONFLICT, "Somebody must be able to administer agents";
        AGENT_OWNS_TASKS = "agent_owns_tasks", CONFLICT, "The agent owns tasks";
        RUN_UNFINISHED = "run_unfinished", CONFLICT, "The run is not over";
        RUN_FINISHED = "run_finished", CONFLICT, "The run is over";
        TOO_MANY_STREAMS = "too_many_streams", TOO_MANY_REQUESTS, "Too many streams are open";
        PRECONDITION_FAILED = "precondition_failed", PRECONDITION_FAILED, "It was changed meanwhile";
        PRECONDITION_REQUIRED = "precondition_required", PRECONDITION_REQUIRED, "The version must be named";
        TOO_LARGE = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
        UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body's type is not understood";
        INVALID_TASK = "invalid_task", UNPROCESSABLE_ENTITY, "The task cannot be accepted";
        INVALID_SCHEDULE = "invalid_schedule", UNPROCESSABLE_ENTITY, "The schedule cannot be accepted";
        INVALID_DOCUMENT = "invalid_document", UNPROCESSABLE_ENTITY, "The document cannot be accepted";
        IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The key belongs to another request";
        UNKNOWN_STEP = "unknown_step", UNPROCESSABLE_ENTITY, "The task has no such step";
        INVALID_ARGUMENTS = "invalid_arguments", UNPROCESSABLE_ENTITY, "The tool cannot be called with these arguments";
        TOOL_FAILED = "tool_failed", UNPROCESSABLE_ENTITY, "The tool did not succeed";
        QUOTA = "quota_exceeded", UNPROCESSABLE_ENTITY, "A quota would be exceeded";
        TOO_MANY_REQUESTS = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
        INTERNAL = "internal", INTERNAL_SERVER_ERROR, "Something went wrong here";
        BODY_TIMEOUT = "body_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
        DEPTH_LIMIT = "depth_limit", LOOP_DETECTED, "Extensions ask each other without an end";
        TIMEOUT = "request_timeout", SERVICE_UNAVAILABLE, "It took too long";
        TOOL_UNAVAILABLE = "tool_unavailable", SERVICE_UNAVAILABLE, "The tool does not work at present";
        TOOL_TIMEOUT = "timeout", GATEWAY_TIMEOUT, "The tool gave no answer in time";
        UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "It does not work at present";
        NOT_READY = "not_ready", SERVICE_UNAVAILABLE, "It is not ready yet";
        UNHEALTHY = "unhealthy", SERVICE_UNAVAILABLE, "Something is wrong";
        STORAGE_FULL = "storage_full", INSUFFICIENT_STORAGE, "The disk is full";
    }
}

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<Value>,
    extra: Map<String, Value>,
    headers: HeaderMap,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Content {
            kind,
            detail: sentence(detail.into()),
            errors: Vec::new(),
            extra: Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// A fault of ours. The cause goes to the log, never to the client.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed");
        Self::new(
            kind::INTERNAL,
            "The request could not be carried out; the log of the server says why.",
        )
    }

    /// Something that is not there, or that the caller may not know of.
    pub(crate) fn not_found(noun: &str, id: impl std::fmt::Display) -> Self {
        Self::new(kind::NOT_FOUND, format!("There is no {noun} with the id {id}."))
    }

    /// Faults in a document, each with its place.
    pub(crate) fn violations(kind: Kind, violations: Vec<Violation>) -> Self {
        let detail = match violations.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} places are wrong; see `errors`.", many.len()),
        };
        let errors = violations
            .into_iter()
            .map(|v| json!({ "pointer": v.pointer, "code": v.code, "detail": v.detail }));
        let mut problem = Self::new(kind, detail);
        problem.0.errors = errors.collect();
        problem
    }

    /// Adds a fault of a query parameter.
    pub(crate) fn parameter(mut self, name: &str, code: &str, detail: impl Into<String>) -> Self {
        self.0
            .errors
            .push(json!({ "parameter": name, "code": code, "detail": detail.into() }));
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.0.headers.insert(name, value);
        }
        self
    }

    /// Adds a member (RFC 9457 §3.2).
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extra.insert(name.to_owned(), value.into());
        self
    }

    /// What is wrong.
    pub(crate) const fn kind(&self) -> Kind {
        self.0.kind
    }

    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    #[cfg(test)]
    pub(crate) fn errors(&self) -> &[Value] {
        &self.0.errors
    }

    /// The problem as it is sent.
    pub(crate) fn render(&self, instance: &str, request_id: &str) -> Response {
        let mut body = json!({
            "type": format!("{TYPE_BASE}{}", self.0.kind.code),
            "title": self.0.kind.title,
            "status": self.0.kind.status.as_u16(),
            "detail": self.0.detail,
            "instance": instance,
            "code": self.0.kind.code,
            "request_id": request_id,
        });
        if let Some(members) = body.as_object_mut() {
            if !self.0.errors.is_empty() {
                members.insert("errors".to_owned(), Value::Array(self.0.errors.clone()));
            }
            members.extend(self.0.extra.clone());
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.0.kind.status;
        response.headers_mut().extend(self.0.headers.clone());
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
            .headers_mut()
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        response
    }

    /// The problem behind a bare error answer of the framework.
    pub(crate) fn from_bare(response: &Response) -> Self {
        let known = match response.status() {
            StatusCode::NOT_FOUND => kind::NO_SUCH_ROUTE,
            StatusCode::PAYLOAD_TOO_LARGE => kind::TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => kind::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::SERVICE_UNAVAILABLE => kind::UNAVAILABLE,
            status if status.is_client_error() => Kind {
                status,
                ..kind::INVALID_REQUEST
            },
            status => Kind {
                status,
                ..kind::INTERNAL
            },
        };
        Self::new(known, format!("The server answered {}.", response.status()))
    }
}

/// Messages come from everywhere; shown to people they begin with a capital and end with a full stop.
fn sentence(text: Cow<'static, str>) -> Cow<'static, str> {
    let lower = text.starts_with(|first: char| first.is_ascii_lowercase());
    let open = !text.ends_with(['.', '!', '?']);
    if !lower && !open {
        return text;
    }
    let mut text = text.into_owned();
    if lower {
        text[..1].make_ascii_uppercase();
    }
    if open {
        text.push('.');
    }
    text.into()
}

/// Carried by the answer until the envelope writes the body.
#[derive(Clone)]
pub(crate) struct Unrendered(pub Problem);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.kind.status;
        response.extensions_mut().insert(Unrendered(self));
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { noun, id } => Self::not_found(noun, id),
            StoreError::Stale { .. } | StoreError::LeaseLost { .. } => {
                Self::new(kind::CONFLICT, format!("{error}. Read it again and decide anew."))
            }
            StoreError::Duplicate { existing, .. } => {
                Self::new(kind::DUPLICATE, format!("{error}.")).with("existing", existing.clone())
            }
            StoreError::KeyTaken { .. } => super::idempotency::in_flight(),
            StoreError::Invalid(_) => Self::new(kind::INVALID_REQUEST, format!("{error}.")),
            StoreError::Refused { code, .. } => {
                let kind = match *code {
                    "last_admin" => kind::LAST_ADMIN,
                    "agent_owns_tasks" => kind::AGENT_OWNS_TASKS,
                    _ => kind::REFUSED,
                };
                Self::new(kind, format!("{error}.")).with("reason", *code)
            }
            StoreError::Quota(_) => Self::new(kind::QUOTA, error.to_string()),
            StoreError::Full => Self::new(
                kind::STORAGE_FULL,
                "The disk that holds the store is full; nothing was changed.",
            )
            .header(header::RETRY_AFTER, "60"),
            StoreError::Locked(_) | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store is not available");
                Self::new(
                    kind::UNAVAILABLE,
                    "The store does not answer at present; nothing was changed. Try again.",
                )
                .header(header::RETRY_AFTER, "1")
            }
            StoreError::Corrupt { .. } | StoreError::Schema(_) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http_body_util::BodyExt as _;

    use super::*;

    async fn body(response: Response) -> Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[test]
    fn codes_are_unique_and_every_kind_is_an_error() {
        let codes: HashSet<_> = kind::ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), kind::ALL.len());
        for kind in kind::ALL {
            assert!(
                kind.status.is_client_error() || kind.status.is_server_error(),
                "{}",
                kind.code
            );
            assert!(
                kind.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                kind.code
            );
        }
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_rfc_9457_and_ours() {
        let violation = Violation::new("/title", "too_long", "has 201 characters; at most 200 are allowed");
        let response = Problem::violations(kind::INVALID_TASK, vec![violation]).render("/tasks", "r-1");
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body(response).await,
            json!({
                "type": "https://ordinaut.dev/problems/invalid_task",
                "title": "The task cannot be accepted",
                "status": 422,
                "detail": "/title: has 201 characters; at most 200 are allowed.",
                "instance": "/tasks",
                "code": "invalid_task",
                "request_id": "r-1",
                "errors": [{ "pointer": "/title", "code": "too_long", "detail": "has 201 characters; at most 200 are allowed" }],
            })
        );
    }

    #[test]
    fn every_error_of_the_store_has_its_status() {
        let text = || String::from("x");
        let table = [
            (
                StoreError::NotFound {
                    noun: "task",
                    id: text(),
                },
                404,
            ),
            (
                StoreError::Stale {
                    noun: "task",
                    id: text(),
                    expected: 1,
                    found: 2,
                },
                409,
            ),
            (
                StoreError::Duplicate {
                    noun: "task",
                    existing: text(),
                    detail: text(),
                },
                409,
            ),
            (StoreError::LeaseLost { run: text() }, 409),
            (StoreError::KeyTaken { key: text() }, 409),
            (
                StoreError::Refused {
                    code: "last_admin",
                    detail: text(),
                },
                409,
            ),
            (StoreError::Invalid(text()), 400),
            (StoreError::Quota(text()), 422),
            (
                StoreError::Corrupt {
                    table: "t",
                    column: "c",
                    row: text(),
                    reason: text(),
                },
                500,
            ),
            (StoreError::Locked(text()), 503),
            (StoreError::Schema(text()), 500),
            (StoreError::Full, 507),
            (StoreError::Unavailable(text()), 503),
        ];
        for (error, status) in table {
            let shown = error.to_string();
            assert_eq!(Problem::from(error).kind().status.as_u16(), status, "{shown}");
        }
    }

    #[test]
    fn details_are_sentences() {
        for (text, expected) in [
            ("the task is paused", "The task is paused."),
            ("Done.", "Done."),
            ("", "."),
            ("é", "é."),
        ] {
            assert_eq!(sentence(text.into()), expected);
        }
    }

    #[tokio::test]
    async fn causes_inside_the_server_are_not_told() {
        let cause = StoreError::Corrupt {
            table: "task",
            column: "payload",
            row: "7".into(),
            reason: "bad".into(),
        };
        let told = body(Problem::from(cause).render("/tasks", "r-1")).await.to_string();
        assert!(!told.contains("payload"), "{told}");
    }
}
