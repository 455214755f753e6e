//! Ordinaut's own API, in this process. Needs the grant `scheduler.scopes`, scope by scope.
//!
//! No token is sent. While somebody is served, the host asks in their name, with what both they and the extension may:
//! their tasks are theirs. In jobs, services and event handlers it asks in the name of the extension's own agent,
//! `ext:<name>`, with the grant alone.
//!
//! ```no_run
//! # use ordinaut_sdk::{api, Error};
//! # use serde_json::{Value, json};
//! # fn f() -> Result<(), Error> {
//! let tasks: Value = api::get("/tasks?limit=5")?.json()?;
//! let id = tasks["data"][0]["id"].as_str().unwrap_or_default();
//! let task = api::get(&format!("/tasks/{id}"))?;
//! let etag = task.header("etag").unwrap_or("*").to_owned();
//! api::Request::patch(&format!("/tasks/{id}"))
//!     .json(&json!({ "title": "Another title" }))
//!     .if_match(&etag)
//!     .send()?;
//! # Ok(()) }
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::routes::{DELETE, GET, Method, PATCH, POST, PUT};
use crate::{Error, http, json};

/// What stands before each path.
const BASE: &str = "http://ordinaut.internal";

/// The authority under which the host answers.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) const AUTHORITY: &str = "ordinaut.internal";

/// Reads what is at a path, query included: `/tasks?limit=5`.
pub fn get(path: &str) -> Result<Answer, Error> {
    Request::get(path).send()
}

/// Sends JSON to a path.
pub fn post(path: &str, body: &(impl Serialize + ?Sized)) -> Result<Answer, Error> {
    Request::post(path).json(body).send()
}

/// Replaces what is at a path. Tasks need [`Request::if_match`].
pub fn put(path: &str, body: &(impl Serialize + ?Sized)) -> Result<Answer, Error> {
    Request::put(path).json(body).send()
}

/// Changes what is at a path by a merge patch (RFC 7396). Tasks need [`Request::if_match`].
pub fn patch(path: &str, body: &(impl Serialize + ?Sized)) -> Result<Answer, Error> {
    Request::patch(path).json(body).send()
}

/// Removes what is at a path. Tasks need [`Request::if_match`].
pub fn delete(path: &str) -> Result<Answer, Error> {
    Request::delete(path).send()
}

/// A request in the making. Mistakes are kept until it is sent.
pub struct Request {
    inner: http::Request,
    /// The path is not one.
    fault: Option<Error>,
}

impl Request {
    /// A request with any method. The path begins with `/` and may hold a query.
    pub fn new(method: Method, path: &str) -> Self {
        let fault = (!path.starts_with('/') || path.starts_with("//"))
            .then(|| Error::invalid_argument(format!("`{path}` is not a path of the API: it begins with one `/`")));
        Self {
            inner: http::Request::new(method, &format!("{BASE}{path}")),
            fault,
        }
    }

    /// A GET request.
    pub fn get(path: &str) -> Self {
        Self::new(GET, path)
    }

    /// A POST request.
    pub fn post(path: &str) -> Self {
        Self::new(POST, path)
    }

    /// A PUT request.
    pub fn put(path: &str) -> Self {
        Self::new(PUT, path)
    }

    /// A PATCH request.
    pub fn patch(path: &str) -> Self {
        Self::new(PATCH, path)
    }

    /// A DELETE request.
    pub fn delete(path: &str) -> Self {
        Self::new(DELETE, path)
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.inner = self.inner.query(name, value);
        self
    }

