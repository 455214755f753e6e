//! What is known about a request before anybody looks at its content: its ids.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use ordinaut_domain::{CallOrigin, Caller};
use ordinaut_store::Entropy;

use crate::clock::random_array;

use super::problem::Problem;

pub(crate) const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");
const TRACE_PARENT: &str = "traceparent";
const REQUEST_ID_CHARS_MAX: usize = 128;

/// Ids that tie log lines, audit rows, runs and answers together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestContext {
    /// The client's `X-Request-Id` when it is a harmless text, otherwise made here.
    pub request_id: String,
    /// The trace id of the client's `traceparent`, otherwise made here.
    pub trace_id: String,
    /// W3C `traceparent` for what follows from the request.
    pub trace_parent: String,
    /// `ext:<name>` when the request is an extension's own to the API.
    pub via: Option<Arc<str>>,
    /// How many calls of extensions lie behind it.
    pub depth: u32,
}

/// How many calls of extensions lie behind a request, said in its extensions by whoever sends it inside the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth(pub u32);

impl RequestContext {
    pub(crate) fn new(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(REQUEST_ID.as_str())
            .filter(|id| is_request_id(id))
            .map_or_else(|| hex(&random_array::<16>(entropy)), ToOwned::to_owned);
        let given = text(TRACE_PARENT).and_then(parse_trace_parent);
        let trace_id = given.map_or_else(|| hex(&random_array::<16>(entropy)), |(trace, _)| trace.to_owned());
        let flags = given.map_or("00", |(_, flags)| flags);
        let trace_parent = format!("00-{trace_id}-{}-{flags}", hex(&random_array::<8>(entropy)));
        Self {
            request_id,
            trace_id,
            trace_parent,
            via: None,
            depth: 0,
        }
    }

    /// The origin of what is done for this request.
    pub(crate) fn origin(&self, caller: Option<Caller>) -> CallOrigin {
        CallOrigin {
            task: None,
            run: None,
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
            caller,
            depth: self.depth,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let context = parts.extensions.get::<Self>().cloned();
        context.ok_or_else(|| Problem::internal(&"a route is served without the envelope"))
    }
}

/// Nothing that could break a log line or a header.
fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

/// Trace id and flags of `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context §3.2); later versions may append fields.
fn parse_trace_parent(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let allowed = version != "ff" && !zero(trace) && !zero(parent) && (version != "00" || parts.next().is_none());
    (well_formed && allowed).then_some((trace, flags))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0xab);
        }
    }

    fn context(name: &'static str, value: &str) -> RequestContext {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        RequestContext::new(&headers, &Fixed)
    }

    #[test]
    fn a_harmless_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(context("x-request-id", "order-7.2").request_id, "order-7.2");
        for bad in ["", "a b", "a\"b", "é", &"x".repeat(129)] {
            assert_eq!(context("x-request-id", bad).request_id, "ab".repeat(16), "{bad:?}");
        }
    }

    #[test]
    fn a_valid_traceparent_is_continued() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = context("traceparent", given);
        assert_eq!(context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            context.trace_parent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01"
        );
    }

    #[test]
    fn an_invalid_traceparent_begins_a_new_trace() {
        for bad in [
            "",
            "00-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            assert_eq!(context("traceparent", bad).trace_id, "ab".repeat(16), "{bad}");
        }
        // A later version may say more.
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra";
        assert_eq!(
            context("traceparent", later).trace_id,
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
    }
}
