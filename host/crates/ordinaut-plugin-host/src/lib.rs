//! Extensions: WebAssembly components that provide tools, routes, event handlers and background work.
//!
//! ```text
//!  plugins/*.wasm, *.toml ──► watcher ──► loader: read ► section ► compile ► diff ► link ► init
//!                                            │ (state and reason at every step)
//!                                            ▼
//!                registry (one task, the keeper, owns it) ──► Loaded: pre-linked image + manifest + grants + limits
//!                                                   │ a fresh store for every call
//!                 invoke: tool · http · event · job ┘      on a runtime of its own
//! ```
//!
//! # Invariants
//! - This is the only crate that names wasmtime, and no wasmtime type is in its public interface.
//! - A guest reaches nothing that it did not import, and imports nothing that it was not granted: there is one linker
//!   per extension, and `define_unknown_imports_as_traps` is not used.
//! - A store serves one call and is dropped; after a trap or a dropped call it could not be used again anyway.
//! - The host does not know tasks, runs or SQL: what it needs from the product is [`HostServices`].

mod acting;
mod bindings;
mod capabilities;
mod check;
mod config;
mod engine;
mod error;
mod grants;
mod host;
mod invoke;
mod keeper;
mod limiter;
mod limits;
mod loader;
mod manifest;
mod meter;
mod metrics;
mod output;
mod quota;
mod random;
mod registry;
mod report;
mod routing;
mod schedule;
mod services;
mod state;
mod stats;
mod supervise;
mod usage;
mod watcher;

pub use acting::ActingAs;
pub use check::{CheckOptions, check};
pub use config::PluginHostConfig;
pub use error::{CallError, CallErrorKind, RouteError, StartError};
pub use grants::{Grant, OutboundRule, ToolPattern};
pub use host::{BoxBody, BoxError, PluginHost, RouteMatch};
pub use limits::Limits;
pub use manifest::Access;
pub use metrics::{MetricFamily, MetricHistogram, MetricKind, MetricSample, MetricValue};
pub use report::{
    CheckReport, Counters, ExtensionReport, ExtensionState, JobReport, LastError, Missing, RouteReport,
    SubscriptionReport, ToolReport,
};
pub use services::{
    Delivery, DeliveryOutcome, HostServices, OutgoingEvent, OutgoingToolCall, ServiceError, StateQuota,
};
pub use usage::{CALL_SECONDS, CallsReport, UsageReport};
