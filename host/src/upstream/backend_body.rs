//! A backend's response body as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Error;
use super::http2::Http2Body;

/// The body of a backend's response. What sends it on doesn't know which version of HTTP it comes in.
#[derive(Debug)]
pub enum BackendBody {
    /// HTTP/1: what hyper reads.
    Http1(Incoming),
    /// HTTP/2: a stream.
    Http2(Http2Body),
}

impl Body for BackendBody {
    type Data = Bytes;
    type Error = Error;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Http1(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Error::of_hyper))),
            Self::Http2(body) => body.poll_frame(cx),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(incoming) => incoming.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(incoming) => incoming.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
