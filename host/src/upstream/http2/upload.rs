//! A request's body on its way into a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::{Body, Frame};

use crate::downstream::BrokenBody;
use crate::stream::{LONGEST_PIECE, poll_room};
use crate::upstream::RequestBody;

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
            let room = poll_room(&mut self.stream, self.chunk.len(), cx);
            self.blocked = room.is_pending();
            match room {
                Poll::Pending => return Ok(()),
                // The backend has ended the stream. Its response says how.
                Poll::Ready(None | Some(Err(_))) => self.over = true,
                Poll::Ready(Some(Ok(room))) if !self.chunk.is_empty() => self.send_chunk(room),
                Poll::Ready(Some(Ok(_))) => match Pin::new(&mut self.body).poll_frame(cx) {
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
        let part = self.chunk.split_to(room.min(self.chunk.len()).min(LONGEST_PIECE));
        self.sent += part.len() as u64;
        let is_last = self.chunk.is_empty() && self.body.is_end_stream();
        self.send(part, is_last);
    }

    fn send(&mut self, data: Bytes, is_last: bool) {
        // It fails only if the backend has ended the stream.
        self.over = self.stream.send_data(data, is_last).is_err() || is_last;
    }

    /// Sends trailers, and with them the end. Of those that may not stand there, none is left.
    fn send_trailers(&mut self, trailers: HeaderMap) {
        if trailers.is_empty() {
            return self.send(Bytes::new(), true);
        }
        let _ = self.stream.send_trailers(trailers);
        self.over = true;
    }
}
