//! A request's body on its way into a stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST,
    MAX_FORWARDS, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
};
use http_body::{Body, Frame};

use crate::downstream::BrokenBody;
use crate::upstream::RequestBody;

/// Most bytes of a frame: with its 9 bytes of head it fills one TLS record.
const FRAME: usize = 16_375;

/// A request's body on its way into a stream. Dropped before its end, it cancels the stream.
#[derive(Debug)]
pub(super) struct StreamUpload {
    stream: SendStream<Bytes>,
    body: RequestBody,
    /// What was read of the body and has no room yet.
    chunk: Bytes,
    /// Bytes that had room.
    pub(super) sent: u64,
    /// The backend takes nothing at the moment.
    pub(super) blocked: bool,
    /// All was sent, or the backend wants no more of it.
    over: bool,
}

impl StreamUpload {
    pub(super) fn new(stream: SendStream<Bytes>, body: RequestBody) -> Self {
        Self { stream, body, chunk: Bytes::new(), sent: 0, blocked: false, over: false }
    }

    /// Sends what there is and has room. The body isn't read before there is room for something of it, so that a stream which waits for the
    /// backend holds nothing.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), BrokenBody> {
        while !self.over {
            let room = self.poll_room(cx);
            self.blocked = room.is_pending();
            match room {
                Poll::Pending => return Ok(()),
                // The backend has ended the stream. Its response says how.
                Poll::Ready(None) => self.over = true,
                Poll::Ready(Some(room)) if !self.chunk.is_empty() => self.send_chunk(room),
                Poll::Ready(Some(_)) => match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Some(Ok(frame))) => self.take(frame),
                    Poll::Ready(None) => self.send(Bytes::new(), true),
                    Poll::Ready(Some(Err(broken))) => {
                        self.over = true;
                        self.stream.send_reset(Reason::CANCEL);
                        return Err(broken);
                    }
                },
            }
        }
        Ok(())
    }

    /// How much the stream takes of what is to be sent. A byte is asked for if that isn't known: what is asked for and not used is kept from
    /// others.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.stream.reserve_capacity(self.chunk.len().max(1));
        match self.stream.capacity() {
            0 => Poll::Ready(ready!(self.stream.poll_capacity(cx)).and_then(Result::ok)),
            room => Poll::Ready(Some(room)),
        }
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => self.chunk = data,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    self.send_trailers(trailers);
                }
            }
        }
    }

    fn send_chunk(&mut self, room: usize) {
        let part = self.chunk.split_to(room.min(self.chunk.len()).min(FRAME));
        self.sent += part.len() as u64;
        let is_last = self.chunk.is_empty() && self.body.is_end_stream();
        self.send(part, is_last);
    }

    fn send(&mut self, data: Bytes, is_last: bool) {
        // It fails only if the backend has ended the stream.
        self.over = self.stream.send_data(data, is_last).is_err() || is_last;
    }

    /// Sends trailers, and with them the end, without the fields that a backend acts on before the body (RFC 9110 section 6.5.1).
    fn send_trailers(&mut self, mut trailers: HeaderMap) {
        for name in [
            AUTHORIZATION,
            CACHE_CONTROL,
            CONTENT_ENCODING,
            CONTENT_LENGTH,
            CONTENT_RANGE,
            CONTENT_TYPE,
            HOST,
            MAX_FORWARDS,
            SET_COOKIE,
            TE,
            TRAILER,
            TRANSFER_ENCODING,
        ] {
            trailers.remove(name);
        }
        if trailers.is_empty() {
            return self.send(Bytes::new(), true);
        }
        let _ = self.stream.send_trailers(trailers);
        self.over = true;
    }
}
