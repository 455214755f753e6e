//! What is generated from `wit/`: host traits for the imports, and one probe for each kind of export.
//!
//! The types are generated once, with the imports; the probes use them.

/// Everything that can be imported. The HTTP parts are those of `wasmtime-wasi-http`.
mod imports {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "ordinaut:worlds/imports",
        imports: { default: async },
        require_store_data_send: true,
        with: {
            "ordinaut:events/follow.reader": crate::capabilities::events::Reader,
            "wasi:keyvalue/store.bucket": crate::capabilities::keyvalue::Bucket,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

pub(crate) use imports::{ordinaut, wasi};
pub(crate) use wasmtime_wasi_http::p2::bindings::ProxyPre;

macro_rules! probe {
    ($module:ident, $world:literal, $pre:ident, { $($with:tt)* }) => {
        mod $module {
            wasmtime::component::bindgen!({
                path: "../../../wit",
                world: $world,
                exports: { default: async },
                require_store_data_send: true,
                with: { $($with)* },
            });
        }
        pub(crate) use $module::$pre;
    };
}

probe!(lifecycle, "ordinaut:worlds/provides-lifecycle", ProvidesLifecyclePre, {
    "ordinaut:types/types": crate::bindings::ordinaut::types::types,
});
probe!(tools, "ordinaut:worlds/provides-tools", ProvidesToolsPre, {
    "ordinaut:types/types": crate::bindings::ordinaut::types::types,
    "ordinaut:tools/types": crate::bindings::ordinaut::tools::types,
});
probe!(events, "ordinaut:worlds/provides-events", ProvidesEventsPre, {
    "ordinaut:types/types": crate::bindings::ordinaut::types::types,
    "ordinaut:events/types": crate::bindings::ordinaut::events::types,
});
probe!(jobs, "ordinaut:worlds/provides-jobs", ProvidesJobsPre, {
    "ordinaut:types/types": crate::bindings::ordinaut::types::types,
    "ordinaut:background/types": crate::bindings::ordinaut::background::types,
});
probe!(service, "ordinaut:worlds/provides-service", ProvidesServicePre, {
    "ordinaut:types/types": crate::bindings::ordinaut::types::types,
});
