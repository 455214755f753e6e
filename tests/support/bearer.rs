//! A proxy on loopback that adds a bearer token, for clients that cannot send one.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode, header},
    routing::any,
};
use tokio::net::TcpListener;

/// Every request to it is a request to `target`, with a token.
pub struct BearerProxy {
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Target {
    client: reqwest::Client,
    url: String,
    token: String,
}

/// More than any message has.
const BODY_MOST: usize = 8 << 20;

impl BearerProxy {
    /// `target` is a whole URL; the path that a client asks for does not matter.
    pub async fn start(target: &str, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let target = Target {
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            url: target.to_owned(),
            token: token.to_owned(),
        };
        let router = Router::new().fallback(any(forward)).with_state(target);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the proxy runs");
        });
        Self { address, task }
    }
}

impl Drop for BearerProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes on everything, the `Host` that was asked for included: the server judges it.
async fn forward(State(target): State<Target>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MOST).await.unwrap_or_default();
    let mut headers = parts.headers;
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONNECTION);
    let sent = target
        .client
        .request(parts.method, &target.url)
        .headers(headers)
        .bearer_auth(&target.token)
        .body(body)
        .send()
        .await;
    let Ok(answer) = sent else {
        let mut failed = Response::new(Body::from("the server behind the proxy does not answer"));
        *failed.status_mut() = StatusCode::BAD_GATEWAY;
        return failed;
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        if name != header::TRANSFER_ENCODING && name != header::CONTENT_LENGTH && name != header::CONNECTION {
            response.headers_mut().append(name, value.clone());
        }
    }
    *response.body_mut() = Body::from(answer.bytes().await.unwrap_or_default());
    response
}
