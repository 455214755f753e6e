//! `ordinaut plugin check FILE`: would this file serve? Everything that the host does when it loads an extension,
//! without a host: nothing is registered, kept or reached.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::{CallOrigin, EventId, LoggedEvent, ToolError, TopicPattern};
use serde_json::Value;
use tokio::{runtime::Handle, sync::Semaphore};

use crate::{
    ActingAs, BoxBody, CheckReport, Delivery, DeliveryOutcome, ExtensionReport, ExtensionState, Grant, HostServices,
    Limits, MetricFamily, OutgoingEvent, OutgoingToolCall, ServiceError, StartError, StateQuota,
    invoke::Runner,
    loader::{Loader, Source},
    registry::Extension,
    report::printable,
    state::Services,
    stats::Stats,
    supervise,
};

/// What [`check`] should assume.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// The operator's settings, if not `<name>.toml` beside the file.
    pub settings: Option<PathBuf>,
    /// The extension's name, if not the file's.
    pub name: Option<String>,
    pub default_grants: Grant,
    pub default_limits: Limits,
    pub default_zone: String,
    /// The time that the extension sees in its context.
    pub now: DateTime<Utc>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            settings: None,
            name: None,
            default_grants: Grant::default(),
            default_limits: Limits::default(),
            default_zone: "UTC".to_owned(),
            now: DateTime::UNIX_EPOCH,
        }
    }
}

/// Says whether a file would serve: imports, exports, what it needs and was granted, whether it initialises and what
/// it registers. Needs no running host and leaves nothing behind.
pub async fn check(path: &Path, options: CheckOptions) -> Result<CheckReport, StartError> {
    let stem = path
        .file_stem()
        .map(|stem| printable(&stem.to_string_lossy()))
        .unwrap_or_default();
    let name = options.name.unwrap_or(stem);
    let settings = options
        .settings
        .unwrap_or_else(|| path.with_file_name(format!("{name}.toml")));
    let loader = Arc::new(Loader {
        runner: Runner::start(
            1,
            1,
            Services::new(Arc::new(Nothing { now: options.now }), Handle::current()),
        )?,
        cache: None,
        max_bytes: 64 << 20,
        default_grants: options.default_grants,
        default_limits: options.default_limits,
        default_zone: options.default_zone,
        compiling: Semaphore::new(1),
    });
    let outcome = loader
        .load(&Source {
            name: name.clone(),
            wasm: path.to_owned(),
            settings,
        })
        .await;

    let stats = Arc::new(Stats::default());
    let requests = outcome.inspection.label.request.raw.clone();
    let output = outcome.inspection.output.iter();
    let output = output.flat_map(|text| text.lines()).map(printable).collect();
    let (state, error, missing, loaded) = match outcome.result {
        Ok(loaded) => (ExtensionState::Ready, None, Vec::new(), Some(loaded)),
        Err(error) => (error.state(), Some(error.report(&name)), error.missing(), None),
    };
    if let Some(loaded) = &loaded {
        supervise::describe(loaded, &stats);
    }
    let extension = Extension {
        name,
        state,
        file: path.display().to_string(),
        inspection: Some(Arc::new(outcome.inspection)),
        error,
        missing,
        loaded,
        replacement_error: None,
        stats,
    };
    Ok(CheckReport {
        ok: state == ExtensionState::Ready,
        extension: extension.report(),
        requests,
        output,
    })
}

/// Services of a host that is not there. `init` may use none of them.
struct Nothing {
    now: DateTime<Utc>,
}

fn nothing<T>() -> Result<T, ServiceError> {
    Err(ServiceError::unavailable("there is no host behind a check"))
}

#[async_trait]
impl HostServices for Nothing {
    async fn publish(&self, _: &str, _: OutgoingEvent, _: &CallOrigin) -> Result<EventId, ServiceError> {
        nothing()
    }

    async fn ensure_group(&self, _: &str, _: &[TopicPattern]) -> Result<(), ServiceError> {
        nothing()
    }

    async fn claim_events(&self, _: &str, _: &str, _: usize, _: Duration) -> Result<Vec<Delivery>, ServiceError> {
        nothing()
    }

    async fn settle_delivery(&self, _: &str, _: u64, _: DeliveryOutcome) -> Result<(), ServiceError> {
        nothing()
    }

    async fn open_events(&self, _: Option<EventId>) -> Result<u64, ServiceError> {
        nothing()
    }

    async fn read_events(
        &self,
        _: &[TopicPattern],
        _: u64,
        _: usize,
        _: Duration,
    ) -> Result<Vec<LoggedEvent>, ServiceError> {
        nothing()
    }

    async fn state_get(&self, _: &str, _: &str, _: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        nothing()
    }

    async fn state_set(&self, _: &str, _: &str, _: &str, _: Vec<u8>, _: StateQuota) -> Result<(), ServiceError> {
        nothing()
    }

    async fn state_delete(&self, _: &str, _: &str, _: &str) -> Result<(), ServiceError> {
        nothing()
    }

    async fn state_exists(&self, _: &str, _: &str, _: &str) -> Result<bool, ServiceError> {
        nothing()
    }

    async fn state_list(
        &self,
        _: &str,
        _: &str,
        _: Option<u64>,
        _: usize,
    ) -> Result<(Vec<String>, Option<u64>), ServiceError> {
        nothing()
    }

    async fn rest(
        &self,
        _: &str,
        _: ActingAs,
        _: CallOrigin,
        _: http::Request<BoxBody>,
    ) -> Result<http::Response<BoxBody>, ServiceError> {
        nothing()
    }

    async fn call_tool(&self, _: &str, _: ActingAs, call: OutgoingToolCall) -> Result<Value, ToolError> {
        let message = format!("`{}` cannot be called: there is no host behind a check", call.address);
        Err(ToolError::permanent("tool_not_found", message))
    }

    async fn metrics(&self) -> Result<Vec<MetricFamily>, ServiceError> {
        nothing()
    }

    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn extension_changed(&self, _: &ExtensionReport) {}
}
