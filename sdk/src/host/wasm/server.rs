//! `wasi:http/incoming-handler`: requests in, answers out.

use crate::bindings::guest::wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, Method as WasiMethod, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::bindings::guest::wasi::io::streams::{OutputStream, StreamError};
use crate::routes::{Body, HEAD, Headers, Method, Request, Response, ResponseBody, Sink};
use crate::{Error, warn};

/// How much is asked for in one read.
const READ_SIZE: u64 = 64 << 10;

/// How much `blocking-write-and-flush` takes at once, by its contract.
const FLUSH_SIZE: usize = 4096;

pub(crate) fn serve(request: &IncomingRequest, out: ResponseOutparam, handler: impl FnOnce(Request) -> Response) {
    let method = method_of(&request.method());
    let target = request.path_with_query().unwrap_or_else(|| "/".to_owned());
    let headers = headers_of(&request.headers());
    let body = match request.consume() {
        Ok(body) => Body::new(move |limit| read_up_to(&body, limit)),
        Err(()) => Body::bytes(Vec::new()),
    };
    let bodiless = method == HEAD;
    let asked = Request::new(method, &target, headers, body).with_authority(request.authority());
    let response = handler(asked);
    send(response, bodiless, out);
}

fn send(response: Response, bodiless: bool, out: ResponseOutparam) {
    let Response {
        status,
        mut headers,
        body,
    } = response;
    match &body {
        // A length that no body follows would make the answer malformed.
        _ if bodiless => headers.remove("content-length"),
        ResponseBody::Bytes(bytes) => headers.set("content-length", bytes.len().to_string()),
        ResponseBody::Stream(_) => {}
    }
    let entries: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
        .collect();
    let Ok(fields) = Fields::from_list(&entries) else {
        crate::error!("a header field of the answer is malformed or may not be set by an extension");
        return send(
            Response::problem(500, "internal", "the extension's answer cannot be sent"),
            bodiless,
            out,
        );
    };
    let answer = OutgoingResponse::new(fields);
    // Both fail only for a status that is none, or when called twice.
    let (Ok(()), Ok(outgoing)) = (answer.set_status_code(status), answer.body()) else {
        crate::error!("{status} is not an HTTP status");
        return send(
            Response::problem(500, "internal", "the extension's answer cannot be sent"),
            bodiless,
            out,
        );
    };
    ResponseOutparam::set(out, Ok(answer));
    if bodiless {
        let _ = OutgoingBody::finish(outgoing, None);
        return;
    }
    let Ok(stream) = outgoing.write() else { return };
    let written = match body {
        ResponseBody::Bytes(bytes) => write_all(&stream, &bytes),
        ResponseBody::Stream(producer) => producer(&mut Sink::new(&mut |bytes| write_flushed(&stream, bytes))),
    };
    drop(stream);
    match written {
        Ok(()) => {
            let _ = OutgoingBody::finish(outgoing, None);
        }
        // Not finished: the client sees that the answer is incomplete.
        Err(error) if error.is_client_gone() => {}
        Err(error) => warn!("the answer was cut short: {error}"),
    }
}

/// Writes as much at once as the host has room for, and flushes at the end.
fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), Error> {
    let room = stream.subscribe();
    while !bytes.is_empty() {
        room.block();
        let allowed = stream.check_write().map_err(gone)?;
        let size = bytes.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
        if size > 0 {
            stream.write(&bytes[..size]).map_err(gone)?;
            bytes = &bytes[size..];
        }
    }
    drop(room);
    stream.blocking_flush().map_err(gone)
}

fn write_flushed(stream: &OutputStream, bytes: &[u8]) -> Result<(), Error> {
    bytes
        .chunks(FLUSH_SIZE)
        .try_for_each(|chunk| stream.blocking_write_and_flush(chunk).map_err(gone))
}

fn gone(_: StreamError) -> Error {
    Error::client_gone()
}

pub(super) fn headers_of(fields: &Fields) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in fields.entries() {
        headers.append(name, value);
    }
    headers
}

fn method_of(method: &WasiMethod) -> Method {
    Method::new(match method {
        WasiMethod::Get => "GET",
        WasiMethod::Head => "HEAD",
        WasiMethod::Post => "POST",
        WasiMethod::Put => "PUT",
        WasiMethod::Delete => "DELETE",
        WasiMethod::Connect => "CONNECT",
        WasiMethod::Options => "OPTIONS",
        WasiMethod::Trace => "TRACE",
        WasiMethod::Patch => "PATCH",
        WasiMethod::Other(name) => name,
    })
}

/// Reads all of a body, or one byte more than `limit` of a longer one.
fn read_up_to(body: &IncomingBody, limit: usize) -> Result<Vec<u8>, Error> {
    let stream = body
        .stream()
        .map_err(|()| Error::internal("the body was read before"))?;
    let mut bytes = Vec::new();
    while bytes.len() <= limit {
        let most = (limit + 1 - bytes.len()) as u64;
        match stream.blocking_read(most.min(READ_SIZE)) {
            Ok(mut part) => bytes.append(&mut part),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => {
                return Err(Error::unavailable("the client broke off while it sent the body"));
            }
        }
    }
    Ok(bytes)
}
