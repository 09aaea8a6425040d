//! What is sent to the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::failure::ERROR_HEADER;
use super::hop_by_hop;
use crate::downstream::Client;
use crate::upstream::{self, ExchangeBody};

/// A request for as long as it, or its response, is in work.
#[derive(Debug)]
pub(super) struct RequestInWork {
    client: Rc<Client>,
}

impl RequestInWork {
    pub(super) fn new(client: &Rc<Client>) -> Self {
        Self { client: Rc::clone(client) }
    }
}

impl Drop for RequestInWork {
    fn drop(&mut self) {
        self.client.end_request();
    }
}

/// The body of a response to a client.
#[derive(Debug)]
pub struct ResponseBody {
    // In this order: the exchange ends before the request does.
    content: Content,
    _in_work: RequestInWork,
}

#[derive(Debug)]
enum Content {
    Empty,
    Text(Bytes),
    Upstream(ExchangeBody),
}

impl ResponseBody {
    pub(super) fn empty(in_work: RequestInWork) -> Self {
        Self { content: Content::Empty, _in_work: in_work }
    }

    pub(super) fn text(text: Bytes, in_work: RequestInWork) -> Self {
        Self { content: Content::Text(text), _in_work: in_work }
    }

    pub(super) fn upstream(body: ExchangeBody, in_work: RequestInWork) -> Self {
        Self { content: Content::Upstream(body), _in_work: in_work }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = upstream::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, upstream::Error>>> {
        match &mut self.content {
            Content::Empty => Poll::Ready(None),
            Content::Text(text) if text.is_empty() => Poll::Ready(None),
            Content::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Content::Upstream(body) => {
                let mut polled = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Ok(frame))) = &mut polled
                    && let Some(trailers) = frame.trailers_mut()
                {
                    trailers.remove(&ERROR_HEADER);
                    hop_by_hop::strip_trailers(trailers);
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Text(text) => text.is_empty(),
            Content::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Text(text) => SizeHint::with_exact(text.len() as u64),
            Content::Upstream(body) => body.size_hint(),
        }
    }
}
