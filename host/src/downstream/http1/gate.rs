//! Lets only well-formed requests through to the HTTP library.
//!
//! The gate sits between the socket and hyper. It looks at what was read in place, in hyper's own buffer: nothing is
//! copied unless a head arrives in pieces. A request that it refuses is replaced by a stand-in, which hyper parses
//! like any other; the path knows from the [queue](RequestQueue::take) what it stands for and answers in order, also behind
//! requests that are still in work.

mod preface;
mod write;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::framing::{Expected, Framing, Stop};
use super::queue::{Intake, RequestQueue};
use super::sending::Sending;
use crate::deadline::Deadlines;
use crate::downstream::pace::Pace;
use crate::downstream::{ClientConnection, Refusal};
use crate::stream::Stream;

/// What hyper sees in place of a refused request. Its method is one that no client's request passes with, so that it can't be
/// taken for one: see [`RequestQueue::take`].
const STAND_IN: &[u8] = b"CONNECT refused:0 HTTP/1.1\r\nhost: refused:0\r\nconnection: close\r\n\r\n";

/// A client's socket behind its gate.
#[derive(Debug)]
pub struct Gate {
    stream: Stream,
    connection: Rc<ClientConnection>,
    intake: Intake,
    deadlines: Deadlines,
    framing: Framing,
    /// Read but not passed: the beginning of a head, or what follows a request for another protocol.
    pending: Vec<u8>,
    /// Passed but not yet taken by hyper.
    read_ahead: Vec<u8>,
    state: State,
    /// How fast the body in progress comes in.
    body: Pace,
    sending: Sending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has passed, and what comes may turn out to be HTTP/2.
    Undecided,
    /// The connection is HTTP/2: nothing passes here.
    Http2,
    Open,
    /// Hyper gets an error in place of the rest of the body.
    BodyRefused(Refusal),
    /// Nothing passes any more, and an answer says why. Hyper gets no end of file: it would take the client for gone.
    Refused,
    /// The client has left, or has sent nothing for too long: hyper gets the end of file.
    Closed,
}

impl Gate {
    /// Puts a gate before a connection. What it admits goes to the queue. If it `detects_http2`, it says there if the connection turns out
    /// to be HTTP/2.
    pub fn new(
        stream: Stream,
        connection: Rc<ClientConnection>,
        queue: Rc<RequestQueue>,
        deadlines: Deadlines,
        detects_http2: bool,
    ) -> Self {
        Self {
            stream,
            framing: Framing::new(Arc::clone(&connection.limits)),
            connection,
            intake: Intake::new(queue),
            deadlines,
            pending: Vec::new(),
            read_ahead: Vec::new(),
            state: if detects_http2 { State::Undecided } else { State::Open },
            body: Pace::default(),
            sending: Sending::default(),
        }
    }

