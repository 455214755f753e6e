//! `wasi:io/error`: what a guest may read of a stream's error.
//!
//! The implementation that comes with WASI answers the debug text, which holds a backtrace of the host, with paths,
//! where the host runs with `RUST_BACKTRACE`. This one answers what happened and why, nothing about where.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::io::error::{Error, Host, HostError};

use crate::state::GuestState;

impl Host for GuestState {}

impl HostError for GuestState {
    fn to_debug_string(&mut self, error: Resource<Error>) -> wasmtime::Result<String> {
        Ok(format!("{:#}", self.table.get(&error)?))
    }

    fn drop(&mut self, error: Resource<Error>) -> wasmtime::Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}
