//! Why a request got no answer. An answer with a status of 400 and more is an answer, not an error.

use std::fmt;
use std::net::Ipv4Addr;

use serde_json::json;

use super::Outgoing;
use crate::context::extension_name;

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
    // The rule that would allow the request.
    rule: Option<String>,
}

impl Error {
    /// An error of this kind; tests make them for [`crate::testing::FakeHost::on_http`].
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            rule: None,
        }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text for a person, with the host's reason where it gave one.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of `[grant]` in the operator's TOML that would allow the request, where it was refused.
    pub fn grant_line(&self) -> Option<String> {
        self.rule.as_ref().map(|rule| format!("http.outbound = [{rule}]"))
    }

    /// Adds to a refusal what would allow it. The codes of `wasi:http` have no place for that, but everything that
    /// it takes is known here.
    pub(crate) fn with_remedy(mut self, request: &Outgoing) -> Self {
        if !matches!(self.kind, Kind::Denied | Kind::DeniedAddress) {
            return self;
        }
        let url = &request.url;
        let is_name =
            url.host().parse::<Ipv4Addr>().is_err() && !url.host().starts_with('[') && url.host() != "localhost";
        let private = if self.kind == Kind::DeniedAddress && is_name {
            ", allow_private = true"
        } else {
            ""
        };
        let (host, port, method) = (url.host().trim_matches(['[', ']']), url.port(), request.method.as_str());
        self.rule = Some(format!(
            "{{ host = \"{host}\", port = {port}, methods = [\"{method}\"]{private} }}"
        ));
        let line = self.grant_line().unwrap_or_default();
        self.message = format!(
            "{}; to allow it, write in [grant] of plugins/{}.toml: {line}",
            self.message,
            extension_name()
        );
        self
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
        let grant = error.grant_line();
        let mut converted = Self::new(code, error.message);
        if retryable {
            converted = converted.retryable();
        }
        match grant {
            Some(line) => converted.with_details(json!({ "grant": line })),
            None => converted,
        }
    }
}
