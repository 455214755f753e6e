//! Requests to `http://ordinaut.internal/`: the API of this very process. They are taken out before the rules for other
//! servers and never reach the network, a name lookup included.
//!
//! No credentials go with them. In whose name they are made is decided here and said beside the request, where no
//! header of the guest's reaches.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header, uri::PathAndQuery};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use ordinaut_domain::{CallOrigin, Scopes};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{
    body::{RequestBody, ResponseBody},
    client::{EgressLimits, clamp, content_length},
    failure::Failure,
    is_hop_by_hop,
    policy::{Denial, DenialReason},
    target::{Scheme, Target},
};
use crate::{
    BoxBody, BoxError,
    acting::acting_as,
    services::ServiceError,
    state::{Identity, Services},
};

/// The name under which extensions reach the API.
const AUTHORITY: &str = "ordinaut.internal";

/// What says who somebody is, or where they are: only the host says that.
const WITHHELD: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::ORIGIN,
    header::REFERER,
    header::FORWARDED,
    header::HOST,
    HeaderName::from_static("x-csrf-token"),
];
/// Beginnings of names that are withheld too.
const WITHHELD_PREFIXES: [&str; 2] = ["x-forwarded-", "sec-"];

/// Whether a request goes to this process. `Err`: it names it in another way than `http://ordinaut.internal/`, which
/// must not go anywhere.
pub(super) fn is_internal(uri: &Uri) -> Result<bool, Error> {
    let Ok(target) = Target::from_uri(uri) else {
        return Ok(false);
    };
    let host = target.host.to_string();
    if !host.trim_end_matches('.').eq_ignore_ascii_case(AUTHORITY) {
        return Ok(false);
    }
    if target.scheme == Scheme::Http && target.port == Scheme::Http.default_port() {
        Ok(true)
    } else {
        Err(Error::HttpRequestUriInvalid)
    }
}

/// The API as one call of an extension reaches it.
pub(crate) struct InternalApi {
    pub(crate) services: Services,
    pub(crate) extension: Arc<Identity>,
    /// The kind of call: `http`, `tool`, `job`, …
    pub(crate) entry: &'static str,
    pub(crate) origin: CallOrigin,
}

impl InternalApi {
    /// Has the API answer the request. `place` is the request's place among the concurrent ones of its call.
    pub(super) async fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
        limits: &EgressLimits,
        place: OwnedSemaphorePermit,
    ) -> Result<Response<WasiBody>, Failure> {
        let granted = self.granted(&request)?;
        let acting = acting_as(self.entry, self.origin.caller.as_ref(), granted);
        let origin = CallOrigin {
            depth: self.origin.depth.saturating_add(1),
            ..self.origin.clone()
        };
        let request = self.prepare(request, limits.request_bytes)?;
        let extension = self.extension.name.clone();
        let answer = self.services.read(|services| async move {
            let response = services.rest(&extension, acting, origin, request).await?;
            Ok(response.map(carry))
        });
        let first_byte = clamp(options.first_byte_timeout, limits.first_byte_timeout);
        let response = tokio::time::timeout(first_byte, answer)
            .await
            .map_err(|_| Error::HttpResponseTimeout)?
            .map_err(|error| of_service(&error))?;
        let limit = limits.response_bytes;
        if content_length(response.headers()).is_some_and(|length| length > limit) {
            return Err(Error::HttpResponseBodySize(Some(limit)).into());
        }
        let between = clamp(options.between_bytes_timeout, limits.between_bytes_timeout);
        Ok(response.map(|body| ResponseBody::new(body, limit, between, place).boxed_unsync()))
    }

    fn granted(&self, request: &Request<WasiBody>) -> Result<&Scopes, Failure> {
        // Nothing is sent in `init`, whatever was granted.
        let granted = self.extension.rights.scopes().filter(|_| self.entry != "init");
        granted.ok_or_else(|| {
            // It has been read once already.
            let Ok(target) = Target::from_uri(request.uri()) else {
                return Error::HttpRequestUriInvalid.into();
            };
            Failure::Denied(Box::new(Denial {
                extension: self.extension.name.to_string(),
                scheme: target.scheme,
                host: target.host,
                port: target.port,
                method: request.method().clone(),
                reason: DenialReason::Scopes,
                line: Some(self.extension.rights.scopes_line()),
                unrequested: false,
            }))
        })
    }

    /// The request as the API gets it: a path, the guest's headers without those that say who asks, and the ids of
    /// the call.
    fn prepare(&self, request: Request<WasiBody>, limit: u64) -> Result<Request<BoxBody>, Error> {
        let (mut parts, body) = request.into_parts();
        if content_length(&parts.headers).is_some_and(|length| length > limit) {
            return Err(Error::HttpRequestBodySize(Some(limit)));
        }
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        let withheld: Vec<_> = parts.headers.keys().filter(|name| is_withheld(name)).cloned().collect();
        for name in withheld {
            parts.headers.remove(name);
        }
        parts.headers.insert(header::HOST, HeaderValue::from_static(AUTHORITY));
        say_ids(&mut parts.headers, &self.origin);
        let body = RequestBody::new(body, limit);
        let body = body.map_err(|error| -> BoxError { error.into() }).boxed_unsync();
        Ok(Request::from_parts(parts, body))
    }
}

