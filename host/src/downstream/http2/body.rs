//! A request's body on its stream.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};

use super::head;
use super::long_blocks::LongBlocks;
use crate::deadline::{Deadline, Deadlines};
use crate::downstream::{BrokenBody, Pace, Refusal, RequestContext};

/// The body of a request in HTTP/2.
///
/// The client may send as much as its window allows, which opens again with each part that is passed on: so it is the reader of this
/// that sets the pace, and what isn't passed on stays within the window.
#[derive(Debug)]
pub struct StreamBody {
    source: BodySource,
    /// Data that came with the head, or before it was permitted.
    held: Option<Bytes>,
    /// Length of the whole body, if that is known.
    length: Option<u64>,
    data: Amount,
    /// The client waits for permission.
    expects: bool,
    /// The data has ended: trailers may follow.
    data_ended: bool,
    /// Nothing more follows.
    ended: bool,
    /// How fast the body comes, once the client has kept us waiting for it.
    waiting: Option<Box<Waiting>>,
}

/// What a body comes from.
#[derive(Debug)]
pub(super) struct BodySource {
    pub(super) stream: RecvStream,
    pub(super) context: Rc<RequestContext>,
    /// The streams of its connection whose trailers may be cut.
    pub(super) long_blocks: Rc<LongBlocks>,
    pub(super) deadlines: Deadlines,
}

/// How much of its data has come.
#[derive(Debug, Default)]
struct Amount {
    /// Bytes that came.
    received: u64,
    /// How many may come; 0 = any number.
    max: u64,
}

#[derive(Debug)]
struct Waiting {
    pace: Pace,
    /// Until when the client must have sent something.
    deadline: Deadline,
}

impl StreamBody {
    /// What follows a head with this `Content-Length`, if it has one. A client that `expects` sends when it is told to.
    pub(super) fn new(source: BodySource, length: Option<u64>, expects: bool) -> Self {
        let ended = source.stream.is_end_stream();
        let length = if ended { Some(0) } else { length };
        let mut body = Self {
            source,
            held: None,
            length,
            data: Amount::default(),
            expects,
            data_ended: false,
            ended,
            waiting: None,
        };
        if body.length.is_none() {
            body.look_for_end();
        }
        body
    }

    /// Lets no more than `max` bytes pass.
    pub(in crate::downstream) fn limit(&mut self, max: u64) {
        self.data.max = max;
    }

    /// Finds the length of a body that is whole already: many backends of HTTP/1 refuse bodies of unknown length.
    fn look_for_end(&mut self) {
        let noop = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(Some(Ok(data))) = self.source.stream.poll_data(noop) {
            if self.source.stream.is_end_stream() {
                self.length = Some(data.len() as u64);
            }
            self.held = Some(data);
            self.source.context.body_comes();
        }
    }

    /// Has what came noticed, without reading on: ready once something came, be it an end.
    pub fn poll_come(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.is_none() && !self.ended && !self.data_ended {
            match ready!(self.source.stream.poll_data(cx)) {
                Some(Ok(data)) => self.held = Some(data),
                None => self.data_ended = true,
                // It is said when the body is read.
                Some(Err(_)) => {}
            }
        }
        self.source.context.body_comes();
        Poll::Ready(())
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenBody>>> {
        if let Some(data) = self.held.take() {
            return Poll::Ready(Some(Ok(data)));
        }
        match self.source.stream.poll_data(cx) {
            Poll::Ready(data) => {
                self.stop_waiting(data.as_ref().and_then(|data| data.as_ref().ok()).map_or(0, Bytes::len));
                Poll::Ready(data.map(|data| data.map_err(|_| BrokenBody)))
            }
            Poll::Pending => {
                if self.expects && self.data.received == 0 {
                    self.source.context.permit_body();
                }
                ready!(self.poll_waiting(cx));
                Poll::Ready(Some(Err(self.refuse(Refusal::TooSlow))))
            }
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let trailers = match self.source.stream.poll_trailers(cx) {
            Poll::Ready(Ok(trailers)) => trailers,
            Poll::Ready(Err(_)) => return Poll::Ready(Some(Err(BrokenBody))),
            Poll::Pending => {
                ready!(self.poll_waiting(cx));
                return Poll::Ready(Some(Err(self.refuse(Refusal::TooSlow))));
            }
        };
        self.ended = true;
        if self.source.long_blocks.has(self.source.stream.stream_id().as_u32()) {
            return Poll::Ready(Some(Err(self.refuse(Refusal::HeadTooLarge))));
        }
        let Some(trailers) = trailers else { return Poll::Ready(None) };
        let fit = head::trailers_fit(&trailers, &self.source.context.connection().limits);
        Poll::Ready(Some(fit.map(|()| Frame::trailers(trailers)).map_err(|refusal| self.refuse(refusal))))
    }

    /// What came passes on; the client may send as much again.
    fn pass(&mut self, data: Bytes) -> Result<Frame<Bytes>, BrokenBody> {
        self.data.received += data.len() as u64;
        self.source.context.receive_body(data.len());
        if self.data.max > 0 && self.data.received > self.data.max {
            return Err(self.refuse(Refusal::BodyTooLarge));
        }
        // Fails on a stream that is over, which the next read says.
        let _ = self.source.stream.flow_control().release_capacity(data.len());
        Ok(Frame::data(data))
    }

    fn refuse(&mut self, refusal: Refusal) -> BrokenBody {
        self.source.context.refuse_body(refusal);
        self.ended = true;
        BrokenBody
    }

    /// The client keeps us waiting: ready when it has done so for too long.
    fn poll_waiting(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.source.context.converses() {
            return Poll::Pending;
        }
        let waiting = self.waiting.get_or_insert_with(|| {
            Box::new(Waiting {
                pace: Pace::default(),
                deadline: self.source.context.deadline(&self.source.deadlines),
            })
        });
        let limits = &self.source.context.connection().limits;
        let until = waiting.pace.wait(self.source.deadlines.now(), limits.body_timeout, limits.min_body_rate);
        waiting.deadline.set_at(until);
        waiting.deadline.poll(cx)
    }

    fn stop_waiting(&mut self, bytes: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.pace.count(bytes);
            waiting.pace.stop_waiting(self.source.deadlines.now());
            waiting.deadline.clear();
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = self.get_mut();
        while !this.ended && !this.data_ended {
            match ready!(this.poll_data(cx)) {
                // An empty frame says nothing, unless it is the last.
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => return Poll::Ready(Some(this.pass(data))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.data_ended = true,
            }
        }
        if this.ended { Poll::Ready(None) } else { this.poll_trailers(cx) }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.held.is_none() && self.source.stream.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, |length| {
            SizeHint::with_exact(length.saturating_sub(self.data.received))
        })
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.source.context.leave_body();
        }
    }
}
