use std::{io, net::SocketAddr};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

use super::*;

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_hours(1);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Connections>,
    /// `/slow` answers when there is a permit in it.
    release: Arc<Semaphore>,
    /// Gets a permit when `/slow` is reached.
    reached: Arc<Semaphore>,
}

impl Server {
    async fn start(places: usize, idle_max: Duration) -> Self {
        let (release, reached) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (wait, tell) = (release.clone(), reached.clone());
        let slow = move || async move {
            tell.add_permits(1);
            wait.acquire().await.unwrap().forget();
            "done"
        };
        let router = Router::new().route("/", get(async || "here")).route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve_within(
            listener,
            router,
            Places::new(places),
            idle_max,
            stop.clone(),
        ));
        Self {
            address,
            stop,
            task,
            release,
            reached,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which `/slow` is being answered.
    async fn busy(&self) -> TcpStream {
        let mut socket = self.connect().await;
        send(&mut socket, "/slow").await;
        self.reached.acquire().await.unwrap().forget();
        socket
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().drain(std::future::pending()).await;
    }
}

async fn send(socket: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
}

/// Everything until the server closes; nothing when it closed without an answer.
async fn rest(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match timeout(PATIENCE, socket.read_to_end(&mut text))
        .await
        .expect("the server closes")
    {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(text).unwrap()
}

/// One answer, after which the connection stays open.
async fn answer_on(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("here") && !text.ends_with("done") {
        let mut chunk = [0; 1024];
        let read = timeout(PATIENCE, socket.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    text
}

#[tokio::test]
async fn a_thousand_idle_sockets_lock_nobody_out() {
    let _ = descriptors::for_connections(4_096);
    let server = Server::start(1_024, NEVER).await;
    let mut working = server.busy().await;
    let mut idle = Vec::new();
    for _ in 0..1_100 {
        idle.push(server.connect().await);
    }
    for _ in 0..20 {
        let mut client = server.connect().await;
        send(&mut client, "/").await;
        assert!(answer_on(&mut client).await.starts_with("HTTP/1.1 200 "));
    }
    // Who came first had to go, and work was not broken off.
    assert_eq!(rest(&mut idle[0]).await, "");
    server.release.add_permits(1);
    assert!(answer_on(&mut working).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn who_sends_nothing_or_half_a_header_is_disconnected_and_who_waits_for_an_answer_is_not() {
    let server = Server::start(8, Duration::from_millis(100)).await;
    let mut working = server.busy().await;
    let mut silent = server.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    for half in ["G", "GET / HTTP/1.1\r\nhost: t"] {
        let mut socket = server.connect().await;
        socket.write_all(half.as_bytes()).await.unwrap();
        assert!(!rest(&mut socket).await.contains("200"), "{half}");
    }
    server.release.add_permits(1);
    assert!(answer_on(&mut working).await.ends_with("done"));
    // The time begins anew with the answer.
    assert_eq!(rest(&mut working).await, "");
    server.stop().await;
}

#[tokio::test]
async fn when_all_places_have_work_a_newcomer_is_told_at_once_and_gets_in_afterwards() {
    let server = Server::start(1, NEVER).await;
    let mut working = server.busy().await;
    let mut refused = server.connect().await;
    assert_eq!(rest(&mut refused).await, "");
    server.release.add_permits(1);
    assert!(answer_on(&mut working).await.ends_with("done"));

    // The place is given up when the answer was handed over, which is a moment before or after it was read.
    let admitted = timeout(PATIENCE, async {
        loop {
            let mut next = server.connect().await;
            let _ = next
                .write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
                .await;
            if rest(&mut next).await.ends_with("here") {
                return;
            }
        }
    });
    admitted.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_finishes_work() {
    let server = Server::start(8, NEVER).await;
    let mut idle = server.connect().await;
    let mut working = server.busy().await;
    let release = server.release.clone();
    let stopping = tokio::spawn(server.stop());
    assert_eq!(rest(&mut idle).await, "");
    release.add_permits(1);
    assert!(rest(&mut working).await.ends_with("done"));
    stopping.await.unwrap();
}
