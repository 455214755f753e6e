//! Bodies on their way through: counted, timed, never collected.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a request, at most `limit` bytes of it.
pub(super) struct RequestBody {
    body: WasiBody,
    limit: u64,
    left: u64,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody, limit: u64) -> Self {
        Self {
            body,
            limit,
            left: limit,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            match self.left.checked_sub(data_bytes(frame)) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.limit))))),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response: at most `limit` bytes, at most `between` without one. Holds the call's place among its
/// concurrent requests until it is read to the end or dropped.
pub(super) struct ResponseBody<B> {
    body: B,
    limit: u64,
    left: u64,
    between: Duration,
    silence: Pin<Box<Sleep>>,
    place: Option<OwnedSemaphorePermit>,
    failed: bool,
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> ResponseBody<B> {
    pub(super) fn new(body: B, limit: u64, between: Duration, place: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            limit,
            left: limit,
            between,
            silence: Box::pin(tokio::time::sleep(between)),
            place: Some(place),
            failed: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let Some(left) = self.left.checked_sub(data_bytes(&frame)) else {
                    return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(self.limit)))));
                };
                self.left = left;
                self.silence.as_mut().reset(Instant::now() + self.between);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll(cx));
        self.failed = matches!(frame, Some(Err(_)));
        if !matches!(frame, Some(Ok(_))) {
            self.place = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn data_bytes(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.remaining() as u64)
}
