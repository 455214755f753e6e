//! From a file to an extension that serves, step by step: read, settings, section, compile, diff, link, init.
//!
//! Loading never touches what already serves: it makes a new [`Loaded`] or an error, and the registry decides.

mod cache;
mod diff;
mod error;
mod init;
mod link;
mod read;
mod section;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wasmtime::component::Component;

pub(crate) use cache::Cache;
pub(crate) use diff::Interfaces;
pub(crate) use error::{LoadError, has_other_suffix};
pub(crate) use link::Provides;
use read::{Artifact, read_small};
pub(crate) use section::Label;

use crate::{
    capabilities::outbound_http::{DenialLog, EgressClient, EgressLimits, EgressPolicy},
    grants::{Grant, MAX_SETTINGS_BYTES, Rights, Settings},
    invoke::{Prepared, Runner},
    limits::Limits,
    manifest::Manifest,
    state::{Denials, Identity},
};

/// Where an extension comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) wasm: PathBuf,
    /// May not exist.
    pub(crate) settings: PathBuf,
}

/// What is known about a file so far. Filled step by step, so that a failure can still be reported with it.
#[derive(Debug, Clone)]
pub(crate) struct Inspection {
    pub(crate) file: PathBuf,
    pub(crate) digest: Option<String>,
    pub(crate) size: u64,
    pub(crate) label: Label,
    pub(crate) interfaces: Interfaces,
    pub(crate) provides: Vec<String>,
    /// What the operator wrote, or the defaults; `None` if that could not be read.
    pub(crate) settings: Option<Settings>,
    /// In force.
    pub(crate) grant: Grant,
    pub(crate) limits: Limits,
    pub(crate) compile: Option<Duration>,
    pub(crate) from_cache: bool,
    pub(crate) output: Vec<String>,
}

/// One version of an extension, ready to be called.
pub(crate) struct Loaded {
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) provides: Provides,
    pub(crate) manifest: Manifest,
    pub(crate) at: DateTime<Utc>,
    /// Calls at the same time, and streams.
    pub(crate) calls: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    /// Calls that are under way, for draining.
    pub(crate) under_way: TaskTracker,
}

impl Loaded {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.prepared.identity.name
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.prepared.identity.limits
    }
}

/// Loads extensions.
pub(crate) struct Loader {
    pub(crate) runner: Runner,
    pub(crate) cache: Option<Cache>,
    pub(crate) max_bytes: u64,
    pub(crate) default_grants: Grant,
    pub(crate) default_limits: Limits,
    pub(crate) default_zone: String,
    /// Compiling takes all processors, so it is done for one extension at a time.
    pub(crate) compiling: Semaphore,
}

/// The outcome of loading, with everything that was found out on the way.
pub(crate) struct Outcome {
    pub(crate) inspection: Inspection,
    pub(crate) result: Result<Arc<Loaded>, LoadError>,
}

impl Loader {
    /// Loads one extension.
    pub(crate) async fn load(self: &Arc<Self>, source: &Source) -> Outcome {
        let mut inspection = Inspection {
            file: source.wasm.clone(),
            digest: None,
            size: 0,
            label: Label::default(),
            interfaces: Interfaces::default(),
            provides: Vec::new(),
            settings: None,
            grant: self.default_grants.clone(),
            limits: self.default_limits.clone(),
            compile: None,
            from_cache: false,
            output: Vec::new(),
        };
        let result = self.steps(source, &mut inspection).await;
        Outcome { inspection, result }
    }

