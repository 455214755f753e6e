//! The one place that picks backends and joins the parts, in the order of the spine:
//! store → bus → extensions → engine → API. [`Host::stop`] goes the same way back.
//!
//! The API answers at once. The engine begins when the first scan of extensions is over: a run that was due meanwhile
//! would only fail for want of its tools.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use ordinaut_bus::{Bus, EmbeddedBus};
use ordinaut_domain::{Clock, WorkerId};
use ordinaut_engine::{Engine, EngineParts, Roles, Timer, ToolGateway, ToolInvoker};
use ordinaut_plugin_host::{Grant, PluginHost, PluginHostConfig};
use ordinaut_store::{Entropy, SqliteStore, Store, StoreError};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    adapters::{ExtensionTools, Inside, NoTools, Services},
    api::{
        self,
        idempotency::InFlight,
        internal::InternalApi,
        limits::Limits,
        page::CursorKey,
        server::{self, Connections},
        state::{Parts, Settings},
    },
    auth::{
        Authority, TokenTerms,
        bootstrap::{Handover, bootstrap},
        keys::SigningKeys,
        seal::SealingKey,
    },
    clock::{SystemClock, SystemEntropy, random_array},
    config::{Config, GrantName, PluginsConfig, Role, StorageLocation, UnregisteredTools},
    metrics::Metrics,
};

mod data_dir;

/// Where extensions reach the API; also what it is called where nobody listens.
const INTERNAL_URL: &str = "http://ordinaut.internal";

/// How long a stop waits for answers that are on their way to slow clients.
const LAST_BYTES_WITHIN: Duration = Duration::from_secs(2);

/// Time and chance, which come from outside.
#[derive(Clone)]
pub struct Environment {
    pub timer: Arc<dyn Timer>,
    pub entropy: Arc<dyn Entropy>,
}