fn is_withheld(name: &HeaderName) -> bool {
    WITHHELD.contains(name)
        || is_hop_by_hop(name)
        || WITHHELD_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// The ids of the call go on in what it asks for, unless the guest gave the request ids of its own.
fn say_ids(headers: &mut HeaderMap, origin: &CallOrigin) {
    if let header::Entry::Vacant(entry) = headers.entry(HeaderName::from_static("x-request-id"))
        && let Ok(id) = HeaderValue::from_str(&origin.request_id)
    {
        entry.insert(id);
    }
    let span = crate::random::number() | 1;
    if let header::Entry::Vacant(entry) = headers.entry(HeaderName::from_static("traceparent"))
        && origin.trace_id.len() == 32
        && let Ok(parent) = HeaderValue::from_str(&format!("00-{}-{span:016x}-00", origin.trace_id))
    {
        entry.insert(parent);
    }
}

fn of_service(error: &ServiceError) -> Error {
    match error.code.as_str() {
        "unavailable" => Error::DestinationUnavailable,
        "denied" => Error::HttpRequestDenied,
        _ => Error::InternalError(Some(error.message.clone())),
    }
}

/// Reads the body on the product's own runtime, because connections behind it belong there, and hands over one piece
/// at a time. Ends when nobody reads any more.
fn carry(body: BoxBody) -> Carried {
    let (sender, receiver) = mpsc::channel(1);
    let mut body = body;
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! {
                biased;
                () = sender.closed() => return,
                frame = body.frame() => frame,
            };
            let Some(frame) = frame else { return };
            let last = frame.is_err();
            if sender
                .send(frame.map_err(|_| Error::HttpResponseIncomplete))
                .await
                .is_err()
                || last
            {
                return;
            }
        }
    });
    Carried(receiver)
}

/// A body that is read elsewhere.
struct Carried(mpsc::Receiver<Result<Frame<Bytes>, Error>>);

impl Body for Carried {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_authority_over_plain_http_is_this_process() {
        for (uri, expected) in [
            ("http://ordinaut.internal/tasks", Some(true)),
            ("http://ORDINAUT.internal/tasks?a=b", Some(true)),
            ("http://ordinaut.internal:80/", Some(true)),
            ("http://ordinaut.internal./", Some(true)),
            ("http://ordinaut.internal:8080/", None),
            ("https://ordinaut.internal/", None),
            ("http://x.ordinaut.internal/", Some(false)),
            ("http://ordinaut.internal.example.org/", Some(false)),
            ("http://example.org/ordinaut.internal", Some(false)),
            ("http://ordinaut.internal@example.org/", Some(false)),
        ] {
            assert_eq!(is_internal(&uri.parse().unwrap()).ok(), expected, "{uri}");
        }
    }

    #[test]
    fn what_says_who_asks_does_not_pass_and_what_the_api_needs_does() {
        for name in [
            "authorization",
            "cookie",
            "x-csrf-token",
            "x-forwarded-for",
            "forwarded",
            "sec-fetch-site",
            "host",
        ] {
            assert!(is_withheld(&name.parse().unwrap()), "{name}");
        }
        for name in [
            "idempotency-key",
            "if-match",
            "x-request-id",
            "content-type",
            "last-event-id",
            "accept",
        ] {
            assert!(!is_withheld(&name.parse().unwrap()), "{name}");
        }
    }
}