    /// Whether something was refused, after which nothing passes any more.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        matches!(self.state, State::Refused | State::BodyRefused(_))
    }

    /// Whether the client hasn't sent all of a request body.
    #[must_use]
    pub fn is_within_body(&self) -> bool {
        self.framing.expected() == Expected::Body
    }

    /// Takes back what has passed; the next read begins with it.
    pub fn take_back(&mut self, passed: &[u8]) {
        self.read_ahead.splice(..0, passed.iter().copied());
    }

    /// The socket.
    #[must_use]
    pub fn into_inner(self) -> Stream {
        self.stream
    }

    /// The socket and what was read from it after a request for another protocol. `None` = there was no such request, so
    /// what was read is HTTP, or the stand-in of a refused request, and must never go into a tunnel.
    #[must_use]
    pub fn into_tunnel(self) -> Option<(Stream, Vec<u8>)> {
        let is_closed_after_request =
            self.framing.expected() == Expected::Nothing && self.read_ahead.is_empty();
        is_closed_after_request.then_some((self.stream, self.pending))
    }

    /// Validates what was read. Returns how many bytes pass, how many after them are dropped, and whether the stand-in follows.
    fn validate(&mut self, input: &mut [u8]) -> (usize, usize, bool) {
        if self.state == State::Undecided && self.is_held(input) {
            return (0, 0, false);
        }
        let (intake, mut heads) = (&mut self.intake, 0);
        // The request of which this input may hold more of the body.
        let within_body = self.framing.expected() == Expected::Body;
        let before = if within_body { intake.receiving().cloned() } else { None };
        let advance = self.framing.advance(input, |head, facts, body_follows| {
            heads += head.len();
            intake.admit(head, facts, body_follows);
        });
        if within_body {
            self.body.count(advance.passed);
        }
        if let Some(context) = before.filter(|_| advance.passed > 0) {
            context.body_comes();
            context.receive_body(advance.passed.saturating_sub(heads));
        } else if advance.passed > heads
            && let Some(context) = self.intake.receiving()
        {
            context.receive_body(advance.passed - heads);
        }
        if self.framing.expected() != Expected::Body {
            self.body = Pace::default();
        }
        let refused = match advance.stop {
            Stop::End | Stop::IncompleteHead | Stop::Upgrade => false,
            Stop::RefusedRequest(refusal) => {
                self.intake.refuse(refusal, &input[advance.passed + advance.empty..]);
                self.state = State::Refused;
                true
            }
            Stop::RefusedBody(refusal) => {
                self.intake.refuse_body(refusal);
                self.state = State::BodyRefused(refusal);
                false
            }
        };
        (advance.passed, advance.empty, refused)
    }

    /// Validates the pending bytes with what has come since, and moves what passes to hyper's side.
    fn validate_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        let (passed, dropped, refused) = self.validate(&mut pending);
        self.read_ahead.extend_from_slice(&pending[..passed]);
        if refused {
            self.read_ahead.extend_from_slice(STAND_IN);
        } else if passed + dropped < pending.len() {
            self.pending = pending;
            self.pending.drain(..passed + dropped);
        }
    }

    /// The client keeps us waiting: for how long may it?
    fn start_waiting(&mut self) {
        let limits = &self.connection.limits;
        match self.framing.expected() {
            Expected::Head if !self.pending.is_empty() => {
                // Set when the head began; more of the head doesn't extend it.
            }
            Expected::Head if !self.connection.keepalive.is_idle() => {
                self.connection.keepalive.receive.clear()
            }
            Expected::Head => {} // Idle: set when the last response ended.
            Expected::Body => {
                let until = self.body.wait(self.deadlines.now(), limits.body_timeout, limits.min_body_rate);
                self.connection.keepalive.receive.set_at(until);
            }
            Expected::Nothing => self.connection.keepalive.receive.clear(),
        }
    }

    /// The client has sent something.
    fn stop_waiting(&mut self) {
        self.body.stop_waiting(self.deadlines.now());
        self.connection.keepalive.receive.clear();
    }

    /// Nothing is held any more. A client that has sent nothing but empty lines is as idle as it was.
    fn nothing_pending(&self) {
        if self.connection.keepalive.is_idle() {
            self.connection.keepalive.stay_warm();
        } else {
            self.connection.keepalive.receive.clear();
        }
    }

    /// Whether the client is between two requests and has time left to wait for the next.
    fn may_stay_idle(&self) -> bool {
        self.framing.expected() == Expected::Head
            && self.pending.is_empty()
            && self.connection.keepalive.may_stay_idle(self.deadlines.now())
    }

    /// Releases what serves requests, until there is one again.
    fn park(&mut self) {
        (self.pending, self.read_ahead) = (Vec::new(), Vec::new());
        self.intake.park();
        self.connection.keepalive.park();
    }

    /// The client has kept us waiting for too long.
    fn give_up(&mut self) {
        match self.framing.expected() {
            Expected::Head if self.pending.is_empty() => self.state = State::Closed,
            Expected::Head => {
                self.intake.refuse(Refusal::TooSlow, &self.pending);
                self.pending.clear();
                self.read_ahead.extend_from_slice(STAND_IN);
                self.state = State::Refused;
            }
            Expected::Body => {
                self.intake.refuse_body(Refusal::TooSlow);
                self.state = State::BodyRefused(Refusal::TooSlow);
            }
            Expected::Nothing => {}
        }
    }
}

