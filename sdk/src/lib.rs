#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod api;
pub mod config;
pub mod context;
mod error;
pub mod events;
mod extension;
mod host;
pub mod http;
pub mod jobs;
mod json;
pub mod log;
mod macros;
pub mod metrics;
pub mod routes;
pub mod schema;
pub mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;
pub mod tools;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod rt;

pub use context::Call;
pub use error::Error;
pub use extension::{Describe, Extension};
pub use {schemars, serde, serde_json};

/// What most extensions need, in one line.
pub mod prelude {
    pub use crate::events::Event;
    pub use crate::jobs::Occurrence;
    pub use crate::routes::{Access, DELETE, GET, PATCH, POST, PUT, Request, Response};
    pub use crate::tools::{Effect, NoArguments, ToolContext};
    pub use crate::{Describe, Error, Extension, api, config, context, events, http, metrics, state, time};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// A duration in whole milliseconds, as interfaces count it; what does not fit is as long as can be said.
pub(crate) fn millis(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
