//! Behaves. Tests ask it for answers while another extension misbehaves.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:healthy;
            world fixture {
                import ordinaut:tools/registry@0.1.0;
                import ordinaut:routes/registry@0.1.0;
                export ordinaut:extension/lifecycle@0.1.0;
                export ordinaut:tools/handler@0.1.0;
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::exports::ordinaut::tools::handler;
use bindings::exports::wasi::http::incoming_handler;
use bindings::ordinaut::routes::registry as routes;
use bindings::ordinaut::tools::registry as tools;
use bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use bindings::ordinaut::types::types::Error;
use bindings::wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Healthy;

impl lifecycle::Guest for Healthy {
    fn init() -> Result<(), Error> {
        tools::register(&Definition {
            name: "echo".into(),
            title: Some("Echo".into()),
            description: "Answers its arguments.".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: Some(r#"{"type":"object"}"#.into()),
            effect: Effect::Pure,
            timeout_ms: None,
        })?;
        register_route("/ping", routes::Access::Authenticated)?;
        match register_route("/open", routes::Access::Public) {
            // Public paths need a grant; without it the rest works.
            Err(error) if error.code == "denied" => Ok(()),
            other => other,
        }
    }
}

fn register_route(path: &str, access: routes::Access) -> Result<(), Error> {
    routes::register(&routes::Route {
        method: "GET".into(),
        path: path.into(),
        access,
        streaming: false,
        description: "Shows that it works.".into(),
    })
}

impl handler::Guest for Healthy {
    fn call(call: Invocation) -> Result<String, Error> {
        Ok(call.arguments)
    }
}

impl incoming_handler::Guest for Healthy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let text = if path.ends_with("/ping") { "pong" } else { "open" };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first time");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the first time");
        // A peer that has gone is not this extension's fault.
        let _ = stream.blocking_write_and_flush(text.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

bindings::export!(Healthy with_types_in bindings);
