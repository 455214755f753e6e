//! Bodies of answers that know when they have been handed over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body as Inner;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::places::UnderWay;

/// A body, and the request that it answers, which is over when the body is dropped.
pub(super) struct AnswerBody {
    inner: Inner,
    _under_way: UnderWay,
}

impl AnswerBody {
    pub(super) fn new(inner: Inner, under_way: UnderWay) -> Self {
        Self {
            inner,
            _under_way: under_way,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
