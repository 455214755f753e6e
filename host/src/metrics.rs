//! What this process counts and measures about itself: one registry, made in [`compose`](crate::compose) and handed
//! down. There is no global one, so that hosts in one process (as in tests) do not add to each other's numbers.
//!
//! Engine and API count where things happen. What is read instead (the store, extensions, slots) is read by
//! [`Metrics::refresh`] when somebody looks, at most once a second.
//!
//! No label has unbounded values: no ids, no paths, no text of users. `docs/reference/metrics.md` lists everything.

mod extensions;
mod http;
mod store;

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use ordinaut_engine::{Engine, EngineMetrics};
use ordinaut_plugin_host::PluginHost;
use ordinaut_store::Store;
use prometheus::{IntGauge, Opts, Registry};
use tokio::{sync::Mutex, time::Instant};

use self::{extensions::ExtensionMetrics, store::StoreMetrics};

pub(crate) use self::http::HttpMetrics;

/// What is read is read this often at most.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// How long a look waits for the store; afterwards the numbers are those of the last time.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) engine: Arc<EngineMetrics>,
    pub(crate) http: HttpMetrics,
    of_store: StoreMetrics,
    of_extensions: ExtensionMetrics,
    store: Arc<dyn Store>,
    running: Arc<OnceLock<Engine>>,
    /// Known later than the metrics: extensions are given these.
    plugins: OnceLock<Weak<PluginHost>>,
    refreshed: Mutex<Option<Instant>>,
}

impl Metrics {
    /// All metrics, in a registry of their own.
    ///
    /// # Errors
    /// When two of them have one name.
    pub(crate) fn new(store: Arc<dyn Store>, running: Arc<OnceLock<Engine>>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let engine = Arc::new(EngineMetrics::new());
        engine.register(&registry)?;
        let http = HttpMetrics::new(&registry)?;
        let of_store = StoreMetrics::new(&registry)?;
        let of_extensions = ExtensionMetrics::new(&registry)?;
        build_info(&registry)?;
        process(&registry)?;
        Ok(Self {
            registry,
            engine,
            http,
            of_store,
            of_extensions,
            store,
            running,
            plugins: OnceLock::new(),
            refreshed: Mutex::new(None),
        })
    }

    /// Names the extension host, once there is one.
    pub(crate) fn watch_extensions(&self, plugins: &Arc<PluginHost>) {
        // Only the first one counts, and there is only one.
        let _ = self.plugins.set(Arc::downgrade(plugins));
    }

    /// Where everything is enrolled.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Reads what is read rather than counted, unless that was done less than a second ago. Those who come meanwhile
    /// wait for it. A store that fails or gives no answer leaves its numbers as they were, and is told as such.
    pub(crate) async fn refresh(&self) {
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.is_some_and(|at| at.elapsed() < REFRESH_EVERY) {
            return;
        }
        let health = self.running.get().map(Engine::health);
        self.engine.observe(health.as_ref());
        let read = async { (self.store.now().await, self.store.gauges().await) };
        match tokio::time::timeout(STORE_WITHIN, read).await {
            Ok((Ok(now), Ok(gauges))) => self.of_store.set(now, &gauges),
            Ok((Err(error), _) | (_, Err(error))) => {
                tracing::warn!(%error, "the store's numbers could not be read");
                self.of_store.unreadable();
            }
            Err(_) => {
                tracing::warn!(within = ?STORE_WITHIN, "the store's numbers did not come in time");
                self.of_store.unreadable();
            }
        }
        if let Some(plugins) = self.plugins.get().and_then(Weak::upgrade) {
            self.of_extensions.set(&plugins.extensions(), plugins.usage());
        }
        *refreshed = Some(Instant::now());
    }
}

fn build_info(registry: &Registry) -> prometheus::Result<()> {
    let options = Opts::new(
        "ordinaut_build_info",
        "Always 1; the labels say what this program was made from.",
    )
    .const_label("version", env!("CARGO_PKG_VERSION"))
    .const_label("os", std::env::consts::OS)
    .const_label("arch", std::env::consts::ARCH);
    let info = IntGauge::with_opts(options)?;
    info.set(1);
    registry.register(Box::new(info))
}

/// `process_*`, where the operating system tells them.
#[cfg(target_os = "linux")]
fn process(registry: &Registry) -> prometheus::Result<()> {
    registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
}

#[cfg(not(target_os = "linux"))]
fn process(_: &Registry) -> prometheus::Result<()> {
    Ok(())
}
