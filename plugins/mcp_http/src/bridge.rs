//! Between the SDK's requests, which are whole and synchronous, and rmcp's service, which is neither.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response as HttpResponse};
use http_body_util::{BodyExt as _, Full};
use ordinaut_sdk::routes::{Request, Response};
use ordinaut_sdk::{Error, warn};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::catalog::Catalog;
use crate::door;
use crate::host::Ordinaut;
use crate::protocol::Server;
use crate::registry::Registry;
use crate::rpc::{self, INVALID_REQUEST};
use crate::settings::Settings;

/// The largest message. A task's document is far below it.
const MESSAGE_BYTES: usize = 1 << 20;

/// A request, read whole.
pub struct Incoming {
    /// The header fields.
    pub headers: HeaderMap,
    /// Host and port that were asked for.
    pub authority: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The route.
pub fn serve(request: &mut Request) -> Result<Response, Error> {
    let settings = Settings::load()?;
    let answer = match request.body_up_to(MESSAGE_BYTES) {
        Ok(body) => {
            let incoming = Incoming {
                headers: headers_of(request),
                authority: request.authority().map(str::to_owned),
                body,
            };
            exchange(incoming, Catalog::new(Arc::new(Ordinaut)), &settings)?
        }
        Err(error) if matches!(error.code(), "limit_exceeded" | "payload_too_large") => {
            let message = format!("Content Too Large: a message has at most {MESSAGE_BYTES} bytes.");
            rpc::error(413, None, INVALID_REQUEST, &message, None)
        }
        Err(error) => return Err(error),
    };
    let response = if answer.body.is_empty() {
        Response::empty(answer.status)
    } else {
        Response::bytes("application/json", answer.body).status(answer.status)
    };
    let response = door::cors(&headers_of(request), &settings)
        .into_iter()
        .fold(response, |response, (name, value)| response.header(name, &value));
    let response = response.header("cache-control", "no-store");
    Ok(answer
        .headers
        .iter()
        .fold(response, |response, (name, value)| response.header(name, value)))
}

fn headers_of(request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers().iter() {
        // The host has read them as HTTP before, so nothing is lost.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// One message in, one out.
pub fn exchange(incoming: Incoming, registry: impl Registry, settings: &Settings) -> Result<Outgoing, Error> {
    let admitted = match door::admit(&incoming, settings) {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(refusal),
    };
    if let Some(remark) = &admitted.remark {
        warn!("{remark}");
    }
    let mut request = HttpRequest::post("/")
        .body(Full::new(Bytes::from(incoming.body)))
        .map_err(Error::internal)?;
    *request.headers_mut() = admitted.headers;
    let (parts, body) = run(Arc::new(Server::new(registry)), request)?.into_parts();
    if !body.is_empty() && !is_json(&parts.headers) {
        // A refusal of the transport in plain words.
        let text = String::from_utf8_lossy(&body);
        let id = admitted.id.as_ref();
        // The door has seen the media type: what rmcp calls unsupported is a message that it cannot read.
        let status = match parts.status.as_u16() {
            415 => 400,
            status => status,
        };
        return Ok(rpc::error(status, id, INVALID_REQUEST, &text, None));
    }
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Ok(Outgoing {
        status: parts.status.as_u16(),
        headers: headers.filter(|(name, _)| name != "content-length").collect(),
        body: body.to_vec(),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Drives rmcp's service on the one thread that a component has. Nothing in it waits for anything but itself: the
/// tools are plain functions.
fn run<R: Registry>(server: Arc<Server<R>>, request: HttpRequest<Full<Bytes>>) -> Result<HttpResponse<Bytes>, Error> {
    // Origin and host were looked at by the door, which knows whose they are.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        .with_max_request_body_bytes(MESSAGE_BYTES)
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let sessions = Arc::new(NeverSessionManager::default());
    let runtime = tokio_guest::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Error::internal)?;
    runtime.block_on(async move {
        let service = StreamableHttpService::new(move || Ok(Arc::clone(&server)), sessions, config);
        let (parts, body) = service.handle(request).await.into_parts();
        let body = body.collect().await.map_err(Error::internal)?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes()))
    })
}
