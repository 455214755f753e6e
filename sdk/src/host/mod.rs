//! The host, behind one set of functions: the real one in a component, [`crate::testing::FakeHost`] natively.
//!
//! They are functions and not a trait object on purpose: a table of functions would make every component import
//! everything that this crate can do.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::{
    Bucket, Reader, call_tool, config_all, config_get, context, follow, http_send, log, metrics, now_ms, publish,
    register_job, register_route, register_subscription, register_tool, sleep,
};
