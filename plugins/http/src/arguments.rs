//! What may be asked of `http.request`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expect::Expected;

/// The longest `timeout_ms`: five minutes.
pub const MAX_TIMEOUT_MS: u32 = 300_000;

/// An HTTP request.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Arguments {
    /// The HTTP method.
    #[serde(default)]
    pub method: Method,
    /// Where to: an absolute http or https URL without user name. International host names in their `xn--` form.
    #[schemars(length(min = 1, max = 8192))]
    pub url: String,
    /// Header fields. `Idempotency-Key` is set for you except with GET, HEAD and OPTIONS.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Query parameters, added to those of the URL. A list repeats its parameter; null leaves it out.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// The body, as JSON.
    pub json: Option<Value>,
    /// The body, as the fields of a form.
    pub form: Option<Map<String, Value>>,
    /// The body, as text. Set `content-type` in `headers`; it is text/plain otherwise.
    pub body: Option<String>,
    /// The body, as bytes in base64. Set `content-type` in `headers`; it is application/octet-stream otherwise.
    pub body_base64: Option<String>,
    /// How long to wait for the whole answer, in milliseconds; 30000 unless set. Each redirect has the same time.
    #[schemars(range(min = 1, max = 300_000))]
    pub timeout_ms: Option<u32>,
    /// Which statuses are a success: a number (200), a class ("2xx"), or a list of both. Any other one fails the
    /// step. Without it every status is a result.
    pub expect_status: Option<Expected>,
}

/// The HTTP methods that can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Method {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether a request changes nothing (RFC 9110, section 9.2.1), so that it needs no idempotency key.
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}
