//! `wasi:http/outgoing-handler`: one exchange with one server.

use crate::bindings::guest::wasi::clocks::monotonic_clock;
use crate::bindings::guest::wasi::http::outgoing_handler;
use crate::bindings::guest::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use crate::bindings::guest::wasi::io::poll::{Pollable, poll};
use crate::bindings::guest::wasi::io::streams::{OutputStream, StreamError};
use crate::http::{Error, Incoming, Kind, Outgoing};

/// How much is asked for in one read.
const READ_SIZE: u64 = 64 << 10;

pub(crate) fn http_send(request: &Outgoing) -> Result<Incoming, Error> {
    let exchange = Exchange {
        request,
        timer: monotonic_clock::subscribe_duration(nanos(request)),
    };
    exchange.run()
}

struct Exchange<'a> {
    request: &'a Outgoing,
    /// Ready when the whole exchange has taken too long.
    timer: Pollable,
}

impl Exchange<'_> {
    fn run(&self) -> Result<Incoming, Error> {
        let wasi_request = self.wasi_request()?;
        let body = wasi_request.body().map_err(|()| self.invalid("its body"))?;
        let options = RequestOptions::new();
        let nanos = nanos(self.request);
        // A host that does not know an option says so; the timer above holds anyway.
        let _ = options.set_connect_timeout(Some(nanos));
        let _ = options.set_first_byte_timeout(Some(nanos));
        let _ = options.set_between_bytes_timeout(Some(nanos));
        let future = outgoing_handler::handle(wasi_request, Some(options)).map_err(|code| self.failed(code))?;
        self.write(body)?;
        loop {
            match future.get() {
                Some(Ok(answer)) => return self.read(&answer.map_err(|code| self.failed(code))?),
                Some(Err(())) => return Err(self.broken("its answer was taken before")),
                None => self.wait(&future.subscribe())?,
            }
        }
    }

    fn wasi_request(&self) -> Result<OutgoingRequest, Error> {
        let Outgoing {
            method,
            url,
            headers,
            body,
            ..
        } = self.request;
        let fields = Fields::new();
        for (name, value) in headers.iter() {
            fields
                .append(&name.to_ascii_lowercase(), value)
                .map_err(|error| match error {
                    HeaderError::Forbidden => {
                        self.invalid(&format!("the header field `{name}`, which is set by the host,"))
                    }
                    HeaderError::InvalidSyntax | HeaderError::Immutable => {
                        self.invalid(&format!("the header field `{name}`"))
                    }
                })?;
        }
        if !body.is_empty() {
            // Refused by some hosts, which then count for themselves.
            let _ = fields.append("content-length", body.len().to_string().as_bytes());
        }
        let request = OutgoingRequest::new(fields);
        let scheme = if url.scheme() == "https" {
            Scheme::Https
        } else {
            Scheme::Http
        };
        request
            .set_method(&wasi_method(method.as_str()))
            .map_err(|()| self.invalid("its method"))?;
        request
            .set_scheme(Some(&scheme))
            .map_err(|()| self.invalid("its scheme"))?;
        request
            .set_authority(Some(url.authority()))
            .map_err(|()| self.invalid("its host"))?;
        request
            .set_path_with_query(Some(&url.path_and_query()))
            .map_err(|()| self.invalid("its path"))?;
        Ok(request)
    }

    /// Sends the body. A server may answer without reading all of it, so a stream that closes is not a failure.
    fn write(&self, body: OutgoingBody) -> Result<(), Error> {
        if !self.request.body.is_empty() {
            let stream = body.write().map_err(|()| self.broken("its body was taken before"))?;
            self.write_all(&stream)?;
        }
        // Why it could not be finished is told, better, by the answer.
        let _ = OutgoingBody::finish(body, None);
        Ok(())
    }

    fn write_all(&self, stream: &OutputStream) -> Result<(), Error> {
        let mut rest = self.request.body.as_slice();
        let room = stream.subscribe();
        while !rest.is_empty() {
            self.wait(&room)?;
            let Ok(allowed) = stream.check_write() else {
                return Ok(());
            };
            let size = rest.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
            if size > 0 && stream.write(&rest[..size]).is_err() {
                return Ok(());
            }
            rest = &rest[size..];
        }
        // Started, not awaited: the answer may come first.
        let _ = stream.flush();
        self.wait(&room)
    }

    fn read(&self, answer: &IncomingResponse) -> Result<Incoming, Error> {
        let status = answer.status();
        let headers = super::server::headers_of(&answer.headers());
        let body = answer
            .consume()
            .map_err(|()| self.broken("its body was taken before"))?;
        let stream = body.stream().map_err(|()| self.broken("its body was taken before"))?;
        let ready = stream.subscribe();
        let mut bytes = Vec::new();
        loop {
            match stream.read(READ_SIZE) {
                Ok(part) if part.is_empty() => self.wait(&ready)?,
                Ok(mut part) => bytes.append(&mut part),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(match http_error_code(&error) {
                        Some(code) => self.failed(code),
                        // Its debug text is about the host's insides.
                        None => self.broken("the connection broke while the answer was read"),
                    });
                }
            }
            if bytes.len() > self.request.max_body {
                let message = format!(
                    "{}: the answer is longer than {} bytes",
                    self.place(),
                    self.request.max_body
                );
                return Err(Error::new(Kind::TooLarge, message));
            }
        }
        Ok(Incoming {
            status,
            headers,
            body: bytes,
        })
    }

    /// Waits until something is ready, or the exchange has taken too long.
    fn wait(&self, ready: &Pollable) -> Result<(), Error> {
        if poll(&[ready, &self.timer]).contains(&0) {
            return Ok(());
        }
        let message = format!(
            "{}: no complete answer within {} ms",
            self.place(),
            self.request.timeout.as_millis()
        );
        Err(Error::new(Kind::Timeout, message))
    }

    /// What is named in errors: never the query, which may hold secrets.
    fn place(&self) -> String {
        let url = &self.request.url;
        format!(
            "{} {}://{}",
            self.request.method.as_str(),
            url.scheme(),
            url.authority()
        )
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(Kind::Invalid, format!("{}: {what} cannot be sent", self.place()))
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(Kind::Connect, format!("{}: {why}", self.place()))
    }

    fn failed(&self, code: ErrorCode) -> Error {
        let (kind, why) = explain(code);
        Error::new(kind, format!("{}: {why}", self.place()))
    }
}

