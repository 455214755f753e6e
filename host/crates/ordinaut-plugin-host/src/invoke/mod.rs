//! One call of a guest: a fresh store, the limits around it, and the error that says how it ended.

mod classify;
pub(crate) mod event;
mod fault;
pub(crate) mod http;
pub(crate) mod job;
pub(crate) mod tool;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use ordinaut_domain::CallOrigin;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::{
    bindings::ordinaut::types::types::Error as GuestError,
    capabilities::outbound_http::{Denial, DenialLog, EgressClient, EgressHooks, EgressPolicy, InternalApi},
    config::{DEFAULT_MAX_GUEST_MEMORY, DEFAULT_MAX_STREAMS},
    engine::{AbortOnDrop, GuestRuntime, Ticker, make_engine},
    error::{CallError, CallErrorKind, StartError},
    limiter::{Exceeded, MemoryBudget},
    loader::Loaded,
    meter::CpuMeter,
    output::GuestOutput,
    quota::Quotas,
    report::ExtensionState,
    state::{CallInfo, GuestState, Identity, Parts, Phase, Services, Shared},
    stats::Stats,
    usage::Usages,
};

/// What all calls of all extensions share.
#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) runtime: GuestRuntime,
    pub(crate) services: Services,
    pub(crate) all_calls: Arc<Semaphore>,
    pub(crate) max_calls: usize,
    all_streams: Arc<Semaphore>,
    max_streams: usize,
    memory: MemoryBudget,
    quotas: Quotas,
    pub(crate) usages: Usages,
}

/// What all calls of one version of an extension share.
pub(crate) struct Prepared {
    pub(crate) identity: Arc<Identity>,
    pub(crate) policy: Arc<EgressPolicy>,
    pub(crate) client: Arc<EgressClient>,
    pub(crate) denial_log: Arc<DenialLog>,
    /// For `init`, which may not send requests.
    pub(crate) no_egress: Arc<EgressPolicy>,
    /// Ends streams and services when this version is no longer wanted.
    pub(crate) ending: CancellationToken,
}

/// A limit of time and the setting that raises it (empty if none does).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) duration: Duration,
    pub(crate) key: &'static str,
}

/// A budget of processor time; with a window, one that is given anew in every window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) budget: Duration,
    pub(crate) window: Option<Duration>,
    pub(crate) key: &'static str,
}

/// One call.
pub(crate) struct CallSpec {
    /// For messages: `tool greet`, `http GET /hello`.
    pub(crate) export: String,
    /// For the guest: `tool`, `http`, …
    pub(crate) entry: &'static str,
    pub(crate) origin: CallOrigin,
    pub(crate) attempt: u32,
    /// What identifies its effect; elsewhere than in tools, its request does.
    pub(crate) effect: Option<EffectOf>,
    pub(crate) hops: u32,
    pub(crate) wall: Limit,
    pub(crate) cpu: Cpu,
    pub(crate) phase: Phase,
    /// Whether the call ends when the extension is replaced or removed, rather than being waited for.
    pub(crate) ends_with_extension: bool,
}

impl CallSpec {
    /// What calls like this one are counted as.
    fn kind(&self) -> &'static str {
        if self.entry == "http" && self.cpu.window.is_some() {
            "stream"
        } else {
            self.entry
        }
    }
}

/// What identifies the effect of a tool's call.
#[derive(Debug, Clone)]
pub(crate) struct EffectOf {
    pub(crate) key: String,
    pub(crate) fence: u64,
}

/// What a call left behind.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    pub(crate) result: R,
    pub(crate) phase: Phase,
    pub(crate) stderr: Option<String>,
    /// Lines that it logged, if they were kept.
    pub(crate) output: Vec<String>,
    /// The last outgoing request that was refused.
    denied_request: Option<Denial>,
}

impl Runner {
    /// An engine with its ticker, and a runtime with so many threads.
    pub(crate) fn start(threads: usize, max_calls: usize, services: Services) -> Result<Self, StartError> {
        let engine = make_engine()?;
        Ok(Self {
            ticker: Ticker::start(&engine)?,
            runtime: GuestRuntime::start(threads)?,
            services,
            all_calls: Arc::new(Semaphore::new(max_calls)),
            max_calls,
            all_streams: Arc::new(Semaphore::new(DEFAULT_MAX_STREAMS)),
            max_streams: DEFAULT_MAX_STREAMS,
            memory: MemoryBudget::new(DEFAULT_MAX_GUEST_MEMORY),
            quotas: Quotas::default(),
            usages: Usages::default(),
            engine,
        })
    }

    /// The same with other totals than the default ones: open streams and bytes of memory of all guests.
    pub(crate) fn sharing(mut self, max_streams: usize, max_guest_memory: u64) -> Self {
        self.all_streams = Arc::new(Semaphore::new(max_streams));
        self.max_streams = max_streams;
        self.memory = MemoryBudget::new(max_guest_memory);
        self
    }

