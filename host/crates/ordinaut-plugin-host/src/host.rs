//! The extension host as the rest of the product sees it.

use std::{
    fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ordinaut_domain::{CallOrigin, ToolAddress, ToolCall, ToolDefinition, ToolError, schedule::Zone};
use serde_json::Value;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Access, CallError, CallErrorKind, ExtensionReport, ExtensionState, HostServices, PluginHostConfig, RouteError,
    StartError,
    invoke::{
        Runner,
        http::{self as invoke_http, RouteInfo},
        tool as invoke_tool,
    },
    keeper::{Command, Keeper},
    loader::{Cache, Loaded, Loader},
    random,
    registry::{Extension, Registry},
    routing::NoRoute,
    state::Services,
    stats::Stats,
    watcher::{self, Folders},
};

/// An error of a body, of whichever side.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body that is streamed, never collected. Dropping the body of an answer ends the guest that writes it.
pub type BoxBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// Commands that may wait for the keeper.
const COMMAND_QUEUE: usize = 256;
/// How long [`PluginHost::first_scan_done`] waits at most.
const FIRST_SCAN: Duration = Duration::from_mins(1);
/// How long a tool call waits for its extension to be loaded.
const WAIT_FOR_LOADING: Duration = Duration::from_secs(15);

/// The route that answers a request. It keeps the version of the extension that was found, so that a replacement
/// between the two calls changes nothing.
#[derive(Clone)]
pub struct RouteMatch {
    /// Who may use it.
    pub access: Access,
    /// Whether the answer may stay open; see `stream_lifetime_ms`.
    pub streaming: bool,
    /// The registered path, for instance `/items/{id}`: a bounded label for metrics.
    pub pattern: String,
    /// Whether what it answers may act in a browser as a page of the host's own; see `routes.same_origin`.
    pub same_origin: bool,
    loaded: Arc<Loaded>,
    stats: Arc<Stats>,
}

impl std::fmt::Debug for RouteMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            access,
            streaming,
            pattern,
            ..
        } = self;
        let extension = self.loaded.name();
        write!(
            f,
            "RouteMatch {{ extension: {extension}, pattern: {pattern}, {access}, streaming: {streaming} }}"
        )
    }
}

/// Runs extensions. Dropping it ends the background work without waiting; [`stop`](Self::stop) waits.
pub struct PluginHost {
    runner: Runner,
    registry: Arc<Registry>,
    commands: mpsc::Sender<Command>,
    watching: CancellationToken,
}

impl PluginHost {
    /// Starts the host, on the present runtime and one for guests. Extensions are loaded in the background; see
    /// [`first_scan_done`](Self::first_scan_done).
    pub async fn start(config: PluginHostConfig, services: Arc<dyn HostServices>) -> Result<Arc<Self>, StartError> {
        Zone::parse(&config.default_zone).map_err(|error| StartError::Zone {
            zone: config.default_zone.clone(),
            reason: error.to_string(),
        })?;
        let services = Services::new(services, Handle::current());
        let runner = Runner::start(config.guest_threads, config.max_concurrent_calls, services)?
            .sharing(config.max_streams, config.max_guest_memory);
        let engine = runner.engine.clone();
        let (cache, dir) = {
            let config = config.clone();
            tokio::task::spawn_blocking(move || open_folders(&config, &engine))
                .await
                .map_err(|error| StartError::Runtime(io::Error::other(error)))??
        };
        let loader = Arc::new(Loader {
            runner: runner.clone(),
            cache: Some(cache),
            max_bytes: config.max_component_bytes,
            default_grants: config.default_grants,
            default_limits: config.default_limits,
            default_zone: config.default_zone,
            compiling: Semaphore::new(1),
        });
        let registry = Arc::new(Registry::new());
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let keeper = Keeper::new(loader, registry.clone(), commands.downgrade(), consumer_name());
        tokio::spawn(keeper.run(receiver));
        let watching = CancellationToken::new();
        tokio::spawn(watcher::watch(
            Folders {
                dir,
                shipped: config.shipped_dir,
            },
            config.debounce,
            config.poll_interval,
            config.watch,
            commands.clone(),
            watching.clone(),
        ));
        Ok(Arc::new(Self {
            runner,
            registry,
            commands,
            watching,
        }))
    }

    /// Waits until every file that was there at the start serves or has its verdict, at most a minute.
    pub async fn first_scan_done(&self) {
        let mut done = self.registry.first_scan.subscribe();
        let _ = tokio::time::timeout(FIRST_SCAN, done.wait_for(|done| *done)).await;
    }

