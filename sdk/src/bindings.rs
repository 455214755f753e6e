//! The component-model bindings, and the exports that `extension!` picks from.
//!
//! `guest` holds every import; each other module holds one export. The macros that the generator writes for exports
//! carry the section that says "this component exports X", so a component exports only what it expands.

#![expect(clippy::same_length_and_capacity, reason = "most of it is generated")]

use std::marker::PhantomData;

use crate::Error;
use crate::host::wasm;
use crate::rt::{self, Declared};

use guest::ordinaut::types::types::Error as WitError;

pub mod guest {
    wit_bindgen::generate!({
        world: "ordinaut:worlds/imports",
        path: "../wit",
        generate_all,
        generate_unused_types: true,
    });
}

macro_rules! export_world {
    ($module:ident, $world:literal, $macro:literal, $($with:tt)*) => {
        pub mod $module {
            wit_bindgen::generate!({
                world: $world,
                path: "../wit",
                pub_export_macro: true,
                export_macro_name: $macro,
                with: { $($with)* },
            });
        }
    };
}

export_world!(lifecycle, "ordinaut:worlds/provides-lifecycle", "export_lifecycle",
    "ordinaut:types/types@0.1.0": crate::bindings::guest::ordinaut::types::types);
export_world!(tools, "ordinaut:worlds/provides-tools", "export_tools",
    "ordinaut:types/types@0.1.0": crate::bindings::guest::ordinaut::types::types,
    "ordinaut:tools/types@0.1.0": crate::bindings::guest::ordinaut::tools::types);
export_world!(events, "ordinaut:worlds/provides-events", "export_events",
    "ordinaut:types/types@0.1.0": crate::bindings::guest::ordinaut::types::types,
    "ordinaut:events/types@0.1.0": crate::bindings::guest::ordinaut::events::types);
export_world!(jobs, "ordinaut:worlds/provides-jobs", "export_jobs",
    "ordinaut:types/types@0.1.0": crate::bindings::guest::ordinaut::types::types,
    "ordinaut:background/types@0.1.0": crate::bindings::guest::ordinaut::background::types);
export_world!(service, "ordinaut:worlds/provides-service", "export_service",
    "ordinaut:types/types@0.1.0": crate::bindings::guest::ordinaut::types::types);
export_world!(routes, "ordinaut:worlds/provides-routes", "export_routes",
    "wasi:io/error@0.2.12": crate::bindings::guest::wasi::io::error,
    "wasi:io/poll@0.2.12": crate::bindings::guest::wasi::io::poll,
    "wasi:io/streams@0.2.12": crate::bindings::guest::wasi::io::streams,
    "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::guest::wasi::clocks::monotonic_clock,
    "wasi:http/types@0.2.12": crate::bindings::guest::wasi::http::types);

/// Implements every export for an extension; `extension!` exports those that were named.
pub struct Exports<E>(PhantomData<E>);

impl From<Error> for WitError {
    fn from(error: Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            retryable: error.is_retryable(),
            details: error.details().map(crate::json::of_value),
        }
    }
}

impl<E: Declared> lifecycle::exports::ordinaut::extension::lifecycle::Guest for Exports<E> {
    fn init() -> Result<(), WitError> {
        Ok(rt::init::<E>()?)
    }
}

impl<E: Declared> tools::exports::ordinaut::tools::handler::Guest for Exports<E> {
    fn call(call: guest::ordinaut::tools::types::Invocation) -> Result<String, WitError> {
        let context = crate::tools::ToolContext {
            name: call.name,
            effect_key: call.effect_key,
            fence: call.fence,
            attempt: call.attempt,
        };
        Ok(crate::tools::serve(
            &crate::Describe::of::<E>(),
            &call.arguments,
            &context,
        )?)
    }
}

impl<E: Declared> events::exports::ordinaut::events::handler::Guest for Exports<E> {
    fn handle(event: guest::ordinaut::events::types::Event) -> Result<(), WitError> {
        Ok(crate::events::handle(&crate::Describe::of::<E>(), &wasm::event(event))?)
    }
}

impl<E: Declared> jobs::exports::ordinaut::background::job::Guest for Exports<E> {
    fn run(occurrence: guest::ordinaut::background::types::Occurrence) -> Result<Option<String>, WitError> {
        let occurrence = crate::jobs::Occurrence {
            name: occurrence.name,
            scheduled_for_ms: occurrence.scheduled_for_ms,
            attempt: occurrence.attempt,
        };
        Ok(rt::run_job::<E>(&occurrence)?)
    }
}

impl<E: Declared> service::exports::ordinaut::background::service::Guest for Exports<E> {
    fn run() -> Result<(), WitError> {
        Ok(rt::run_service::<E>()?)
    }
}

impl<E: Declared> routes::exports::wasi::http::incoming_handler::Guest for Exports<E> {
    fn handle(request: guest::wasi::http::types::IncomingRequest, out: guest::wasi::http::types::ResponseOutparam) {
        wasm::serve(&request, out, |request| {
            crate::routes::serve(&crate::Describe::of::<E>(), request)
        });
    }
}