    /// Runs `call` in a store of its own and waits for it. Dropping the future ends the guest. An error that the guest
    /// answers is bounded here.
    pub(crate) async fn run<T, F>(
        &self,
        prepared: Arc<Prepared>,
        spec: CallSpec,
        call: F,
    ) -> Result<Answer<Result<T, GuestError>>, CallError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<GuestState>) -> BoxFuture<'a, wasmtime::Result<Result<T, GuestError>>>
            + Send
            + 'static,
    {
        let (name, export) = (prepared.identity.name.clone(), spec.export.clone());
        let answer = self
            .spawn_judged(prepared, spec, call, |result| match result {
                Ok(_) => "ok",
                Err(_) => "error",
            })
            .join()
            .await
            .unwrap_or_else(|error| Err(host_failed(&error, &name, export)))?;
        let denied = answer.denied_request.as_ref();
        Ok(Answer {
            result: answer.result.map_err(|error| fault::admit(error, denied)),
            phase: answer.phase,
            stderr: answer.stderr,
            output: answer.output,
            denied_request: answer.denied_request,
        })
    }

    /// Makes a call of background work: waits for a place among the calls, runs it and counts how it ended.
    pub(crate) async fn run_in_place<T, F>(
        &self,
        loaded: &Loaded,
        stats: &Stats,
        spec: CallSpec,
        call: F,
    ) -> Result<Result<T, GuestError>, CallError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<GuestState>) -> BoxFuture<'a, wasmtime::Result<Result<T, GuestError>>>
            + Send
            + 'static,
    {
        let _under_way = loaded.under_way.token();
        let outcome = match self.place(loaded, spec.wall.duration).await {
            Err(kind) => Err(CallError::new(kind, loaded.name(), spec.export)),
            Ok(_place) => self.run(loaded.prepared.clone(), spec, call).await,
        };
        stats.count(&outcome);
        outcome.map(|answer| answer.result)
    }

    /// Starts `call` in a store of its own, on the guests' runtime.
    pub(crate) fn spawn<R, F>(
        &self,
        prepared: Arc<Prepared>,
        spec: CallSpec,
        call: F,
    ) -> AbortOnDrop<Result<Answer<R>, CallError>>
    where
        R: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<GuestState>) -> BoxFuture<'a, wasmtime::Result<R>> + Send + 'static,
    {
        self.spawn_judged(prepared, spec, call, |_| "ok")
    }

    /// The same, with what a call that ended by itself is counted as.
    fn spawn_judged<R, F>(
        &self,
        prepared: Arc<Prepared>,
        spec: CallSpec,
        call: F,
        judge: fn(&R) -> &'static str,
    ) -> AbortOnDrop<Result<Answer<R>, CallError>>
    where
        R: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<GuestState>) -> BoxFuture<'a, wasmtime::Result<R>> + Send + 'static,
    {
        let engine = self.engine.clone();
        let services = self.services.clone();
        let shared = Shared {
            memory: self.memory.clone(),
            publishing: self.quotas.of(&prepared.identity.name),
            usage: self.usages.of(&prepared.identity.name),
        };
        let running = self.ticker.guest();
        self.runtime.spawn(async move {
            let _running = running;
            let counted = shared.usage.begin(spec.kind());
            let ended = run_here(&engine, services, shared, &prepared, spec, call).await;
            counted.end(match &ended {
                Ok(answer) => judge(&answer.result),
                Err(error) => error.kind.code(),
            });
            ended
        })
    }

    /// Takes a place among the extension's calls, then one among all calls. Both are kept until the call ends.
    pub(crate) async fn place(&self, loaded: &Loaded, wait: Duration) -> Result<Place, CallErrorKind> {
        let limit = loaded.limits().concurrency;
        let own = acquire(&loaded.calls, wait)
            .await
            .ok_or(CallErrorKind::ConcurrencyExtension {
                limit,
                key: "concurrency",
            })?;
        let limit = self.max_calls;
        let all = acquire(&self.all_calls, wait)
            .await
            .ok_or(CallErrorKind::ConcurrencyGlobal {
                limit: limit as u64,
                key: "max_concurrent_calls",
            })?;
        Ok(Place { _own: own, _all: all })
    }

    /// Takes a place among the extension's streams and among all streams.
    pub(crate) fn stream_place(&self, loaded: &Loaded) -> Result<Place, CallErrorKind> {
        let limit = loaded.limits().streams;
        let own = loaded.streams.clone().try_acquire_owned();
        let own = own.map_err(|_| CallErrorKind::ConcurrencyExtension { limit, key: "streams" })?;
        let all = self.all_streams.clone().try_acquire_owned();
        let all = all.map_err(|_| CallErrorKind::ConcurrencyGlobal {
            limit: self.max_streams as u64,
            key: "max_streams",
        })?;
        Ok(Place { _own: own, _all: all })
    }
}

