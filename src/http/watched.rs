//! An answer's body that is watched while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// A body, and what is called with each piece of it. What that holds on to is let go when the body was sent or given up.
pub(super) struct Watched<F> {
    body: Body,
    piece: F,
}

impl<F: FnMut() + Send + Unpin + 'static> Watched<F> {
    /// The body, watched.
    pub(super) fn body(body: Body, piece: F) -> Body {
        Body::new(Self { body, piece })
    }
}

impl<F: FnMut() + Unpin> hyper::body::Body for Watched<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            (self.piece)();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