fn nanos(request: &Outgoing) -> u64 {
    u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX)
}

fn wasi_method(name: &str) -> WasiMethod {
    match name {
        "GET" => WasiMethod::Get,
        "HEAD" => WasiMethod::Head,
        "POST" => WasiMethod::Post,
        "PUT" => WasiMethod::Put,
        "DELETE" => WasiMethod::Delete,
        "CONNECT" => WasiMethod::Connect,
        "OPTIONS" => WasiMethod::Options,
        "TRACE" => WasiMethod::Trace,
        "PATCH" => WasiMethod::Patch,
        other => WasiMethod::Other(other.to_owned()),
    }
}

/// What an error code means. Only `internal-error` has a place for a reason; where a host uses it for a refusal, the
/// text begins with `denied`.
fn explain(code: ErrorCode) -> (Kind, String) {
    let (kind, why) = match code {
        ErrorCode::InternalError(Some(reason)) if reason.starts_with("denied") => return (Kind::Denied, reason),
        ErrorCode::InternalError(Some(reason)) => return (Kind::Other, reason),
        ErrorCode::HttpRequestDenied => (Kind::Denied, "not granted"),
        ErrorCode::DestinationIpProhibited => (
            Kind::DeniedAddress,
            "the name leads to an address that is not reached without being named",
        ),
        ErrorCode::ConfigurationError => (Kind::Other, "the host is not set up for outbound requests"),
        ErrorCode::DnsTimeout => (Kind::Dns, "the name was not resolved in time"),
        ErrorCode::DnsError(_) => (Kind::Dns, "the name does not resolve"),
        ErrorCode::DestinationNotFound | ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            (Kind::Connect, "the server cannot be reached")
        }
        ErrorCode::ConnectionRefused => (Kind::Connect, "the connection was refused"),
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => (Kind::Connect, "the connection broke"),
        ErrorCode::ConnectionLimitReached => (Kind::Connect, "too many connections are open"),
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => (Kind::Timeout, "it took too long"),
        ErrorCode::TlsProtocolError => (Kind::Tls, "the TLS handshake failed"),
        ErrorCode::TlsCertificateError => (Kind::Tls, "the server's certificate is not trusted"),
        ErrorCode::TlsAlertReceived(_) => (Kind::Tls, "the server ended the TLS handshake"),
        ErrorCode::HttpRequestMethodInvalid => (Kind::Invalid, "the method is not allowed"),
        ErrorCode::HttpRequestUriInvalid => (Kind::Invalid, "the URL is not valid"),
        ErrorCode::HttpRequestUriTooLong => (Kind::Invalid, "the URL is too long"),
        ErrorCode::HttpRequestLengthRequired => (Kind::Invalid, "the length of the body is missing"),
        ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_) => (Kind::Invalid, "the request is larger than the host allows"),
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_) => (Kind::TooLarge, "the answer is larger than the host allows"),
        ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed
        | ErrorCode::HttpProtocolError => (Kind::Protocol, "the server does not speak HTTP as it should"),
        ErrorCode::LoopDetected => (Kind::Protocol, "the request went in a circle"),
        ErrorCode::InternalError(None) => (Kind::Other, "the host could not send the request"),
    };
    (kind, why.to_owned())
}
