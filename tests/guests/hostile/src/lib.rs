//! Misbehaves in tools and routes, in the way that the tool's or route's name says. Its `init` is honest.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:hostile;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                import ordinaut:routes/registry@0.1.0;
                import wasi:logging/logging@0.1.0-draft;
                import wasi:clocks/monotonic-clock@0.2.12;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

mod attacks;
mod routes;
mod tools;

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::ordinaut::types::types::Error;

struct Hostile;

impl lifecycle::Guest for Hostile {
    fn init() -> Result<(), Error> {
        tools::register()?;
        routes::register()
    }
}

bindings::export!(Hostile with_types_in bindings);
