//! A server on loopback that pipelines may call.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::any};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Answers every request with what it was asked, and counts.
pub struct EchoServer {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl EchoServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(any(echo)).with_state(Arc::clone(&requests));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the echo server runs");
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo(State(requests): State<Arc<AtomicUsize>>, headers: HeaderMap, body: String) -> Json<Value> {
    let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    Json(json!({ "number": number, "body": body, "idempotency_key": key }))
}
