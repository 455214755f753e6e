//! The routes.

use std::time::Duration;

use crate::Hostile;
use crate::attacks;
use crate::bindings::exports::wasi::http::incoming_handler;
use crate::bindings::ordinaut::routes::registry::{self, Access, Route};
use crate::bindings::ordinaut::types::types::Error;
use crate::bindings::wasi::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam, StatusCode,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

const HUGE_BYTES: u64 = 1 << 30;
const MANY_HEADERS: usize = 40_000;
/// `blocking-write-and-flush` takes no more at once.
const CHUNK_BYTES: usize = 4096;

const ROUTES: [&str; 10] = [
    "/loop",
    "/memory",
    "/recurse",
    "/panic",
    "/huge",
    "/endless",
    "/headers",
    "/sleep",
    "/silent",
    "/late_panic",
];

pub fn register() -> Result<(), Error> {
    for path in ROUTES {
        registry::register(&Route {
            method: "*".into(),
            path: path.into(),
            access: Access::Authenticated,
            streaming: false,
            description: "Misbehaves.".into(),
        })?;
    }
    Ok(())
}

impl incoming_handler::Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let route = path
            .split('?')
            .next()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        match route {
            "loop" => attacks::spin(),
            "memory" => attacks::take_memory(),
            "recurse" => {
                let text = attacks::recurse().to_string();
                answer(out, 200, |stream| write(stream, text.as_bytes()));
            }
            "panic" => panic!("the hostile route panicked on purpose"),
            "huge" => answer(out, 200, write_huge),
            "endless" => answer(out, 200, |stream| {
                loop {
                    write(stream, b".")?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }),
            "headers" => with_many_headers(out),
            "sleep" => attacks::sleep(),
            // Returns without an answer.
            "silent" => {}
            "late_panic" => answer(out, 200, |stream| {
                write(stream, b"so far all is well")?;
                panic!("the hostile route panicked in the middle of its answer")
            }),
            _ => answer(out, 404, |_| Ok(())),
        }
    }
}

fn write_huge(stream: &OutputStream) -> Result<(), StreamError> {
    let chunk = [b'x'; CHUNK_BYTES];
    (0..HUGE_BYTES / CHUNK_BYTES as u64).try_for_each(|_| stream.blocking_write_and_flush(&chunk))
}

fn with_many_headers(out: ResponseOutparam) {
    let fields = Fields::new();
    for number in 0..MANY_HEADERS {
        let name = format!("x-header-{number}");
        fields.append(&name, b"value").expect("the host takes every header");
    }
    ResponseOutparam::set(out, Ok(OutgoingResponse::new(fields)));
}

fn answer(out: ResponseOutparam, status: StatusCode, body: impl FnOnce(&OutputStream) -> Result<(), StreamError>) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a valid status");
    let outgoing = response.body().expect("the first time");
    ResponseOutparam::set(out, Ok(response));
    let stream = outgoing.write().expect("the first time");
    let written = body(&stream);
    drop(stream);
    if written.is_ok() {
        // A peer that has gone is not what this fixture is about.
        let _ = OutgoingBody::finish(outgoing, None);
    }
}

fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    bytes
        .chunks(CHUNK_BYTES)
        .try_for_each(|chunk| stream.blocking_write_and_flush(chunk))
}
