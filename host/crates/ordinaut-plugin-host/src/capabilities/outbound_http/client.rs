//! The HTTP client of one extension: pooled connections, bounded in time and size.
//!
//! Every extension has a client, hence a pool, of its own, and each client keeps two pools, one for each
//! [`AddressScope`]: a connection is never used for a request that would not have been allowed to open it.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, Request, Response, Version, header};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::{RequestBody, ResponseBody};
use super::connector::{AddressScope, CheckedConnector, ConnectError, Resolve, SystemResolver};
use super::failure::{self, Failure};
use super::is_hop_by_hop;
use super::policy::EgressPolicy;
use super::target::Target;

/// Response headers in one message; a guest's map of headers takes 32768.
const MAX_RESPONSE_HEADERS: usize = 256;
/// Bytes of a response's head, and of what is read ahead of the guest.
const MAX_HEAD_BYTES: usize = 256 << 10;
/// HTTP/2 counts 32 bytes on top of each header (RFC 9113 §6.5.2).
const MAX_HTTP2_HEADER_LIST_BYTES: u32 = 64 << 10;

/// What the requests of one extension may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EgressLimits {
    /// For name lookup, TCP and TLS; a guest may ask for less, as with the two that follow.
    pub connect_timeout: Duration,
    /// From the connection to the response's head. The guest may be sending its body meanwhile.
    pub first_byte_timeout: Duration,
    /// Between two pieces of the response's body.
    pub between_bytes_timeout: Duration,
    /// Size of one request body.
    pub request_bytes: u64,
    /// Size of one response body.
    pub response_bytes: u64,
    /// Requests of one call at the same time, counted until the response's body is read or dropped.
    pub concurrent_requests: usize,
    /// Idle connections that are kept for one host.
    pub idle_per_host: usize,
    /// How long they are kept.
    pub idle_timeout: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_mins(1),
            between_bytes_timeout: Duration::from_mins(1),
            request_bytes: 8 << 20,
            response_bytes: 8 << 20,
            concurrent_requests: 16,
            idle_per_host: 4,
            idle_timeout: Duration::from_mins(1),
        }
    }
}

/// The HTTP client of one extension. It never follows redirects: the guest does, and every hop is a request of its
/// own, decided upon like the first.
pub(crate) struct EgressClient {
    limits: EgressLimits,
    resolver: Arc<dyn Resolve>,
    global: OnceLock<Pool>,
    named: OnceLock<Pool>,
}

type Pool = Client<HttpsConnector<CheckedConnector>, RequestBody>;

impl EgressClient {
    /// A client that resolves names as the operating system does. Nothing is opened or allocated before the first
    /// request.
    pub(crate) fn new(limits: EgressLimits) -> Self {
        Self::with_resolver(limits, Arc::new(SystemResolver))
    }