    /// Waits while the extension is being loaded for the first time, at most `within`, so that a request which arrives
    /// meanwhile meets it ready.
    pub async fn settled(&self, name: &str, within: Duration) {
        let mut changes = self.registry.changes();
        let deadline = Instant::now() + within;
        while self
            .registry
            .extension(name)
            .is_some_and(|extension| is_loading(&extension))
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if !matches!(tokio::time::timeout(left, changes.changed()).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// All extensions by name.
    pub fn extensions(&self) -> Vec<ExtensionReport> {
        self.registry
            .snapshot()
            .extensions
            .values()
            .map(|extension| extension.report())
            .collect()
    }

    /// What the calls of each extension have cost since this host started, those included that are gone.
    pub fn usage(&self) -> Vec<crate::UsageReport> {
        self.runner.usages.reports()
    }

    /// One extension.
    pub fn extension(&self, name: &str) -> Option<ExtensionReport> {
        self.registry.extension(name).map(|extension| extension.report())
    }

    /// The tools of all extensions that serve, by address.
    pub fn tools(&self) -> Vec<Arc<ToolDefinition>> {
        self.registry.snapshot().tools.values().cloned().collect()
    }

    /// One tool.
    pub fn tool(&self, address: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        self.registry.snapshot().tools.get(address).cloned()
    }

    /// Calls a tool. Schemas are not checked here: the caller does that on both sides.
    pub async fn call_tool(&self, call: ToolCall) -> Result<Value, ToolError> {
        let name = call.address.extension().to_owned();
        let wait = WAIT_FOR_LOADING.min(Duration::from_millis(u64::from(call.timeout_ms)));
        self.settled(&name, wait).await;
        let Some(extension) = self.registry.extension(&name) else {
            let message = format!(
                "no extension provides `{}`: there is no extension `{name}`",
                call.address
            );
            return Err(ToolError::permanent("tool_not_found", message));
        };
        let Some(loaded) = &extension.loaded else {
            return Err(invoke_tool::tool_error(&not_ready(
                &extension,
                &format!("tool {}", call.address.tool()),
            )));
        };
        invoke_tool::call(&self.runner, loaded, &extension.stats, call).await
    }

    /// Finds the route for `path` below `/ext/<name>` (starting with `/`, or empty for the root).
    pub fn route(&self, name: &str, method: &http::Method, path: &str) -> Result<RouteMatch, RouteError> {
        let extension = self
            .registry
            .extension(name)
            .ok_or_else(|| RouteError::NoSuchExtension { name: name.to_owned() })?;
        let Some(loaded) = &extension.loaded else {
            return Err(RouteError::NotReady {
                name: name.to_owned(),
                state: extension.state,
                reason: extension.reason(),
            });
        };
        let route = loaded
            .manifest
            .routes
            .find(method, path)
            .map_err(|why| RouteError::NoSuchRoute {
                name: name.to_owned(),
                allowed: match why {
                    NoRoute::Path => Vec::new(),
                    NoRoute::Method(allowed) => allowed,
                },
            })?;
        Ok(RouteMatch {
            access: route.access.clone(),
            streaming: route.streaming,
            pattern: route.pattern.as_str().to_owned(),
            same_origin: loaded.prepared.identity.rights.may_be_same_origin(),
            loaded: loaded.clone(),
            stats: extension.stats.clone(),
        })
    }

    /// Has the extension answer a request whose path is still complete (`/ext/<name>/…`). The caller has checked the
    /// route's access. Unless the route is public, the header `Authorization` is withheld from the extension.
    ///
    /// An error means that there is no answer at all; a guest that breaks off later ends the answer's body with a
    /// [`CallError`]. Dropping the future or the body ends the guest.
    pub async fn handle_http(
        &self,
        name: &str,
        request: http::Request<BoxBody>,
        route: &RouteMatch,
        origin: CallOrigin,
    ) -> Result<http::Response<BoxBody>, CallError> {
        if **route.loaded.name() != *name {
            let what = format!("such route: it belongs to `{}`", route.loaded.name());
            return Err(CallError::new(CallErrorKind::NotFound { what }, name, "http"));
        }
        let info = RouteInfo {
            pattern: route.pattern.clone(),
            streaming: route.streaming,
            access: route.access.clone(),
        };
        invoke_http::handle(&self.runner, &route.loaded, &route.stats, request, &info, origin).await
    }

    /// Reads the extension's files anew, whatever its state (quarantined jobs run again), and answers how it went.
    /// `None` if there is no such extension.
    pub async fn reload(&self, name: &str) -> Option<ExtensionReport> {
        let (done, answer) = oneshot::channel();
        self.commands.send(Command::Reload(name.to_owned(), done)).await.ok()?;
        if answer.await.ok()? { self.extension(name) } else { None }
    }

    /// Takes no more calls, lets those that run finish for at most `grace`, and ends everything.
    pub async fn stop(&self, grace: Duration) {
        self.watching.cancel();
        let (done, answer) = oneshot::channel();
        if self.commands.send(Command::Stop(grace, done)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

impl Drop for PluginHost {
    fn drop(&mut self) {
        // The watcher lets go of the keeper, which then ends what is left.
        self.watching.cancel();
    }
}

fn is_loading(extension: &Extension) -> bool {
    extension.loaded.is_none() && matches!(extension.state, ExtensionState::Discovered | ExtensionState::Compiling)
}

fn not_ready(extension: &Extension, export: &str) -> CallError {
    let kind = CallErrorKind::NotReady {
        state: extension.state,
        reason: extension.reason(),
    };
    CallError::new(kind, &extension.name, export)
}

fn open_folders(
    config: &PluginHostConfig,
    engine: &wasmtime::Engine,
) -> Result<(Cache, std::path::PathBuf), StartError> {
    let folder = |path: &Path, purpose| {
        let path = path.to_owned();
        move |source| StartError::Folder { path, purpose, source }
    };
    fs::create_dir_all(&config.dir).map_err(folder(&config.dir, "extensions"))?;
    fs::read_dir(&config.dir).map_err(folder(&config.dir, "extensions"))?;
    let cache = Cache::open(&config.cache_dir, config.cache_key, engine)
        .map_err(folder(&config.cache_dir, "compiled extensions"))?;
    Ok((cache, config.dir.clone()))
}

/// Names this process among the consumers of a group: unique, so that what a process that died had claimed is seen to
/// be nobody's.
fn consumer_name() -> Arc<str> {
    format!("plugins-{:016x}", random::number()).into()
}
