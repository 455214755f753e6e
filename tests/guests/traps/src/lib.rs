//! Starts well and then traps in everything: any request, any tool call and a job every second. Tests put it in the
//! place of a shipped extension.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:traps;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                import ordinaut:routes/registry@0.1.0;
                import ordinaut:background/registry@0.1.0;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
                export ordinaut:background/job@0.1.0;
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::ordinaut::background::job;
use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::exports::wasi::http::incoming_handler;
use bindings::ordinaut::background::registry as background;
use bindings::ordinaut::routes::registry as routes;
use bindings::ordinaut::tools::registry as tools;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;
use bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};

struct Traps;

impl lifecycle::Guest for Traps {
    fn init() -> Result<(), Error> {
        tools::register(&Definition {
            name: "trap".into(),
            title: None,
            description: "Traps.".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            effect: Effect::Pure,
            timeout_ms: None,
        })?;
        background::register(&background::Definition {
            name: "trap".into(),
            schedule: "every 1s".into(),
            timezone: None,
            timeout_ms: None,
        })?;
        for path in ["/", "/{*rest}"] {
            routes::register(&routes::Route {
                method: "*".into(),
                path: path.into(),
                access: routes::Access::Authenticated,
                streaming: false,
                description: "Traps.".into(),
            })?;
        }
        Ok(())
    }
}

impl handler::Guest for Traps {
    fn call(_: Invocation) -> Result<String, Error> {
        panic!("a tool that traps");
    }
}

impl job::Guest for Traps {
    fn run(_: job::Occurrence) -> Result<Option<String>, Error> {
        panic!("a job that traps");
    }
}

impl incoming_handler::Guest for Traps {
    fn handle(_: IncomingRequest, _: ResponseOutparam) {
        panic!("a route that traps");
    }
}

bindings::export!(Traps with_types_in bindings);