    /// A client that resolves names in its own way.
    pub(crate) fn with_resolver(limits: EgressLimits, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            limits,
            resolver,
            global: OnceLock::new(),
            named: OnceLock::new(),
        }
    }

    /// The limits that it keeps.
    pub(crate) fn limits(&self) -> &EgressLimits {
        &self.limits
    }

    /// Sends a request if the policy allows it. `place` is the request's place among the concurrent ones of its call.
    pub(super) async fn send(
        &self,
        policy: &EgressPolicy,
        request: Request<WasiBody>,
        options: RequestOptions,
        place: OwnedSemaphorePermit,
    ) -> Result<Response<WasiBody>, Failure> {
        let target = Target::from_uri(request.uri()).map_err(|error| {
            tracing::debug!(extension = policy.extension(), %error, "outgoing request without a usable target");
            Error::HttpRequestUriInvalid
        })?;
        let rule = policy.decide(&target, request.method()).map_err(Failure::Denied)?;
        let scope = if rule.names_addresses() {
            AddressScope::Named
        } else {
            AddressScope::Global
        };
        let method = request.method().clone();
        let request = self.prepare(request, &target)?;
        match self.exchange(scope, request, &options).await {
            Ok(response) => self.receive(response, &options, place).map_err(Failure::Failed),
            Err(SendError::Timeout(error)) => Err(error.into()),
            Err(SendError::Client(error)) => {
                if let Some(ConnectError::Prohibited { address, class }) = failure::cause(&error) {
                    let denial = policy.deny_address(&target, &method, *address, *class);
                    return Err(Failure::Denied(Box::new(denial)));
                }
                tracing::debug!(
                    extension = policy.extension(), %target, error = &error as &dyn std::error::Error,
                    "outgoing request failed"
                );
                Err(failure::of_client(&error).into())
            }
        }
    }

    /// What is sent on the wire: canonical target, no header that belongs to the connection, a counted body.
    fn prepare(&self, request: Request<WasiBody>, target: &Target) -> Result<Request<RequestBody>, Error> {
        let (mut parts, body) = request.into_parts();
        let limit = self.limits.request_bytes;
        if content_length(&parts.headers).is_some_and(|length| length > limit) {
            return Err(Error::HttpRequestBodySize(Some(limit)));
        }
        parts.uri = target
            .uri(parts.uri.path_and_query().cloned())
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        parts.version = Version::HTTP_11;
        // The client writes `host` from the URI. The others never get here from a guest, whose headers are filtered
        // when they are set; this is the second lock on the same door.
        let hop_by_hop: Vec<_> = parts
            .headers
            .keys()
            .filter(|name| is_hop_by_hop(name))
            .cloned()
            .collect();
        for name in hop_by_hop {
            parts.headers.remove(name);
        }
        Ok(Request::from_parts(parts, RequestBody::new(body, limit)))
    }

    /// Connects (or takes a pooled connection), sends, and waits for the response's head.
    async fn exchange(
        &self,
        scope: AddressScope,
        mut request: Request<RequestBody>,
        options: &RequestOptions,
    ) -> Result<Response<hyper::body::Incoming>, SendError> {
        let limits = &self.limits;
        let connect = clamp(options.connect_timeout, limits.connect_timeout);
        let first_byte = clamp(options.first_byte_timeout, limits.first_byte_timeout);
        let mut connection = capture_connection(&mut request);
        let mut response = pin!(self.pool(scope).request(request));
        let connected = async { drop(connection.wait_for_connection_metadata().await) };
        tokio::select! {
            biased;
            response = &mut response => return response.map_err(SendError::Client),
            () = connected => {}
            () = tokio::time::sleep(connect) => return Err(SendError::Timeout(Error::ConnectionTimeout)),
        }
        match tokio::time::timeout(first_byte, response).await {
            Ok(response) => response.map_err(SendError::Client),
            Err(_) => Err(SendError::Timeout(Error::ConnectionReadTimeout)),
        }
    }

    fn receive(
        &self,
        response: Response<hyper::body::Incoming>,
        options: &RequestOptions,
        place: OwnedSemaphorePermit,
    ) -> Result<Response<WasiBody>, Error> {
        let limit = self.limits.response_bytes;
        if http_body::Body::size_hint(response.body()).lower() > limit {
            return Err(Error::HttpResponseBodySize(Some(limit)));
        }
        let between = clamp(options.between_bytes_timeout, self.limits.between_bytes_timeout);
        Ok(response.map(|body| {
            let body = body.map_err(|error| failure::of_hyper(&error));
            ResponseBody::new(body, limit, between, place).boxed_unsync()
        }))
    }

    fn pool(&self, scope: AddressScope) -> &Pool {
        let pool = match scope {
            AddressScope::Global => &self.global,
            AddressScope::Named => &self.named,
        };
        pool.get_or_init(|| {
            let connector = CheckedConnector::new(Arc::clone(&self.resolver), scope, self.limits.connect_timeout);
            let https = HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_all_versions()
                .wrap_connector(connector);
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(self.limits.idle_timeout)
                .pool_max_idle_per_host(self.limits.idle_per_host)
                .http1_max_headers(MAX_RESPONSE_HEADERS)
                .http1_max_buf_size(MAX_HEAD_BYTES)
                .http2_max_header_list_size(MAX_HTTP2_HEADER_LIST_BYTES)
                .build(https)
        })
    }
}

enum SendError {
    Timeout(Error),
    Client(legacy::Error),
}

/// What the guest asks for, never more than the limit.
pub(super) fn clamp(asked: Option<Duration>, limit: Duration) -> Duration {
    asked.map_or(limit, |asked| asked.min(limit))
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
