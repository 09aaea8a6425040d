//! A request's body as it comes from the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// The body of a client's request. What sends it on doesn't know which version of HTTP it comes in.
#[derive(Debug)]
pub enum ClientBody {
    /// HTTP/1: what hyper reads behind the gate.
    Http1(Incoming),
}

/// The client has broken off its body, or something of it was refused. Its context says what.
#[derive(Debug, thiserror::Error)]
#[error("the request body has broken off")]
pub struct BrokenBody;

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match self.get_mut() {
            Self::Http1(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|_| BrokenBody))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(incoming) => incoming.size_hint(),
        }
    }
}