impl Environment {
    /// The operating system's.
    pub fn of_system() -> Self {
        Self {
            timer: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// Why the host did not start. The text is for the operator: what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    message: String,
}

impl StartError {
    fn of(context: &str, cause: &dyn std::fmt::Display) -> Self {
        Self {
            message: format!("{context}: {cause}"),
        }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::of("the store cannot be used", &error)
    }
}

/// A running host: everything that `ordinaut serve` is, in this process.
pub struct Host {
    address: Option<SocketAddr>,
    url: Option<String>,
    store: Arc<dyn Store>,
    engine: Arc<OnceLock<Engine>>,
    starting: JoinHandle<()>,
    plugins: Option<Arc<PluginHost>>,
    /// What extensions use; held here alone, so that it ends with the host.
    inside: Option<Arc<Inside>>,
    server: Option<JoinHandle<Connections>>,
    scanned: CancellationToken,
    stopping: CancellationToken,
}

impl Host {
    /// Starts everything that the configuration asks for. The API answers at once; extensions are loaded meanwhile.
    pub async fn start(config: &Config, environment: Environment) -> Result<Self, StartError> {
        let Environment { timer, entropy } = environment;
        let clock: Arc<dyn Clock> = timer.clone();
        let (store, sealing) = open_store(config, clock.clone(), entropy.clone()).await?;
        let listener = match listen(config, &*store, &*clock, &*entropy).await {
            Ok(listener) => listener,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let keys = SigningKeys::load_or_create(&*store, &sealing, &*entropy)
            .await
            .map_err(|error| StartError::of("the keys that sign tokens cannot be used", &error))?;

        let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(store.clone()));
        let engine = Arc::new(OnceLock::new());
        let metrics = Metrics::new(store.clone(), engine.clone())
            .map_err(|error| StartError::of("the metrics cannot be set up", &error))?;
        let metrics = Arc::new(metrics);
        let (plugins, services) = start_extensions(config, &sealing, &store, &bus, &clock, &entropy, &metrics)
            .await?
            .unzip();
        if let Some(plugins) = &plugins {
            metrics.watch_extensions(plugins);
        }
        let (config_of_engine, parts, roles) =
            engine_parts(config, &store, plugins.as_ref(), timer, &entropy, &metrics);
        let tools = Arc::new(ToolGateway::new(
            parts.tools.clone(),
            parts.timer.clone(),
            &config_of_engine,
        ));
        let (scanned, stopping) = (CancellationToken::new(), CancellationToken::new());
        let (slot, told, stop) = (engine.clone(), scanned.clone(), stopping.clone());
        let extensions = plugins.clone();
        let starting = tokio::spawn(async move {
            if let Some(extensions) = extensions {
                tokio::select! {
                    () = extensions.first_scan_done() => {}
                    () = stop.cancelled() => return,
                }
            }
            slot.get_or_init(|| Engine::start(config_of_engine, parts, roles));
            told.cancel();
            tracing::info!("ready");
        });

        let mut host = Self {
            address: None,
            url: None,
            store,
            engine,
            starting,
            plugins,
            inside: None,
            server: None,
            scanned,
            stopping,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose();
        let address = address.map_err(|error| StartError::of("the socket has no address", &error))?;
        // Extensions have the API also where nobody listens.
        let url = config.server.public_url.clone();
        let url = url.unwrap_or_else(|| address.map_or(INTERNAL_URL.to_owned(), |address| format!("http://{address}")));
        let terms = TokenTerms {
            issuer: config.auth.issuer.clone().unwrap_or_else(|| url.clone()),
            audience: config.auth.audience.clone(),
            base_url: url.clone(),
            ttl_seconds: config.auth.token_ttl_seconds,
        };
        let authority = Authority::new(host.store.clone(), clock.clone(), entropy.clone(), keys, terms);
        let parts = Parts {
            store: host.store.clone(),
            bus,
            engine: host.engine.clone(),
            tools: tools.clone(),
            plugins: host.plugins.clone(),
            clock,
            entropy,
            authority,
            metrics,
            cursors: CursorKey(sealing.derive("ordinaut cursors")),
            limits: Limits::new(config.server.rate_limit_per_second, config.server.rate_limit_burst),
            in_flight: InFlight::default(),
            settings: settings(config, &url),
            streams: Arc::default(),
            scanned: host.scanned.clone(),
            stopping: host.stopping.clone(),
        };
        let router = api::router(parts.shared());
        if let Some(services) = services {
            let api = InternalApi::new(router.clone());
            services.open(host.inside.insert(Arc::new(Inside { api, tools })));
        }
        if let (Some(listener), Some(address)) = (listener, address) {
            let stop = host.stopping.clone();
            host.server = Some(tokio::spawn(server::serve(
                listener,
                router,
                config.server.max_connections,
                stop,
            )));
            tracing::info!(%url, %address, "listening");
            (host.address, host.url) = (Some(address), Some(url));
        }
        Ok(host)
    }

    /// Where the API listens; none without the role.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The URL of the API; none without the role.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The store, for tests that prepare or inspect what no endpoint shows.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The engine, once it has begun.
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    /// The extension host, if this process has one.
    pub fn plugins(&self) -> Option<&Arc<PluginHost>> {
        self.plugins.as_ref()
    }

    /// Waits until every extension that was there at the start serves or has its verdict, and the engine has begun.
    pub async fn ready(&self) {
        self.scanned.cancelled().await;
    }

    /// Stops in order: no more requests, then no more work, then extensions (which ends their streams), then what is
    /// left of the connections, and the store last. Takes `grace` and a little more at most.
    pub async fn stop(mut self, grace: Duration) {
        self.stopping.cancel();
        let begun = tokio::time::Instant::now();
        let left = || grace.saturating_sub(begun.elapsed());
        let impatient = CancellationToken::new();
        let draining = self.server.take().map(|server| {
            let patience = impatient.clone().cancelled_owned();
            tokio::spawn(async move {
                if let Ok(connections) = server.await {
                    connections.drain(patience).await;
                }
            })
        });
        // Either it has begun by now or it never will.
        let _ = (&mut self.starting).await;
        if let Some(engine) = self.engine.get() {
            engine.stop(grace).await;
        }
        if let Some(plugins) = &self.plugins {
            plugins.stop(left()).await;
        }
        if let Some(mut draining) = draining {
            // Everything that could answer has stopped, so there is only writing left to wait for.
            if tokio::time::timeout(LAST_BYTES_WITHIN, &mut draining).await.is_err() {
                impatient.cancel();
                let _ = draining.await;
            }
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

fn settings(config: &Config, url: &str) -> Settings {
    Settings {
        base_url: url.to_owned(),
        loopback_scopes: config.auth.loopback(),
        request_timeout: Duration::from_secs(config.server.request_timeout_seconds),
        body_limit_bytes: config.server.body_limit_bytes,
        default_timezone: config.defaults.timezone.clone(),
        unregistered_tools: config.pipeline.unregistered_tools,
        lease_ttl: Duration::from_secs(config.engine.lease_ttl_seconds),
    }
}

/// The store, and the key under which others are sealed in it.
async fn open_store(
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<(Arc<dyn Store>, SealingKey), StartError> {
    let location = config
        .storage
        .location()
        .map_err(|problem| StartError::of("storage.url", &problem))?;
    let StorageLocation::Sqlite(path) = location;
    let found = data_dir::look(config, &path)?;
    if found.first_start {
        data_dir::make(config.data_dir())?;
    }
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, clock, entropy.clone()).await?);
    let sealing = match found.sealing {
        Some(sealing) => Ok(sealing),
        None => make_sealing_key(config, &*store, &path, &*entropy).await,
    };
    let sealing = match sealing {
        Ok(sealing) => sealing,
        Err(error) => {
            store.close().await;
            return Err(error);
        }
    };
    data_dir::make(config.data_dir())?;
    let reclaimed = store.reclaim_at_start().await?;
    if reclaimed > 0 {
        tracing::info!(
            runs = reclaimed,
            "took over runs of a process that did not end in order"
        );
    }
    Ok((store, sealing))
}

/// Makes the key, unless the store has been used with another that is missing. The store comes before the key, so that
/// a key without a store is a sign of loss and not of a start that was broken off.
async fn make_sealing_key(
    config: &Config,
    store: &dyn Store,
    path: &Path,
    entropy: &dyn Entropy,
) -> Result<SealingKey, StartError> {
    let key_file = config.storage.key_file();
    if SigningKeys::are_stored(store).await? {
        return Err(data_dir::lost_key(path, &key_file));
    }
    data_dir::make(config.data_dir())?;
    SealingKey::load_or_create(&key_file, entropy)
        .map_err(|error| StartError::of("the sealing key cannot be used", &error))
}

/// The socket, and the first agent of an empty store. The socket comes first: an address that is in use must not cost
/// the one chance to see a secret.
async fn listen(
    config: &Config,
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<TcpListener>, StartError> {
    if !config.server.has(Role::Api) {
        return Ok(None);
    }
    let bind = config.server.bind;
    let listener = TcpListener::bind(bind).await.map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::AddrInUse {
            "; another program listens there: choose another with --bind"
        } else {
            ""
        };
        StartError {
            message: format!("cannot listen on {bind}: {error}{hint}"),
        }
    })?;
    let handover = Handover::choose(config.auth.bootstrap_file.as_deref(), config.data_dir());
    bootstrap(store, clock, entropy, bind, &handover)
        .await
        .map_err(|error| StartError {
            message: error.to_string(),
        })?;
    Ok(Some(listener))
}

async fn start_extensions(
    config: &Config,
    sealing: &SealingKey,
    store: &Arc<dyn Store>,
    bus: &Arc<dyn Bus>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    metrics: &Arc<Metrics>,
) -> Result<Option<(Arc<PluginHost>, Arc<Services>)>, StartError> {
    if !config.server.has(Role::Extensions) {
        return Ok(None);
    }
    let services = Services::start(
        store.clone(),
        bus.clone(),
        clock.clone(),
        entropy.clone(),
        metrics.clone(),
    );
    let plugins = PluginHost::start(plugin_config(config, sealing), services.clone())
        .await
        .map_err(|error| StartError::of("extensions cannot be run", &error))?;
    Ok(Some((plugins, services)))
}

fn plugin_config(config: &Config, sealing: &SealingKey) -> PluginHostConfig {
    let section = &config.plugins;
    let cache: PathBuf = config.data_dir().join("compiled");
    let mut plugins = PluginHostConfig::new(&section.dir, cache, sealing.derive("ordinaut compiled components"));
    plugins.shipped_dir = section.shipped_dir();
    plugins.guest_threads = section.guest_threads();
    plugins.max_concurrent_calls = section.max_concurrent_calls;
    plugins.max_streams = section.max_streams;
    plugins.max_guest_memory = section.max_guest_memory_mib << 20;
    plugins.watch = section.watch;
    plugins.default_zone.clone_from(&config.defaults.timezone);
    plugins.default_grants = default_grant(section);
    plugins
}

/// What every extension may do unless its own file says otherwise.
pub(crate) fn default_grant(section: &PluginsConfig) -> Grant {
    let granted = |name: GrantName| section.default_grants.contains(&name);
    Grant {
        routes: granted(GrantName::Routes),
        tools: granted(GrantName::Tools),
        events: granted(GrantName::Events),
        background: granted(GrantName::Background),
        state: granted(GrantName::State),
        config: granted(GrantName::Config),
        ..Grant::default()
    }
}

fn engine_parts(
    config: &Config,
    store: &Arc<dyn Store>,
    plugins: Option<&Arc<PluginHost>>,
    timer: Arc<dyn Timer>,
    entropy: &Arc<dyn Entropy>,
    metrics: &Metrics,
) -> (ordinaut_engine::EngineConfig, EngineParts, Roles) {
    let mut engine = ordinaut_engine::EngineConfig::new(worker_id(&**entropy));
    engine.slots = config.engine.slots.unwrap_or(engine.slots);
    engine.lease_ttl = Duration::from_secs(config.engine.lease_ttl_seconds);
    engine.scheduler_batch = config.engine.scheduler_batch;
    engine.tool_timeout = Duration::from_secs(config.engine.tool_timeout_seconds);
    engine.output_max_bytes = config.engine.output_max_bytes;
    engine.unregistered_tools = match config.pipeline.unregistered_tools {
        UnregisteredTools::Simulate => ordinaut_engine::UnregisteredTools::Simulate,
        UnregisteredTools::Warn | UnregisteredTools::Refuse => ordinaut_engine::UnregisteredTools::Fail,
    };
    let tools: Arc<dyn ToolInvoker> = match plugins {
        Some(plugins) => Arc::new(ExtensionTools(plugins.clone())),
        None => Arc::new(NoTools),
    };
    let parts = EngineParts {
        store: store.clone(),
        tools,
        timer,
        entropy: entropy.clone(),
        metrics: metrics.engine.clone(),
    };
    let roles = Roles {
        scheduler: config.server.has(Role::Scheduler),
        worker: config.server.has(Role::Worker),
    };
    (engine, parts, roles)
}

/// Readable in records, and unique for each start even where process ids repeat, as in containers.
fn worker_id(entropy: &dyn Entropy) -> WorkerId {
    let unique = u32::from_be_bytes(random_array(entropy));
    WorkerId(format!("worker-{}-{unique:08x}", std::process::id()))
}

#[cfg(test)]
mod tests;
