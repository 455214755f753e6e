//! The one error type that crosses every capability.
//!
//! Its `code` is open: match on the ones that you know and treat the others by [`Error::is_retryable`].

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Why something could not be done, as the host and pipelines see it.
// One pointer, so that a `Result` stays small.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Inner {
    code: Cow<'static, str>,
    message: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl Error {
    /// An error with a code of your own: lower case with underscores. Not retryable unless [`Error::retryable`] says so.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code: code.into(),
            message: message.into(),
            retryable: false,
            details: None,
        }))
    }

    /// `invalid_argument`: the same call cannot succeed. HTTP 400.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("invalid_argument", message)
    }

    /// `not_found`: what was asked for does not exist. HTTP 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("not_found", message)
    }

    /// `denied`: it exists, but may not be used. HTTP 403.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("denied", message)
    }

    /// `limit_exceeded`: too much, too large, too many. HTTP 429.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new("limit_exceeded", message)
    }

    /// `unavailable`, retryable: something outside does not answer just now. HTTP 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new("unavailable", message).retryable()
    }

    /// `timeout`, retryable: it took too long. HTTP 504.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new("timeout", message).retryable()
    }

    /// `internal`: a fault of the extension. HTTP 500, whose answer does not show the message.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new("internal", message.to_string())
    }

    /// Says that the same call may succeed later without being changed.
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Adds details; they should be a JSON object.
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The machine-readable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The text for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// More about the error.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// What [`crate::routes::Sink`] answers when the client is gone. Not a fault: it ends a stream without a log line.
    pub(crate) fn client_gone() -> Self {
        Self::new(CLIENT_GONE, "the client closed the connection")
    }

    /// Whether this error only says that the client of a stream went away.
    pub fn is_client_gone(&self) -> bool {
        self.0.code == CLIENT_GONE
    }
}

const CLIENT_GONE: &str = "client_gone";

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.0.code, self.0.message)
    }
}

impl std::error::Error for Error {}

/// JSON that cannot be read or written: `invalid_argument`, with line and column.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid_argument(format!("JSON: {error}"))
    }
}
