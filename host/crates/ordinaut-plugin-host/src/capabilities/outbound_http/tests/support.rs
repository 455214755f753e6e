//! Servers, resolvers and extensions for the stories.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::capabilities::outbound_http::connector::Resolve;
use crate::capabilities::outbound_http::{
    DenialLog, EgressClient, EgressHooks, EgressLimits, EgressPolicy, OutboundRule,
};

/// A resolver that knows some names, and counts how often it is asked.
#[derive(Default)]
pub(super) struct Names {
    known: Vec<(&'static str, Vec<Vec<IpAddr>>)>,
    pub(super) asked: AtomicUsize,
}

impl Names {
    /// Each answer is given once, the last one for ever.
    pub(super) fn know(mut self, name: &'static str, answers: &[&[&str]]) -> Self {
        let answers = answers
            .iter()
            .map(|answer| {
                answer
                    .iter()
                    .map(|address| address.parse().expect("an address"))
                    .collect()
            })
            .collect();
        self.known.push((name, answers));
        self
    }
}

impl Resolve for Names {
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.known.iter().find(|(known, _)| *known == name).map(|(_, answers)| {
            let turn = turn.min(answers.len() - 1);
            answers[turn].clone()
        });
        Box::pin(std::future::ready(
            answer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)),
        ))
    }
}

/// A resolver that never answers.
pub(super) struct Silence;

impl Resolve for Silence {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// An HTTP/1.1 server that gives the same bytes for every request and remembers what it got.
pub(super) struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let server = Self {
            address,
            heads: Arc::clone(&heads),
            connections: Arc::clone(&connections),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&heads)));
            }
        });
        server
    }

    pub(super) async fn saying_hello() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

/// Answers every head that arrives; bodies are read as far as they come along.
async fn serve(mut stream: TcpStream, answer: Arc<Vec<u8>>, heads: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    let mut pending = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&pending[..end]).to_lowercase();
            pending.drain(..end + 4);
            heads.lock().expect("not poisoned").push(head);
            stream.write_all(&answer).await?;
        }
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            read => pending.extend_from_slice(&chunk[..read]),
        }
    }
}

pub(super) struct Extension {
    policy: Arc<EgressPolicy>,
    client: Arc<EgressClient>,
    pub(super) log: Arc<DenialLog>,
}

impl Extension {
    pub(super) fn granted(rules: &str) -> Self {
        Self::with(rules, EgressLimits::default(), Names::default())
    }

    pub(super) fn with(rules: &str, limits: EgressLimits, resolver: impl Resolve) -> Self {
        Self::sharing(rules, limits, Arc::new(resolver))
    }

    pub(super) fn sharing(rules: &str, limits: EgressLimits, resolver: Arc<dyn Resolve>) -> Self {
        #[derive(serde::Deserialize)]
        struct Rules {
            rules: Vec<OutboundRule>,
        }
        let rules: Rules = toml::from_str(&format!("rules = [{rules}]")).expect("valid rules");
        Self {
            policy: Arc::new(EgressPolicy::new("probe", rules.rules)),
            client: Arc::new(EgressClient::with_resolver(limits, resolver)),
            log: Arc::new(DenialLog::new()),
        }
    }

    pub(super) fn call(&self) -> EgressHooks {
        EgressHooks::new(
            Arc::clone(&self.policy),
            Arc::clone(&self.client),
            Arc::clone(&self.log),
        )
    }

    pub(super) async fn get(&self, uri: &str) -> Result<(StatusCode, Bytes), String> {
        fetch(&mut self.call(), request("GET", uri, ""))
            .await
            .map_err(|error| format!("{error:?}"))
    }
}

pub(super) fn request(method: &str, uri: &str, body: &'static str) -> Request<WasiBody> {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(
            Full::new(Bytes::from_static(body.as_bytes()))
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .expect("a request")
}

pub(super) async fn send(hooks: &mut EgressHooks, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    send_with(hooks, request, None).await
}

pub(super) async fn send_with(
    hooks: &mut EgressHooks,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let sent = hooks.send_request(request, options, Box::new(std::future::ready(Ok(()))));
    Pin::from(sent).await.map(|(response, _)| response)
}

pub(super) async fn fetch(hooks: &mut EgressHooks, request: Request<WasiBody>) -> Result<(StatusCode, Bytes), Error> {
    let response = send(hooks, request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, String>) -> String {
    result.expect_err("refused")
}
