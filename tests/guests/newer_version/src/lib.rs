//! Needs a version of the tools interface that no host offers yet.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:newer-version;
            world fixture {
                import ordinaut:tools/registry@0.9.0;
                export ordinaut:extension/lifecycle@0.1.0;
            }
        ",
        path: ["../../../wit", "wit"],
        generate_all,
    });
}

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::ordinaut::tools0_9_0::registry;
use bindings::ordinaut::types::types::Error;

struct Fixture;

impl lifecycle::Guest for Fixture {
    fn init() -> Result<(), Error> {
        registry::register(r#"{"name":"from_the_future"}"#).map_err(|message| Error {
            code: "internal".into(),
            message,
            retryable: false,
            details: None,
        })
    }
}

bindings::export!(Fixture with_types_in bindings);
