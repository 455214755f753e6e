//! What one instance of a guest has: its streams, tables, limits, rights, and the call that it was made for.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ordinaut_domain::CallOrigin;
use tokio::runtime::Handle;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    bindings::ordinaut::types::types::Error as GuestError,
    capabilities::outbound_http::{Denial, EgressHooks},
    engine::AbortOnDrop,
    grants::Rights,
    limiter::{Limiter, MemoryBudget},
    limits::Limits,
    manifest::Manifest,
    meter::CpuMeter,
    output::{Channel, GuestOutput},
    quota::PublishQuota,
    services::{HostServices, ServiceError},
    usage::Usage,
};

/// Memory for the headers of one message, as the host counts it.
const FIELDS_BYTES: usize = 128 << 10;
/// Random bytes in one call.
const RANDOM_BYTES: u64 = 1 << 20;

/// The data of a store. One store serves one call.
pub(crate) struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: EgressHooks,
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) meter: Arc<CpuMeter>,
    pub(crate) output: GuestOutput,
    pub(crate) call: CallInfo,
    pub(crate) phase: Phase,
    pub(crate) extension: Arc<Identity>,
    pub(crate) services: Services,
    pub(crate) publishing: Arc<PublishQuota>,
}

/// What instances have together with others.
#[derive(Debug)]
pub(crate) struct Shared {
    /// With all guests.
    pub(crate) memory: MemoryBudget,
    /// With all instances of the extension, of whatever version.
    pub(crate) publishing: Arc<PublishQuota>,
    /// Where its cost is counted.
    pub(crate) usage: Arc<Usage>,
}

/// What is the same in all instances of one version of an extension.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) name: Arc<str>,
    pub(crate) rights: Rights,
    pub(crate) limits: Limits,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) default_zone: String,
    /// Uses that were refused, for the report.
    pub(crate) denials: Denials,
}

/// Counts refusals and logs some of them: an extension that tries for ever must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    total: AtomicU64,
    left_out: Mutex<Vec<String>>,
}

/// Refusals in `init` that are reported, of each version.
const MAX_LEFT_OUT: usize = 64;

impl Denials {
    pub(crate) fn record(&self, extension: &str, message: &str) {
        let before = self.total.fetch_add(1, Ordering::Relaxed);
        // The 1st, 2nd, 4th, 8th, … refusal.
        if (before + 1).is_power_of_two() {
            tracing::warn!(extension, count = before + 1, "refused: {message}");
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Keeps what `init` was refused.
    fn leave_out(&self, message: &str) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if left_out.len() < MAX_LEFT_OUT {
            left_out.push(message.to_owned());
        }
    }

    /// What `init` was refused, in its order.
    pub(crate) fn left_out(&self) -> Vec<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The call that an instance was made for.
#[derive(Debug, Clone)]
pub(crate) struct CallInfo {
    /// `init`, `tool`, `http`, `event`, `job` or `service`.
    pub(crate) entry: &'static str,
    pub(crate) origin: CallOrigin,
    pub(crate) attempt: u32,
    /// Of the lease under which it is made; 0 outside a run.
    pub(crate) fence: u64,
    /// The same whenever the same call is made again.
    pub(crate) effect_key: String,
    /// Calls of tools that it has made.
    pub(crate) calls_made: u32,
    /// Milliseconds since 1970.
    pub(crate) deadline_ms: u64,
    /// Of events that are published in this call: at first what brought it about, then what it followed.
    pub(crate) hops: u32,
    /// What brought it about.
    pub(crate) base_hops: u32,
}

/// What an instance may do besides computing.
#[derive(Debug)]
pub(crate) enum Phase {
    /// In `init`: only register, log and read the configuration.
    Registering(Box<Manifest>),
    /// In every other call: everything but register.
    Serving,
}

impl GuestState {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            extension,
            services,
            hooks,
            meter,
            output,
            call,
            phase,
            shared,
        } = parts;
        let wasi = WasiCtx::builder()
            .stdout(output.stream(Channel::Stdout))
            .stderr(output.stream(Channel::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES)
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES);
        let mut table = ResourceTable::new();
        table.set_max_capacity(extension.limits.handles);
        let limiter = Limiter::new(&extension.limits, shared.memory, shared.usage);
        Self {
            wasi,
            http,
            hooks,
            table,
            limiter,
            meter,
            output,
            call,
            phase,
            extension,
            services,
            publishing: shared.publishing,
        }
    }

