//! A request's body as it comes from the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::broken_body::BrokenBody;
use super::http2::StreamBody;
use super::limited_body::LimitedBody;
use super::{Refusal, RequestContext};

/// The body of a client's request. What sends it on doesn't know which version of HTTP it comes in.
#[derive(Debug)]
pub enum ClientBody {
    /// There is none.
    Empty,
    /// HTTP/1: what hyper reads behind the gate.
    Http1(Incoming),
    /// The same, of unknown length and with a limit. Boxed, as few bodies are.
    Limited(Box<LimitedBody>),
    /// HTTP/2: what comes on its stream.
    Http2(Box<StreamBody>),
}

impl ClientBody {
    /// Lets no more than `max` bytes pass; 0 = any number.
    ///
    /// # Errors
    ///
    /// The body says that it is longer.
    pub fn limit(&mut self, max: u64, context: &Rc<RequestContext>) -> Result<(), Refusal> {
        if max == 0 {
            return Ok(());
        }
        match self.size_hint().exact() {
            Some(length) if length > max => return Err(Refusal::BodyTooLarge),
            Some(_) => {}
            None => {
                *self = match std::mem::replace(self, Self::Empty) {
                    Self::Http1(incoming) => {
                        Self::Limited(Box::new(LimitedBody::new(incoming, max, Rc::clone(context))))
                    }
                    Self::Http2(mut body) => {
                        body.limit(max);
                        Self::Http2(body)
                    }
                    other => other,
                };
            }
        }
        Ok(())
    }

    /// Has it noticed if the body comes without permission, where the gate doesn't see that.
    pub fn look_for_arrival(&mut self, cx: &mut Context<'_>) {
        if let Self::Http2(body) = self {
            let _ = body.poll_come(cx);
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Http1(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|_| BrokenBody))),
            Self::Limited(body) => Pin::new(&mut **body).poll_frame(cx),
            Self::Http2(body) => Pin::new(&mut **body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Http1(incoming) => incoming.is_end_stream(),
            Self::Limited(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Http1(incoming) => incoming.size_hint(),
            // Of those of known length the protocol sees to it.
            Self::Limited(_) => SizeHint::default(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
