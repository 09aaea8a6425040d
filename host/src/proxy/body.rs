//! What is sent to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::ext::ReasonPhrase;
use pointsman_core::clock::Moment;

use super::hop_by_hop;
use super::label::ERROR_HEADER;
use crate::compression::{Broken, Compressed, Encoder};
use crate::downstream::{RequestContext, RequestGuard};
use crate::upstream::{self, ExchangeBody};

/// The body of a response to a client.
#[derive(Debug)]
pub struct ResponseBody {
    // In this order: the exchange ends before the request does.
    content: Content,
    guard: RequestGuard,
}

#[derive(Debug)]
enum Content {
    Empty,
    Text(Bytes),
    Upstream(ExchangeBody),
    Compressed(Box<Compressed<ExchangeBody>>),
}

/// Gives a response of the proxy's own its status. One without a known reason has none: hyper would write `<none>` in its place.
pub(super) fn set_status<B>(response: &mut Response<B>, status: StatusCode) {
    *response.status_mut() = status;
    if status.canonical_reason().is_none() {
        response.extensions_mut().insert(ReasonPhrase::from_static(b""));
    }
}

impl ResponseBody {
    pub(super) fn empty(guard: RequestGuard) -> Self {
        Self { content: Content::Empty, guard }
    }

    pub(super) fn text(text: Bytes, guard: RequestGuard) -> Self {
        Self { content: Content::Text(text), guard }
    }

    /// A response of the proxy's own, for people to read.
    pub(super) fn plain_text(status: StatusCode, text: Bytes, guard: RequestGuard) -> Response<Self> {
        let mut response = Response::new(Self::text(text, guard));
        set_status(&mut response, status);
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }

    /// A backend's, which goes through an encoder if there is one.
    pub(super) fn upstream(body: ExchangeBody, encoder: Option<Box<Encoder>>, guard: RequestGuard) -> Self {
        let content = match encoder {
            None => Content::Upstream(body),
            Some(encoder) => Content::Compressed(Box::new(Compressed::new(body, encoder))),
        };
        Self { content, guard }
    }

    /// Length of a text of the proxy's own, whose head has none yet.
    #[must_use]
    pub fn own_length(&self) -> Option<usize> {
        match &self.content {
            Content::Text(text) => Some(text.len()),
            Content::Empty | Content::Upstream(_) | Content::Compressed(_) => None,
        }
    }

    /// Goes on with the request while the client takes nothing of the response.
    pub fn poll_upload(&mut self, cx: &mut Context<'_>) {
        match &mut self.content {
            Content::Upstream(body) => body.poll_upload(cx),
            Content::Compressed(compressed) => compressed.body.poll_upload(cx),
            Content::Empty | Content::Text(_) => {}
        }
    }

    /// From now on no more than this is read from the backend at a time.
    pub fn limit_read(&self, bytes: usize) {
        match &self.content {
            Content::Upstream(body) => body.limit_read(bytes),
            Content::Compressed(compressed) => compressed.body.limit_read(bytes),
            Content::Empty | Content::Text(_) => {}
        }
    }

    /// By when all of it must be there.
    #[must_use]
    pub fn end(&self) -> Option<Moment> {
        self.context().end()
    }

    /// What is known of its request.
    #[must_use]
    pub fn context(&self) -> &RequestContext {
        self.guard.context()
    }
}

/// What a frame means for the record of its request; and its trailers as they go to the client.
#[inline]
fn note(guard: &RequestGuard, polled: &mut Poll<Option<Result<Frame<Bytes>, upstream::Error>>>) {
    match polled {
        Poll::Ready(Some(Ok(frame))) => {
            if let Some(data) = frame.data_ref() {
                guard.context().record().bytes.body += data.len() as u64;
            } else if let Some(trailers) = frame.trailers_mut() {
                trailers.remove(&ERROR_HEADER);
                hop_by_hop::strip_trailers(trailers);
            }
        }
        Poll::Ready(Some(Err(error))) => {
            let (label, peer) = (error.label(), guard.context().connection().peer);
            // What a backend has done to it has been logged.
            if error.is_clients() {
                tracing::debug!(event = "response-broken", error = label, %peer, "response broken off: {error}");
            }
            guard.context().record().error = Some(label);
        }
        _ => {}
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = upstream::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, upstream::Error>>> {
        let this = &mut *self;
        match &mut this.content {
            Content::Empty => Poll::Ready(None),
            Content::Text(text) if text.is_empty() => Poll::Ready(None),
            Content::Text(text) => {
                this.guard.context().record().bytes.body += text.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(text)))))
            }
            Content::Upstream(body) => {
                let mut polled = Pin::new(body).poll_frame(cx);
                note(&this.guard, &mut polled);
                polled
            }
            Content::Compressed(compressed) => {
                let mut polled = compressed.poll_frame(cx).map_err(|broken| match broken {
                    Broken::Body(error) => error,
                    Broken::Encoder(error) => upstream::Error::Compression(error),
                });
                note(&this.guard, &mut polled);
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Text(text) => text.is_empty(),
            Content::Upstream(body) => body.is_end_stream(),
            Content::Compressed(compressed) => compressed.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Text(text) => SizeHint::with_exact(text.len() as u64),
            Content::Upstream(body) => body.size_hint(),
            Content::Compressed(_) => SizeHint::default(),
        }
    }
}
