//! Ordinaut: tasks that run when they are due, through tools that live in WebAssembly components.
//!
//! This package is the program around the libraries below `host/crates`: configuration, command line, REST API, and
//! [`compose`], the one place that joins everything. The library exists so that tests can run a whole host in their
//! own process, on a port of its own and with a clock that they set: see [`compose::Host`].

mod adapters;
mod api;
mod auth;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod config;
mod mac;
mod metrics;
mod preview;
mod shutdown;
mod telemetry;
