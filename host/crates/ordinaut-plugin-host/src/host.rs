//! The extension host as the rest of the product sees it.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use ordinaut_domain::{CallOrigin, Scope, ToolAddress, ToolCall, ToolDefinition, ToolError};
use serde_json::Value;

use crate::{
    CallError, CallErrorKind, CheckReport, ExtensionReport, HostServices, PluginHostConfig, RouteError, StartError,
};

/// An error of a body, of whichever side.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body that is streamed, never collected. Dropping the body of an answer ends the guest that writes it.
pub type BoxBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// Who may use a route; to be checked before [`PluginHost::handle_http`] is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Any agent with a valid token.
    Authenticated,
    /// An agent whose token holds this scope.
    Scope(Scope),
}

/// The route that answers a request. It keeps the version of the extension that was found, so that a replacement
/// between the two calls changes nothing.
#[derive(Debug, Clone)]
pub struct RouteMatch {
    /// Who may use it.
    pub access: Access,
    /// Whether the answer may stay open; see `stream_lifetime_ms`.
    pub streaming: bool,
    /// The registered path, for instance `/items/{id}`: a bounded label for metrics.
    pub pattern: String,
}

/// Runs extensions.
pub struct PluginHost {
    _config: PluginHostConfig,
    _services: Arc<dyn HostServices>,
}

impl PluginHost {
    /// Starts the host. Extensions are loaded in the background; see [`first_scan_done`](Self::first_scan_done).
    pub async fn start(config: PluginHostConfig, services: Arc<dyn HostServices>) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self {
            _config: config,
            _services: services,
        }))
    }

    /// Waits until every file that was there at the start serves or has its verdict, at most a minute.
    pub async fn first_scan_done(&self) {}

    /// Waits while the extension is being loaded, at most `within`, so that requests meet it ready.
    pub async fn settled(&self, _name: &str, _within: Duration) {}

    /// All extensions by name.
    pub fn extensions(&self) -> Vec<ExtensionReport> {
        Vec::new()
    }

    /// One extension.
    pub fn extension(&self, _name: &str) -> Option<ExtensionReport> {
        None
    }

    /// The tools of all extensions that serve, by address.
    pub fn tools(&self) -> Vec<Arc<ToolDefinition>> {
        Vec::new()
    }

    /// One tool.
    pub fn tool(&self, _address: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        None
    }

    /// Calls a tool. Schemas are not checked here: the caller does that on both sides.
    pub async fn call_tool(&self, call: ToolCall) -> Result<Value, ToolError> {
        Err(ToolError::permanent(
            "tool_not_found",
            format!("no extension provides `{}`", call.address),
        ))
    }

    /// Finds the route for `path` below `/ext/<name>` (starting with `/`, or empty for the root).
    pub fn route(&self, name: &str, _method: &http::Method, _path: &str) -> Result<RouteMatch, RouteError> {
        Err(RouteError::NoSuchExtension { name: name.to_owned() })
    }

    /// Has the extension answer a request whose path is still complete (`/ext/<name>/…`).
    pub async fn handle_http(
        &self,
        name: &str,
        _request: http::Request<BoxBody>,
        _route: &RouteMatch,
        _origin: CallOrigin,
    ) -> Result<http::Response<BoxBody>, CallError> {
        Err(CallError::new(
            CallErrorKind::NotFound {
                what: format!("extension `{name}`"),
            },
            name,
            "http",
        ))
    }

    /// Reads the extension's files anew, whatever its state (a quarantine ends), and answers how it went.
    pub async fn reload(&self, _name: &str) -> Option<ExtensionReport> {
        None
    }

    /// Takes no more calls, lets those that run finish for at most `grace`, and ends everything.
    pub async fn stop(&self, _grace: Duration) {}
}

/// For [`check`].
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// The operator's settings, if not beside the file.
    pub settings: Option<std::path::PathBuf>,
    /// The extension's name, if not the file's.
    pub name: Option<String>,
}

/// Says whether a file would serve: imports, exports, what it needs and was granted, whether it initialises and what
/// it registers. Needs no running host and leaves nothing behind.
pub async fn check(path: &Path, _options: CheckOptions) -> Result<CheckReport, StartError> {
    Err(StartError::Engine(format!("{} was not looked at", path.display())))
}