/// The right to run one call now.
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

async fn acquire(semaphore: &Arc<Semaphore>, wait: Duration) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = semaphore.clone().try_acquire_owned() {
        return Some(permit);
    }
    tokio::time::timeout(wait, semaphore.clone().acquire_owned())
        .await
        .ok()?
        .ok()
}

async fn run_here<R, F>(
    engine: &Engine,
    services: Services,
    shared: Shared,
    prepared: &Prepared,
    spec: CallSpec,
    call: F,
) -> Result<Answer<R>, CallError>
where
    F: for<'a> FnOnce(&'a mut Store<GuestState>) -> BoxFuture<'a, wasmtime::Result<R>> + Send,
{
    let identity = &prepared.identity;
    let registering = matches!(spec.phase, Phase::Registering(_));
    let run_id = spec.origin.run.map(|id| id.to_string());
    let output = GuestOutput::new(
        identity.name.clone(),
        &spec.origin.request_id,
        run_id,
        identity.limits.log_bytes,
        registering,
    );
    let meter = CpuMeter::new(spec.cpu.budget, spec.cpu.window, shared.usage.clone());
    let policy = if registering {
        &prepared.no_egress
    } else {
        &prepared.policy
    };
    let deadline = services.inner.now() + spec.wall.duration;
    let internal = InternalApi {
        services: services.clone(),
        extension: identity.clone(),
        entry: spec.entry,
        origin: spec.origin.clone(),
    };
    let effect = spec.effect.unwrap_or_else(|| EffectOf {
        key: spec.origin.request_id.clone(),
        fence: 0,
    });
    let state = GuestState::new(Parts {
        extension: identity.clone(),
        services,
        hooks: EgressHooks::new(policy.clone(), prepared.client.clone(), prepared.denial_log.clone())
            .reaching(internal),
        meter: meter.clone(),
        output: output.clone(),
        call: CallInfo {
            entry: spec.entry,
            origin: spec.origin,
            attempt: spec.attempt,
            fence: effect.fence,
            effect_key: effect.key,
            calls_made: 0,
            deadline_ms: u64::try_from(deadline.timestamp_millis()).unwrap_or(0),
            hops: spec.hops,
            base_hops: spec.hops,
        },
        phase: spec.phase,
        shared,
    });
    let mut store = store(engine, state);

    // The guest's future is dropped at the end of this block, whatever ended it; the store then only serves to be
    // taken apart.
    let ended: Result<wasmtime::Result<R>, CallErrorKind> = {
        let running = tokio::time::timeout(spec.wall.duration, meter.charge(call(&mut store)));
        tokio::select! {
            biased;
            ended = running => ended.map_err(|_| CallErrorKind::WallTimeout {
                limit_ms: u64::try_from(spec.wall.duration.as_millis()).unwrap_or(u64::MAX),
                key: spec.wall.key,
            }),
            () = prepared.ending.cancelled(), if spec.ends_with_extension => Err(CallErrorKind::NotReady {
                state: ExtensionState::Draining,
                reason: "it is being replaced or removed".to_owned(),
            }),
        }
    };

    let state = store.into_data();
    let stderr = output.finish();
    let error = |kind, backtrace| {
        let stderr = stderr.clone().map(String::into_boxed_str);
        CallError {
            kind,
            extension: identity.name.to_string(),
            export: spec.export.clone(),
            stderr,
            backtrace,
        }
    };
    match ended {
        Ok(Ok(result)) => Ok(Answer {
            result,
            denied_request: state.last_denied_request(),
            phase: state.phase,
            output: output.kept_lines(),
            stderr,
        }),
        Ok(Err(failure)) => {
            let (kind, backtrace) = classify::classify(&failure, &identity.limits, &spec.cpu, stderr.as_deref());
            Err(error(kind, backtrace))
        }
        Err(kind) => Err(error(kind, None)),
    }
}

/// A store with all its limits.
fn store(engine: &Engine, state: GuestState) -> Store<GuestState> {
    let limits = state.extension.limits.clone();
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.hostcall_bytes);
    store.set_max_component_handles(limits.handles);
    // The default deadline has passed already.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| {
        if context.data().meter.exhausted() {
            return Err(Exceeded::Cpu.into());
        }
        // Not `Yield`: that one is polled again at once, before others that wait for the thread.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

/// A panic of the host in a task of a guest.
pub(crate) fn host_failed(error: &tokio::task::JoinError, extension: &str, export: String) -> CallError {
    tracing::error!(extension, export, %error, "the host failed while it ran an extension");
    CallError::new(
        CallErrorKind::Host {
            reason: "an internal error; see the log".to_owned(),
        },
        extension,
        export,
    )
}