    /// The manifest that is being written, or the error that it is too late.
    pub(crate) fn registering(&mut self) -> Result<(&mut Manifest, &Identity), GuestError> {
        match &mut self.phase {
            Phase::Registering(manifest) => Ok((manifest, &self.extension)),
            Phase::Serving => Err(guest_error("wrong_phase", "registration works in `init` only")),
        }
    }

    /// Refuses what does not work in `init`.
    pub(crate) fn serving(&self) -> Result<(), GuestError> {
        match self.phase {
            Phase::Serving => Ok(()),
            Phase::Registering(_) => Err(guest_error(
                "wrong_phase",
                "this does not work in `init`, where an extension only registers; do it in a tool, route or job",
            )),
        }
    }

    /// A refusal of what would go beyond a limit, counted and logged.
    pub(crate) fn exceeded(&self, message: String, retryable: bool) -> GuestError {
        self.extension.denials.record(&self.extension.name, &message);
        GuestError {
            retryable,
            ..guest_error("limit_exceeded", message)
        }
    }

    /// A refusal, counted and logged.
    pub(crate) fn denied(&self, message: String) -> GuestError {
        self.extension.denials.record(&self.extension.name, &message);
        if matches!(self.phase, Phase::Registering(_)) {
            self.extension.denials.leave_out(&message);
        }
        guest_error("denied", message)
    }

    /// The last outgoing request that was refused in this call.
    pub(crate) fn last_denied_request(&self) -> Option<Denial> {
        self.hooks.last_denial()
    }
}

/// What [`GuestState::new`] needs.
pub(crate) struct Parts {
    pub(crate) extension: Arc<Identity>,
    pub(crate) services: Services,
    pub(crate) hooks: EgressHooks,
    pub(crate) meter: Arc<CpuMeter>,
    pub(crate) output: GuestOutput,
    pub(crate) call: CallInfo,
    pub(crate) phase: Phase,
    pub(crate) shared: Shared,
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// An error for the guest that the same call would meet again.
pub(crate) fn guest_error(code: &str, message: impl Into<String>) -> GuestError {
    GuestError {
        code: code.to_owned(),
        message: message.into(),
        retryable: false,
        details: None,
    }
}

impl From<ServiceError> for GuestError {
    fn from(error: ServiceError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            retryable: error.retryable,
            details: None,
        }
    }
}

/// The product's services, called on the product's own runtime: connections belong to the runtime that made them, and
/// a guest's thread must not do the host's work.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) inner: Arc<dyn HostServices>,
    runtime: Handle,
}

impl Services {
    /// Services that run on `runtime`.
    pub(crate) fn new(inner: Arc<dyn HostServices>, runtime: Handle) -> Self {
        Self { inner, runtime }
    }

    /// Something that changes state: once begun it is finished, even if the guest is ended meanwhile.
    pub(crate) async fn write<T, F>(&self, work: impl FnOnce(Arc<dyn HostServices>) -> F) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ServiceError>> + Send + 'static,
        T: Send + 'static,
    {
        let task = self.runtime.spawn(work(self.inner.clone()));
        task.await.unwrap_or_else(|error| Err(panicked(&error)))
    }

    /// Something that only reads, perhaps for long: it ends with the guest.
    pub(crate) async fn read<T, F>(&self, work: impl FnOnce(Arc<dyn HostServices>) -> F) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ServiceError>> + Send + 'static,
        T: Send + 'static,
    {
        let task = AbortOnDrop::new(self.runtime.spawn(work(self.inner.clone())));
        task.join().await.unwrap_or_else(|error| Err(panicked(&error)))
    }
}

fn panicked(error: &tokio::task::JoinError) -> ServiceError {
    tracing::error!(%error, "a service of the extension host failed");
    ServiceError {
        code: "internal".to_owned(),
        message: "the host failed".to_owned(),
        retryable: true,
    }
}