    async fn steps(self: &Arc<Self>, source: &Source, inspection: &mut Inspection) -> Result<Arc<Loaded>, LoadError> {
        let name = &source.name;
        LoadError::check_suffix(&source.wasm)?;
        LoadError::check_name(name)?;
        let settings = {
            let (this, source) = (self.clone(), source.clone());
            blocking(move || this.settings(&source)).await?
        };
        inspection.grant = settings.grant.clone();
        inspection.limits = settings.limits.clone();
        inspection.settings = Some(settings.clone());
        if !settings.enabled {
            return Err(LoadError::Disabled { name: name.clone() });
        }

        let (path, limit) = (source.wasm.clone(), self.max_bytes);
        let artifact = blocking(move || Artifact::read(&path, limit)).await?;
        inspection.size = artifact.bytes.len() as u64;
        inspection.digest = Some(artifact.digest());
        if let Some(pinned) = settings.digest.clone().filter(|pinned| *pinned != artifact.digest()) {
            return Err(LoadError::Digest {
                name: name.clone(),
                actual: artifact.digest(),
                pinned,
            });
        }

        let (artifact, label) = blocking(move || {
            let label = section::describe(&artifact.bytes)?;
            Ok((artifact, label))
        })
        .await?;
        inspection.label = label.clone();
        let rights = Rights::new(name, &settings.grant, &label.request);
        inspection.grant = rights.grant.clone();

        let started = Instant::now();
        let (component, from_cache) = self.compile(artifact).await?;
        inspection.compile = Some(started.elapsed());
        inspection.from_cache = from_cache;

        let engine = &self.runner.engine;
        let interfaces = Interfaces::of(engine, &component);
        inspection.interfaces = interfaces.clone();
        let missing = interfaces.missing(name, &settings.grant, &label.request);
        if !missing.is_empty() {
            return Err(LoadError::Needs(missing));
        }
        let provides = Provides::link(engine, &component, &interfaces, &rights.grant)?;
        inspection.provides = provides.names();

        let prepared = Arc::new(self.prepare(name, rights, settings));
        let initialised = init::initialise(&self.runner, &prepared, &provides).await?;
        inspection.output = initialised.output;
        Ok(Arc::new(Loaded {
            calls: Arc::new(Semaphore::new(prepared.identity.limits.concurrency)),
            streams: Arc::new(Semaphore::new(prepared.identity.limits.streams)),
            prepared,
            provides,
            manifest: initialised.manifest,
            at: self.runner.services.inner.now(),
            under_way: TaskTracker::new(),
        }))
    }

    fn settings(&self, source: &Source) -> Result<Settings, LoadError> {
        let defaults = Settings::defaults(&self.default_grants, &self.default_limits);
        let invalid = |reason: String| LoadError::Settings {
            name: source.name.clone(),
            reason,
        };
        match read_small(&source.settings, MAX_SETTINGS_BYTES) {
            Ok(None) => Ok(defaults),
            Ok(Some(text)) => Settings::parse(&text, defaults).map_err(|error| invalid(error.to_string())),
            Err(reason) => Err(invalid(reason)),
        }
    }

    /// Compiles, or takes what was compiled before. Waiting for one's turn, the same bytes may have been compiled for
    /// another name, so the cache is asked again.
    async fn compile(self: &Arc<Self>, artifact: Artifact) -> Result<(Component, bool), LoadError> {
        let artifact = Arc::new(artifact);
        if let Some(component) = self.cached(&artifact).await? {
            return Ok((component, true));
        }
        let _turn = self
            .compiling
            .acquire()
            .await
            .map_err(|error| LoadError::Host(error.to_string()))?;
        if let Some(component) = self.cached(&artifact).await? {
            return Ok((component, true));
        }
        let this = self.clone();
        let component = blocking(move || {
            let compiled = Component::new(&this.runner.engine, &artifact.bytes).map_err(does_not_compile)?;
            if let Some(cache) = &this.cache {
                cache.store(&artifact, &compiled);
            }
            share_image(compiled)
        })
        .await?;
        Ok((component, false))
    }

    async fn cached(self: &Arc<Self>, artifact: &Arc<Artifact>) -> Result<Option<Component>, LoadError> {
        let (this, artifact) = (self.clone(), artifact.clone());
        blocking(move || {
            let cached = this
                .cache
                .as_ref()
                .and_then(|cache| cache.load(&this.runner.engine, &artifact));
            cached.map(share_image).transpose()
        })
        .await
    }

    fn prepare(&self, name: &str, rights: Rights, settings: Settings) -> Prepared {
        let policy = EgressPolicy::new(name, rights.outbound());
        let limits = settings.limits;
        let egress = EgressLimits {
            request_bytes: limits.request_bytes,
            response_bytes: limits.response_bytes,
            ..EgressLimits::default()
        };
        Prepared {
            policy: Arc::new(policy),
            client: Arc::new(EgressClient::new(egress)),
            denial_log: Arc::new(DenialLog::new()),
            no_egress: Arc::new(EgressPolicy::new(name, Vec::new())),
            ending: CancellationToken::new(),
            identity: Arc::new(Identity {
                name: name.into(),
                rights,
                limits,
                config: settings.config,
                default_zone: self.default_zone.clone(),
                denials: Denials::default(),
            }),
        }
    }
}

/// Instances share the initial image of memory; made now, the first call does not wait for it.
fn share_image(component: Component) -> Result<Component, LoadError> {
    component.initialize_copy_on_write_image().map_err(does_not_compile)?;
    Ok(component)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn does_not_compile(error: wasmtime::Error) -> LoadError {
    LoadError::Compile(format!("{error:#}"))
}

/// Work that would hold up the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(LoadError::Host(error.to_string())))
}
