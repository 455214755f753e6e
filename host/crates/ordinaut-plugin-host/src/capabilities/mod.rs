//! What the host offers to extensions, one module per capability: its host functions, the check of their arguments,
//! and how it is linked. Whether it is linked at all is decided by [`catalogue`].
//!
//! A refusal is an answer (`denied`, `wrong_phase`, …), never a trap.

mod background;
pub(crate) mod catalogue;
mod config;
mod context;
mod error;
pub(crate) mod events;
pub(crate) mod keyvalue;
mod logging;
mod metrics;
pub(crate) mod outbound_http;
mod routes;
mod tool_calls;
mod tools;

use wasmtime::component::{HasSelf, Linker};

use crate::{
    bindings::{ordinaut, wasi},
    state::GuestState,
};
use catalogue::Capability;

/// Links what needs no grant: context, logging, and WASI, which has nothing behind it (no files, sockets, variables
/// or arguments).
pub(crate) fn link_base(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::{WasiHttp, WasiHttpView, p2::bindings};

    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    wasmtime_wasi::p2::bindings::io::error::add_to_linker::<_, HasSelf<GuestState>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    let options = bindings::LinkOptions::default();
    bindings::http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), GuestState::http)?;
    ordinaut::extension::context::add_to_linker::<_, HasSelf<GuestState>>(linker, |state| state)?;
    wasi::logging::logging::add_to_linker::<_, HasSelf<GuestState>>(linker, |state| state)
}

/// Links one capability.
pub(crate) fn link(capability: Capability, linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::{WasiHttp, WasiHttpView, p2::bindings};

    match capability {
        Capability::Base => Ok(()),
        Capability::Routes => ordinaut::routes::registry::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::Tools => ordinaut::tools::registry::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::Events => {
            ordinaut::events::publisher::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s)?;
            ordinaut::events::subscriptions::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s)?;
            ordinaut::events::follow::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s)
        }
        Capability::Background => {
            ordinaut::background::registry::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s)
        }
        Capability::State => wasi::keyvalue::store::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::Config => wasi::config::store::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::Metrics => ordinaut::metrics::snapshot::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::ToolCalls => ordinaut::tools::caller::add_to_linker::<_, HasSelf<GuestState>>(linker, |s| s),
        Capability::OutboundHttp => {
            bindings::http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, GuestState::http)
        }
    }
}
