//! What went wrong with a request, in the words of `wasi:http`.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

use super::connector::ConnectError;
use super::policy::Denial;

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Failure {
    /// The operator's grant does not cover it.
    Denied(Box<Denial>),
    /// It was tried, or could not be.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The error code of a failed connection, other than a prohibited address.
pub(super) fn of_connect(error: &ConnectError) -> Error {
    match error {
        ConnectError::Target(_) => Error::HttpRequestUriInvalid,
        ConnectError::Resolve { .. } | ConnectError::NoAddress { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        ConnectError::Prohibited { .. } => Error::DestinationIpProhibited,
        ConnectError::Connect { source, .. } => of_io(source),
        ConnectError::Timeout(_) => Error::ConnectionTimeout,
    }
}

/// The error code of a request that the client could not finish.
pub(super) fn of_client(error: &legacy::Error) -> Error {
    if let Some(connect) = cause::<ConnectError>(error) {
        return of_connect(connect);
    }
    if let Some(hyper) = cause::<hyper::Error>(error) {
        return of_hyper(hyper);
    }
    // The TCP connection stood, so a failure to connect is one of TLS, and `hyper-rustls` wraps it in an I/O error.
    match cause::<io::Error>(error) {
        Some(tls) if error.is_connect() && tls.to_string().starts_with("invalid peer certificate") => {
            Error::TlsCertificateError
        }
        Some(tls) if error.is_connect() && tls.kind() == io::ErrorKind::Other => Error::TlsProtocolError,
        Some(io) => of_io(io),
        None => Error::HttpProtocolError,
    }
}

/// The error code of a connection that broke.
pub(super) fn of_hyper(error: &hyper::Error) -> Error {
    // A request body that was refused by its own limit comes back as the cause.
    if let Some(Error::HttpRequestBodySize(limit)) = cause::<Error>(error) {
        return Error::HttpRequestBodySize(*limit);
    }
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_parse() {
        Error::HttpProtocolError
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_closed() || error.is_canceled() || error.is_body_write_aborted() {
        Error::ConnectionTerminated
    } else if let Some(io) = cause::<io::Error>(error) {
        of_io(io)
    } else {
        Error::HttpProtocolError
    }
}

fn of_io(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            Error::DestinationUnavailable
        }
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::ConnectionTerminated,
    }
}

/// The first error of type `E` among an error and its causes.
pub(super) fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        current = error.source();
    }
    None
}
