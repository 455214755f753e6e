//! Where `wasmtime-wasi-http` hands over the requests of a guest.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderName, Request, Response};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use super::client::EgressClient;
use super::failure::Failure;
use super::internal::{InternalApi, is_internal};
use super::is_hop_by_hop;
use super::policy::{Denial, EgressPolicy};
use super::warn::WarnLimiter;

/// What the refusals of one extension add up to; shared by all its calls.
#[derive(Debug)]
pub(crate) struct DenialLog {
    denials: AtomicU64,
    limiter: Mutex<WarnLimiter>,
}

impl DenialLog {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            denials: AtomicU64::new(0),
            limiter: Mutex::new(WarnLimiter::new(Instant::now())),
        }
    }

    /// Requests refused since the extension was loaded.
    pub(crate) fn denials(&self) -> u64 {
        self.denials.load(Ordering::Relaxed)
    }

    fn record(&self, denial: &Denial) {
        self.denials.fetch_add(1, Ordering::Relaxed);
        if let Some(suppressed) = lock(&self.limiter).admit(Instant::now()) {
            tracing::warn!(extension = denial.extension, suppressed, "{denial}");
        }
    }
}

impl Default for DenialLog {
    fn default() -> Self {
        Self::new()
    }
}

/// The hooks of one call: its places for concurrent requests, and what was refused.
pub(crate) struct EgressHooks {
    policy: Arc<EgressPolicy>,
    client: Arc<EgressClient>,
    log: Arc<DenialLog>,
    internal: Option<Arc<InternalApi>>,
    places: Arc<Semaphore>,
    last_denial: Arc<Mutex<Option<Denial>>>,
}

impl EgressHooks {
    /// Hooks for one call of the extension whose policy, client and log these are.
    pub(crate) fn new(policy: Arc<EgressPolicy>, client: Arc<EgressClient>, log: Arc<DenialLog>) -> Self {
        let places = Arc::new(Semaphore::new(client.limits().concurrent_requests));
        Self {
            policy,
            client,
            log,
            internal: None,
            places,
            last_denial: Arc::default(),
        }
    }

    /// The same with the API of this process behind its name. Without it, that name leads nowhere.
    pub(crate) fn reaching(self, api: InternalApi) -> Self {
        Self {
            internal: Some(Arc::new(api)),
            ..self
        }
    }

    /// The last refusal of this call. The guest sees only an error code, which has no place for a reason; the host
    /// adds this to the error that the call ends with.
    pub(crate) fn last_denial(&self) -> Option<Denial> {
        lock(&self.last_denial).clone()
    }
}

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for EgressHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name: &HeaderName| is_hop_by_hop(name))
    }

    /// The client writes `host`, from the URI that was decided upon.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Box::new(std::future::ready(Err(Error::ConnectionLimitReached)));
        };
        let policy = Arc::clone(&self.policy);
        let client = Arc::clone(&self.client);
        let log = Arc::clone(&self.log);
        let last_denial = Arc::clone(&self.last_denial);
        let internal = self.internal.clone();
        let options = options.unwrap_or_default();
        Box::new(async move {
            let sent = match is_internal(request.uri()) {
                Ok(true) => match internal {
                    Some(api) => api.send(request, options, client.limits(), place).await,
                    None => Err(Error::DestinationNotFound.into()),
                },
                Ok(false) => client.send(&policy, request, options, place).await,
                Err(error) => Err(error.into()),
            };
            match sent {
                // The pool drives the connection, so there is nothing left to do beside the body.
                Ok(response) => Ok((response, Box::new(std::future::ready(Ok(()))) as _)),
                Err(Failure::Failed(error)) => Err(error),
                Err(Failure::Denied(denial)) => {
                    log.record(&denial);
                    let code = denial.error();
                    *lock(&last_denial) = Some(*denial);
                    Err(code)
                }
            }
        })
    }

    /// The default logs a warning for every connection that a peer breaks, which would let peers fill the log.
    fn p2_error_from_hyper(&mut self, error: &hyper::Error) -> ErrorCode {
        tracing::debug!(extension = self.policy.extension(), %error, "HTTP connection broke");
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            ErrorCode::ConnectionTerminated
        } else {
            ErrorCode::HttpProtocolError
        }
    }
}

/// A panic while the lock was held cannot have left half a value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
