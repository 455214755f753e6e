//! Answers: whole ones, streams, and problems (RFC 9457).

use serde::Serialize;
use serde_json::json;

use super::{EventSink, Headers};
use crate::Error;

type Producer = Box<dyn FnOnce(&mut Sink<'_>) -> Result<(), Error>>;

pub(crate) enum ResponseBody {
    Bytes(Vec<u8>),
    Stream(Producer),
}

/// An HTTP answer.
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: ResponseBody,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: ResponseBody::Bytes(Vec::new()),
        }
    }

    /// 200 with these bytes.
    pub fn bytes(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: ResponseBody::Bytes(body.into()),
            ..Self::empty(200)
        }
        .header("content-type", content_type)
    }

    /// 200 with plain text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::bytes("text/plain; charset=utf-8", body.into())
    }

    /// 200 with HTML. What came from outside must be escaped by you.
    pub fn html(body: impl Into<String>) -> Self {
        Self::bytes("text/html; charset=utf-8", body.into())
    }

    /// 200 with JSON.
    pub fn json(body: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        Ok(Self::bytes("application/json", crate::json::write(body)?))
    }

    /// A problem. `code` is machine-readable, `detail` for a person.
    pub fn problem(status: u16, code: &str, detail: &str) -> Self {
        let body = json!({
            "type": "about:blank",
            "title": title_of(status),
            "status": status,
            "code": code,
            "detail": detail,
        });
        Self::bytes("application/problem+json", crate::json::of_value(&body)).status(status)
    }

    /// The problem for an error: the status follows from its code. A fault of the extension is logged for the
    /// operator, and the client is told nothing but that there was one.
    pub fn from_error(error: &Error) -> Self {
        let status = status_of(error.code());
        let detail = if status == 500 {
            crate::error!("{error}");
            "the extension could not serve the request; its operator finds the reason in the log"
        } else {
            error.message()
        };
        Self::problem(status, error.code(), detail)
    }

    /// 200 with a body that is produced while it is sent. Return when there is no more; every write fails once the
    /// client is gone, and `?` then ends the producer.
    pub fn stream(content_type: &str, producer: impl FnOnce(&mut Sink<'_>) -> Result<(), Error> + 'static) -> Self {
        Self {
            body: ResponseBody::Stream(Box::new(producer)),
            ..Self::empty(200)
        }
        .header("content-type", content_type)
    }

    /// 200 with server-sent events. The route must be [`super::Route::streaming`].
    pub fn sse(producer: impl FnOnce(&mut EventSink<'_, '_>) -> Result<(), Error> + 'static) -> Self {
        let stream = Self::stream("text/event-stream", move |sink| {
            let mut events = EventSink::new(sink);
            // The first bytes let proxies and clients see at once that the stream is open.
            events.comment("open")?;
            producer(&mut events)
        });
        stream
            .header("cache-control", "no-store")
            .header("x-accel-buffering", "no")
    }

    /// Sets the status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header field, in place of others of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }
}

/// Where a stream is written.
pub struct Sink<'a> {
    write: &'a mut dyn FnMut(&[u8]) -> Result<(), Error>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(write: &'a mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Self {
        Self { write }
    }

    /// Writes and flushes. Fails with an error that [`Error::is_client_gone`] recognises once the client is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        (self.write)(bytes)
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "invalid_argument" => 400,
        "denied" => 403,
        "not_found" => 404,
        "conflict" => 409,
        "payload_too_large" => 413,
        "limit_exceeded" => 429,
        "unavailable" => 503,
        "timeout" => 504,
        _ => 500,
    }
}

fn title_of(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
