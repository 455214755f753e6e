//! Accepts connections and serves the router on them.
//!
//! A loop of our own rather than `axum::serve`, for what a server on an open port needs: a bound on connections that
//! shuts nobody out, a time within which requests must begin, refusals that reach clients which are still sending, and
//! a stop that finishes requests but not streams without an end.

mod answer;
mod body;
mod descriptors;
mod places;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, fmt::Display, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use self::{
    answer::AnswerBody,
    body::RequestBody,
    places::{Ledger, Place, Places},
};
use super::{peer::Peer, without_trailing_slash};

/// A client that sends no whole header in this time, counted from the beginning or from the answer before, is
/// disconnected.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How long it may take to say goodbye to an idle client.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);
/// HTTP/2 connections are asked this often whether anybody is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
const STREAMS_MAX: u32 = 128;
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// After running out of file descriptors, so that the loop does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Connections that are being served.
pub(crate) struct Connections {
    tasks: TaskTracker,
    signals: Signals,
}

/// What all connections listen to.
#[derive(Clone)]
struct Signals {
    /// Finish what is under way and close.
    drain: CancellationToken,
    /// Close.
    abort: CancellationToken,
    idle_max: Duration,
}

/// Serves until `stop`; nothing new is accepted then, and what is under way is in the answer.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    stop: CancellationToken,
) -> Connections {
    let places = Places::new(descriptors::for_connections(max_connections));
    serve_within(listener, router, places, IDLE_MAX, stop).await
}

async fn serve_within(
    listener: TcpListener,
    router: Router,
    places: Arc<Places>,
    idle_max: Duration,
    stop: CancellationToken,
) -> Connections {
    let connections = Connections {
        tasks: TaskTracker::new(),
        signals: Signals {
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            idle_max,
        },
    };
    let builder = builder(idle_max);
    while let Some((stream, peer)) = next(&listener, &places, &stop).await {
        match places.take() {
            Some(place) => connections.begin(&builder, stream, peer, place, router.clone()),
            // Closed at once: waiting would look to the client as if nobody were there.
            None => {
                tracing::warn!("a connection was refused: all places are taken by requests (`server.max_connections`)");
            }
        }
    }
    connections
}

impl Connections {
    fn begin(&self, builder: &Builder<TokioExecutor>, stream: TcpStream, peer: Peer, place: Place, router: Router) {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let ledger = place.ledger();
        let service = service_fn(move |request| answer(router.clone(), request, peer, ledger.clone()));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        self.tasks.spawn(attend(connection, place, self.signals.clone()));
    }

    /// Closes idle connections at once, and the others when their request is answered; what is left when `patience`
    /// ends is cut off.
    pub(crate) async fn drain(self, patience: impl Future<Output = ()>) {
        self.signals.drain.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = patience => tracing::debug!("closed connections that would not end"),
        }
        self.signals.abort.cancel();
    }
}

/// Drives a connection until it ends, loses its place, or has been idle for too long.
async fn attend(connection: impl GracefulConnection<Error: Display>, place: Place, signals: Signals) {
    let mut connection = pin!(connection);
    let (mut leaving, mut idle_max) = (false, signals.idle_max);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = signals.abort.cancelled() => return,
            () = place.lost() => {
                tracing::debug!("an idle connection made room for another");
                return;
            }
            () = signals.drain.cancelled(), if !leaving => {}
            () = place.idle_for(idle_max) => if leaving {
                return;
            }
        }
        connection.as_mut().graceful_shutdown();
        leaving = true;
        idle_max = signals.idle_max + FAREWELL_WITHIN;
    }
}

/// The next connection; none when it is time to stop.
async fn next(listener: &TcpListener, places: &Places, stop: &CancellationToken) -> Option<(TcpStream, Peer)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => return Some((stream, Peer(address))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Most probably there are no descriptors left.
                places.shed();
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn builder(idle_max: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(idle_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX);
    builder
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: Peer,
    ledger: Ledger,
) -> Result<Response<AnswerBody>, Infallible> {
    let under_way = ledger.begin();
    request.extensions_mut().insert(peer);
    if let Some(uri) = without_trailing_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    let response = router.oneshot(RequestBody::wrap(request)).await?;
    Ok(response.map(|body| AnswerBody::new(body, under_way)))
}
