//! Why a request got no answer. An answer with a status of 400 and more is an answer, not an error.

use std::fmt;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be made: a malformed URL, a forbidden header field.
    Invalid,
    /// The operator has not granted this host, port and method.
    Denied,
    /// The host name leads to an address that is not reached without being named: private, loopback, link-local.
    DeniedAddress,
    /// It took too long.
    Timeout,
    /// The name does not resolve.
    Dns,
    /// No connection, or it broke.
    Connect,
    /// The certificate or the handshake is not good.
    Tls,
    /// The server does not speak HTTP as it should.
    Protocol,
    /// The answer is larger than was allowed.
    TooLarge,
    /// More redirects than were allowed.
    TooManyRedirects,
    /// Something else.
    Other,
}

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

impl Error {
    /// An error of this kind; tests make them for [`crate::testing::FakeHost::on_http`].
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text for a person. When a call ends with an error after a request was refused, the host adds why, and the
    /// line that the operator would have to write, to the message and as `grant` to the details: only the host knows
    /// what was granted already.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same request may succeed later. That it *may* be repeated is another question: the server may
    /// have done its work before the connection broke.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            Kind::Timeout | Kind::Dns | Kind::Connect | Kind::Protocol | Kind::Other
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        let code = match error.kind {
            Kind::Invalid => "invalid_argument",
            Kind::Denied | Kind::DeniedAddress => "denied",
            Kind::Timeout => "timeout",
            Kind::TooLarge => "limit_exceeded",
            Kind::Dns | Kind::Connect | Kind::Tls | Kind::Protocol | Kind::TooManyRedirects | Kind::Other => {
                "unavailable"
            }
        };
        let retryable = error.is_retryable();
        let converted = Self::new(code, error.message);
        if retryable { converted.retryable() } else { converted }
    }
}