    /// Sets a header field, in place of others of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.inner = self.inner.header(name, value);
        self
    }

    /// Only if it is still the version with this entity tag, as its `etag` header said it; `*` for any.
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// Makes a repetition of the request harmless: the same key with the same body has one effect.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets the body to JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.inner = self.inner.json(value);
        self
    }

    /// Sets the body; give it a `content-type` too.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner = self.inner.body(bytes);
        self
    }

    /// How long it may take, to the last byte; 30 seconds unless set, and never longer than the present call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.inner = self.inner.timeout(timeout);
        self
    }

    /// Sends the request. An answer that is a problem (a status of 400 and more) is an error: with the problem's code,
    /// its detail as the message, and the whole problem (RFC 9457) as details.
    pub fn send(self) -> Result<Answer, Error> {
        let answer = self.exchange()?;
        if answer.status() < 400 {
            return Ok(answer);
        }
        Err(answer.into_error())
    }

    /// Sends the request and takes the answer whatever its status. An error says that there is none.
    pub fn exchange(self) -> Result<Answer, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.inner.send() {
            Ok(response) => Ok(Answer(response)),
            Err(error) if error.kind() == http::Kind::Denied => Err(Error::denied(
                "the extension was granted no scopes for Ordinaut's API (`scheduler.scopes`)",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(http::Response);

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.0.body()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::read(self.body()).map_err(|error| Error::internal(format!("an answer of the API as JSON: {error}")))
    }

    /// The problem as an error.
    fn into_error(self) -> Error {
        let status = self.status();
        let problem: Value = json::read(self.body()).unwrap_or_default();
        let text = |name: &str| {
            problem[name]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let code = text("code").unwrap_or_else(|| format!("http_{status}"));
        let message = text("detail")
            .or_else(|| text("title"))
            .unwrap_or_else(|| format!("the API answered with status {status}"));
        let error = Error::new(code, message);
        let error = if matches!(status, 408 | 425 | 429 | 502..=504) {
            error.retryable()
        } else {
            error
        };
        if problem.is_object() {
            error.with_details(problem)
        } else {
            error
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn an_answer_is_read_and_the_request_says_what_was_asked() {
        let host = FakeHost::new("demo");
        host.api_answers("PATCH", "/tasks/1?dry=yes%20sir", 200, &json!({ "id": "1" }));
        let answer = Request::patch("/tasks/1")
            .query("dry", "yes sir")
            .json(&json!({ "title": "x" }))
            .if_match("\"3\"")
            .idempotency_key("k")
            .send()
            .unwrap();
        assert_eq!(
            (answer.status(), answer.json::<Value>().unwrap()),
            (200, json!({ "id": "1" }))
        );
        let sent = &host.api_requests()[0];
        assert_eq!(sent.headers.get("if-match"), Some("\"3\""));
        assert_eq!(sent.headers.get("idempotency-key"), Some("k"));
        assert_eq!(sent.body, br#"{"title":"x"}"#);
        assert_eq!(host.requests(), [], "it is no request to another server");
    }

    #[test]
    fn a_problem_is_an_error_with_its_code_detail_and_members() {
        let host = FakeHost::new("demo");
        host.api_refuses(
            "POST",
            "/tasks",
            403,
            "insufficient_scope",
            "The scope `tasks:write` is needed for this.",
        );
        host.api_refuses("GET", "/tasks", 503, "unavailable", "Try again.");
        let error = post("/tasks", &json!({})).unwrap_err();
        assert_eq!(error.code(), "insufficient_scope");
        assert!(error.message().contains("tasks:write") && !error.is_retryable());
        assert_eq!(error.details().unwrap()["status"], 403);
        assert!(get("/tasks").unwrap_err().is_retryable());
        assert_eq!(get("/runs").unwrap_err().code(), "no_such_route");
        assert_eq!(Request::get("/runs").exchange().unwrap().status(), 404);
    }

    #[test]
    fn a_path_that_would_lead_elsewhere_is_refused_before_it_is_sent() {
        let host = FakeHost::new("demo");
        for path in ["tasks", "//example.org/", "", ".example.org/", "@example.org/"] {
            assert_eq!(get(path).unwrap_err().code(), "invalid_argument", "{path}");
        }
        assert_eq!(host.api_requests(), []);
    }
}
