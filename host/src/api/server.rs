//! Accepts connections and serves the router on them.
//!
//! A loop of our own rather than `axum::serve`, for what a server on an open port needs: a bound on connections, a
//! time within which headers must arrive, refusals that reach clients which are still sending, and a stop that finishes
//! requests but not streams without an end.

mod body;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use self::body::RequestBody;
use super::without_trailing_slash;

/// A client that does not send its headers in this time is disconnected.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 connections are asked this often whether anybody is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
const STREAMS_MAX: u32 = 128;
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// After running out of file descriptors, so that the loop does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Connections that are being served.
pub(crate) struct Connections {
    graceful: GracefulShutdown,
    abort: CancellationToken,
}

/// Serves until `stop`; nothing new is accepted then, and what is under way is in the answer.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    stop: CancellationToken,
) -> Connections {
    let connections = Connections {
        graceful: GracefulShutdown::new(),
        abort: CancellationToken::new(),
    };
    let builder = Arc::new(builder());
    let places = Arc::new(Semaphore::new(max_connections));
    while let Some((stream, place)) = next(&listener, &places, &stop).await {
        connections.begin(&builder, stream, place, router.clone());
    }
    connections
}

impl Connections {
    fn begin(
        &self,
        builder: &Arc<Builder<TokioExecutor>>,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        router: Router,
    ) {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| answer(router.clone(), request));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.graceful.watch(connection);
        let abort = self.abort.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                },
                () = abort.cancelled() => {}
            }
            drop(place);
        });
    }

    /// Closes idle connections at once, and the others when their request is answered; what is left when `patience`
    /// ends is cut off.
    pub(crate) async fn drain(self, patience: impl Future<Output = ()>) {
        tokio::select! {
            () = self.graceful.shutdown() => {}
            () = patience => tracing::debug!("closed connections that would not end"),
        }
        self.abort.cancel();
    }
}

/// The next connection, once there is a place for it; none when it is time to stop.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = accepted => accepted?,
        };
        match accepted {
            (Ok((stream, _)), place) => return Some((stream, place)),
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX);
    builder
}

async fn answer(router: Router, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if let Some(uri) = without_trailing_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    router.oneshot(RequestBody::wrap(request)).await
}
