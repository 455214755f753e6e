//! Registers a tool, then says that it cannot start: the tool must not appear anywhere.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:init;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::ordinaut::tools::registry;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;

struct Fixture;

impl lifecycle::Guest for Fixture {
    fn init() -> Result<(), Error> {
        registry::register(&Definition {
            name: "never_offered".into(),
            title: None,
            description: "Registered before init failed.".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            effect: Effect::Pure,
            timeout_ms: None,
        })?;
        Err(Error {
            code: "not_configured".into(),
            message: "the fixture cannot start on purpose".into(),
            retryable: false,
            details: None,
        })
    }
}

impl handler::Guest for Fixture {
    fn call(_: Invocation) -> Result<String, Error> {
        Ok("{}".into())
    }
}

bindings::export!(Fixture with_types_in bindings);
