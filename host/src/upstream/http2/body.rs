//! The body of a response over HTTP/2.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};

use super::failure;
use super::head::HeadRoom;
use crate::downstream::http2::LongBlocks;
use crate::upstream::Error;

/// The body of a response over HTTP/2. Dropped early, it cancels its stream.
#[derive(Debug)]
pub struct Http2Body {
    stream: RecvStream,
    /// Bytes to come, if the backend has said how many. `h2` sees to it that they do.
    left: Option<u64>,
    /// The response has no content, whatever the backend sends (RFC 9110 section 6.4.1).
    has_none: bool,
    /// All of it was read, trailers included.
    over: bool,
    /// How large its trailers may be.
    room: HeadRoom,
    /// The streams of its connection whose trailers may be cut.
    long_blocks: Rc<LongBlocks>,
}

impl Http2Body {
    /// The response to a request of this method, with its body.
    pub(super) fn of(
        response: Response<RecvStream>,
        method: &Method,
        room: HeadRoom,
        long_blocks: Rc<LongBlocks>,
    ) -> Response<Self> {
        let has_none = *method == Method::HEAD
            || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let length = response.headers().get(CONTENT_LENGTH).filter(|_| !has_none);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|stream| Self { stream, left, has_none, over: false, room, long_blocks })
    }

    /// The backend's direction of the tunnel that the stream has become.
    pub(in crate::upstream) fn into_stream(self) -> RecvStream {
        self.stream
    }

    /// The next part of it.
    pub(in crate::upstream) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while !self.over {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(_)) if self.has_none => self.over = true,
                Some(Ok(data)) => {
                    // Who takes it has room for it: what a client doesn't take isn't asked for.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(failure::of_body(error)))),
                None => return self.poll_trailers(cx),
            }
        }
        Poll::Ready(None)
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let trailers: Option<HeaderMap> = match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers,
            Err(error) => return Poll::Ready(Some(Err(failure::of_body(error)))),
        };
        if self.long_blocks.has(self.stream.stream_id().as_u32()) {
            return Poll::Ready(Some(Err(Error::LargeHead)));
        }
        let Some(trailers) = trailers else {
            self.over = true;
            return Poll::Ready(None);
        };
        if let Err(error) = self.room.check(&trailers) {
            return Poll::Ready(Some(Err(error)));
        }
        self.over = true;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    /// Whether nothing more comes.
    pub(in crate::upstream) fn is_end_stream(&self) -> bool {
        self.over || self.stream.is_end_stream()
    }

    /// How much is to come.
    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
