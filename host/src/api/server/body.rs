//! Request bodies whose rest is read and thrown away when nobody wants it any more.
//!
//! A request is often refused before its body was read: no token, no such route, too large. Closing a socket with
//! unread bytes in it makes the kernel reset the connection, and a reset can overtake the answer, so that the client
//! sees a broken connection instead of the reason. The rest is therefore read on for a while, beside the answer that is
//! being written (RFC 9112 §9.6).

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{runtime::Handle, time::timeout};

/// Beyond this the client is cut off: it would cost less to send the request again than to read on.
const REST_BYTES_MAX: usize = 8 * 1024 * 1024;
const REST_WITHIN: Duration = Duration::from_secs(2);

/// A body that leaves no unread bytes behind, within bounds.
pub(super) struct RequestBody {
    /// None once it has been read to its end.
    left: Option<Incoming>,
    /// Whether the rest is read when this is dropped.
    discards: bool,
    /// The client sends nothing before it is told to, which asking for the first bytes does.
    awaits_continue: bool,
    /// Bodies are dropped on threads of other runtimes too, or of none.
    runtime: Handle,
}

impl RequestBody {
    /// The request with its body wrapped. To be called on the runtime that serves the connection.
    pub(super) fn wrap(request: Request<Incoming>) -> Request<Self> {
        // Streams of HTTP/2 are ended one by one, with an error code that means no harm (RFC 9113 §8.1).
        let discards = request.version() < Version::HTTP_2;
        let awaits_continue = request.headers().contains_key(header::EXPECT);
        request.map(|body| Self {
            left: Some(body),
            discards,
            awaits_continue,
            runtime: Handle::current(),
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        self.awaits_continue = false;
        let Some(body) = self.left.as_mut() else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.left = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.left.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.discards || self.awaits_continue || self.is_end_stream() {
            return;
        }
        if let Some(rest) = self.left.take() {
            self.runtime.spawn(timeout(REST_WITHIN, discard(rest)));
        }
    }
}

/// Reads on to the end, an error or the bound.
async fn discard(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > REST_BYTES_MAX {
            tracing::debug!("a client that sent too much was cut off");
            return;
        }
    }
}