impl Gate {
    /// Whether the client has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&mut self) -> bool {
        self.stream.has_unread()
    }

    /// Tells a client that has nothing to wait for that the connection ends. Only TLS has words for it.
    pub fn take_leave(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.try_close();
        }
    }

    /// Whether the client has to be told that the connection ends, lest it takes its response for cut off: over TLS, and unless it
    /// is cut off.
    #[must_use]
    pub fn owes_farewell(&self) -> bool {
        matches!(self.stream, Stream::Tls(_)) && self.sending.is_over
    }

    /// While the connection is parked: ready when the client sends something or leaves, or its time is over. `false` = it is over.
    pub fn poll_unparked(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.read_ahead.is_empty() || self.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.connection.keepalive.receive.poll(cx).map(|()| false)
    }
}

impl Gate {
    /// Reads into hyper's buffer, while nothing is held. `None` = nothing for hyper yet.
    fn poll_read_direct(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<()>>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let end = buf.filled().len();
        if start == end {
            return Poll::Ready(Ok(Some(())));
        }
        self.stop_waiting();
        self.connection.reports.count().received_bytes.add((end - start) as u64);
        let (passed, dropped, refused) = self.validate(&mut buf.filled_mut()[start..]);
        if start + passed == end {
            return Poll::Ready(Ok(Some(())));
        }
        if refused {
            self.read_ahead.extend_from_slice(STAND_IN);
        } else if matches!(self.state, State::Open | State::Undecided | State::Http2) {
            self.pending.extend_from_slice(&buf.filled()[start + passed + dropped..]);
            if self.pending.is_empty() {
                self.nothing_pending();
            } else if self.framing.expected() == Expected::Head {
                self.intake.begin_head(self.deadlines.clock().now());
                self.connection.keepalive.receive.set(self.connection.limits.header_timeout);
            }
        }
        buf.set_filled(start + passed);
        Poll::Ready(Ok((passed > 0).then_some(())))
    }

    /// Reads more of what is held. `None` = nothing for hyper yet.
    fn poll_read_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<()>>> {
        let mut space = [0; 4096];
        let mut more = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
        if more.filled().is_empty() {
            // The client left in the middle of a head.
            self.state = State::Closed;
            return Poll::Ready(Ok(Some(())));
        }
        self.connection.reports.count().received_bytes.add(more.filled().len() as u64);
        self.pending.extend_from_slice(more.filled());
        self.validate_pending();
        if self.pending.is_empty() {
            self.nothing_pending();
        }
        Poll::Ready(Ok(None))
    }

    /// Holds what comes before it is known what it means. Ready when the client has left instead of waiting for that.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.pending.len() < self.connection.limits.max_header_bytes {
            let mut space = [0; 4096];
            let mut more = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
            if more.filled().is_empty() {
                self.state = State::Closed;
                return Poll::Ready(Ok(()));
            }
            self.connection.reports.count().received_bytes.add(more.filled().len() as u64);
            self.pending.extend_from_slice(more.filled());
        }
        Poll::Pending
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.read_ahead.is_empty() {
                let step = this.read_ahead.len().min(buf.remaining());
                buf.put_slice(&this.read_ahead[..step]);
                this.read_ahead.drain(..step);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Open | State::Undecided => {}
                State::BodyRefused(refusal) => {
                    this.state = State::Refused;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
                }
                State::Refused | State::Http2 => return Poll::Pending,
                State::Closed => return Poll::Ready(Ok(())),
            }
            if this.framing.expected() == Expected::Nothing {
                if !this.intake.upgrade_declined(cx.waker()) {
                    return this.poll_gone(cx);
                }
                this.framing.stay_with_http();
                this.validate_pending();
                continue;
            }
            let read = if this.pending.is_empty() {
                this.poll_read_direct(cx, buf)
            } else {
                this.poll_read_pending(cx)
            };
            match read {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(()))) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.start_waiting();
                    ready!(this.connection.keepalive.receive.poll(cx));
                    if !this.may_stay_idle() {
                        this.give_up();
                    } else if this.sending.is_waiting() {
                        // Hyper hasn't sent everything yet.
                        this.connection.keepalive.stay_warm();
                    } else {
                        this.park();
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
