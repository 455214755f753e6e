//! Answers HTTP as any `wasi:http` component does, and knows nothing of Ordinaut: no lifecycle, nothing registered.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:init;
            world fixture {
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::wasi::http::incoming_handler;
use bindings::wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Fixture;

impl incoming_handler::Guest for Fixture {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first time");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the first time");
        let _ = stream.blocking_write_and_flush(b"hello from plain wasi:http");
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

bindings::export!(Fixture with_types_in bindings);
