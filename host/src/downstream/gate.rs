//! Lets only well-formed requests through to the HTTP library.
//!
//! The gate sits between the socket and hyper. It looks at what was read in place, in hyper's own buffer: nothing is
//! copied unless a head arrives in pieces. A request that it refuses is replaced by a stand-in, which hyper parses
//! like any other; the path knows from [`Client::begin_request`] what it stands for and answers in order, also behind
//! requests that are still in work.

mod sending;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::framing::{Expected, Framing, Stop};
use super::rate::Rate;
use super::{Client, Refusal};
use crate::deadline::Deadlines;

/// What hyper sees in place of a refused request. Its method is one that no client's request passes with, so that it can't be
/// taken for one: see [`Client::begin_request`].
const STAND_IN: &[u8] = b"CONNECT refused:0 HTTP/1.1\r\nhost: refused:0\r\nconnection: close\r\n\r\n";

/// A client's socket behind its gate.
#[derive(Debug)]
pub struct Gate<S> {
    stream: S,
    client: Rc<Client>,
    deadlines: Deadlines,
    framing: Framing,
    /// Read but not passed: the beginning of a head, or what follows a request for another protocol.
    held: Vec<u8>,
    /// Passed but not yet taken by hyper.
    outbox: Vec<u8>,
    state: State,
    /// How fast the body in work comes in.
    body: Rate,
    /// How fast the response in work is taken, since the client has first refused to take more of it.
    response: Rate,
    /// Number of the request that `response` is about.
    response_number: u64,
    /// Whatever closes the connection resets it.
    resets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Hyper gets an error in place of the rest of the body.
    BodyRefused(Refusal),
    /// Hyper gets nothing more.
    Closed,
}

impl<S> Gate<S> {
    /// Puts a gate before a connection.
    pub fn new(stream: S, client: Rc<Client>, deadlines: Deadlines) -> Self {
        let framing = Framing::new(Arc::clone(&client.limits));
        Self {
            stream,
            client,
            deadlines,
            framing,
            held: Vec::new(),
            outbox: Vec::new(),
            state: State::Open,
            body: Rate::default(),
            response: Rate::default(),
            response_number: 0,
            resets: false,
        }
    }

    /// Whether the client hasn't sent all of a request body.
    #[must_use]
    pub fn is_within_body(&self) -> bool {
        self.framing.expected() == Expected::Body
    }

    /// Takes back what has passed, for whoever reads next.
    pub fn take_back(&mut self, passed: &[u8]) {
        self.outbox.splice(..0, passed.iter().copied());
    }

    /// The socket.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// The socket and what was read from it after a request for another protocol. `None` = there was no such request, so
    /// what was read is HTTP, or the stand-in of a refused request, and must never go into a tunnel.
    #[must_use]
    pub fn into_tunnel(self) -> Option<(S, Vec<u8>)> {
        let is_closed_after_request = self.framing.expected() == Expected::Nothing && self.outbox.is_empty();
        is_closed_after_request.then_some((self.stream, self.held))
    }

    /// Judges what was read. Returns how many bytes pass, how many after them are dropped, and whether the stand-in follows.
    fn judge(&mut self, input: &mut [u8]) -> (usize, usize, bool) {
        let client = &self.client;
        let body_before = self.framing.expected() == Expected::Body;
        let mut heads = 0;
        let advance = self.framing.advance(input, |head, facts| {
            heads += head.len();
            client.pass(head, facts);
        });
        if advance.passed > heads {
            client.body_has_come();
        }
        if body_before {
            self.body.count(advance.passed);
        }
        if self.framing.expected() != Expected::Body {
            self.body = Rate::default();
        }
        let refused = match advance.stop {
            Stop::End | Stop::IncompleteHead | Stop::Upgrade => false,
            Stop::RefusedRequest(refusal) => {
                self.client.refuse_request(refusal);
                self.state = State::Closed;
                true
            }
            Stop::RefusedBody(refusal) => {
                self.client.refuse_body(refusal);
                self.state = State::BodyRefused(refusal);
                false
            }
        };
        (advance.passed, advance.empty, refused)
    }

    /// Judges the held bytes with what has come since, and moves what passes to the outbox.
    fn judge_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        let (passed, dropped, refused) = self.judge(&mut held);
        self.outbox.extend_from_slice(&held[..passed]);
        if refused {
            self.outbox.extend_from_slice(STAND_IN);
        } else if passed + dropped < held.len() {
            self.held = held;
            self.held.drain(..passed + dropped);
        }
    }

    /// The client keeps us waiting: for how long may it?
    fn start_waiting(&mut self) {
        let limits = &self.client.limits;
        match self.framing.expected() {
            Expected::Head if !self.held.is_empty() => {
                // Set when the head began; more of the head doesn't extend it.
            }
            Expected::Head if !self.client.is_idle() => self.client.receive.clear(),
            Expected::Head => {} // Idle: set when the last response ended.
            Expected::Body => {
                let until = self.body.wait(self.deadlines.now(), limits.body_timeout, limits.min_body_rate);
                self.client.receive.set_at(until);
            }
            Expected::Nothing => self.client.receive.clear(),
        }
    }

    /// The client has sent something.
    fn stop_waiting(&mut self) {
        self.body.stop_waiting(self.deadlines.now());
        self.client.receive.clear();
    }

    /// Nothing is held any more. A client that has sent nothing but empty lines is as idle as it was.
    fn nothing_held(&self) {
        if self.client.is_idle() {
            self.client.wait_awake();
        } else {
            self.client.receive.clear();
        }
    }

    /// Whether the client is between two requests and has time left to wait for the next.
    fn may_stay_idle(&self) -> bool {
        self.framing.expected() == Expected::Head
            && self.held.is_empty()
            && self.client.may_stay_idle(self.deadlines.now())
    }

    /// What serves requests can be given back until there is one again.
    fn rest(&mut self) {
        (self.held, self.outbox) = (Vec::new(), Vec::new());
        self.client.rest();
    }

    /// The client has kept us waiting for too long.
    fn give_up(&mut self) {
        match self.framing.expected() {
            Expected::Head if self.held.is_empty() => self.state = State::Closed,
            Expected::Head => {
                self.client.refuse_request(Refusal::TooSlow);
                self.held.clear();
                self.outbox.extend_from_slice(STAND_IN);
                self.state = State::Closed;
            }
            Expected::Body => {
                self.client.refuse_body(Refusal::TooSlow);
                self.state = State::BodyRefused(Refusal::TooSlow);
            }
            Expected::Nothing => {}
        }
    }
}

impl Gate<TcpStream> {
    /// Whether the client has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        recv(&self.stream, &mut [0; 1], flags).is_ok_and(|(_, bytes)| bytes > 0)
    }

    /// While the connection rests: ready when the client sends something or leaves, or its time is over. `false` = it is over.
    pub fn poll_awake(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.outbox.is_empty() || self.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.client.receive.poll(cx).map(|()| false)
    }
}

impl<S: AsyncRead + Unpin> Gate<S> {
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
        let (passed, dropped, refused) = self.judge(&mut buf.filled_mut()[start..]);
        if start + passed == end {
            return Poll::Ready(Ok(Some(())));
        }
        if refused {
            self.outbox.extend_from_slice(STAND_IN);
        } else if self.state == State::Open {
            self.held.extend_from_slice(&buf.filled()[start + passed + dropped..]);
            if self.held.is_empty() {
                self.nothing_held();
            } else if self.framing.expected() == Expected::Head {
                self.client.receive.set(self.client.limits.header_timeout);
            }
        }
        buf.set_filled(start + passed);
        Poll::Ready(Ok((passed > 0).then_some(())))
    }

    /// Reads more of what is held. `None` = nothing for hyper yet.
    fn poll_read_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<()>>> {
        let mut space = [0; 4096];
        let mut more = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
        if more.filled().is_empty() {
            // The client left in the middle of a head.
            self.state = State::Closed;
            return Poll::Ready(Ok(Some(())));
        }
        self.held.extend_from_slice(more.filled());
        self.judge_held();
        if self.held.is_empty() {
            self.nothing_held();
        }
        Poll::Ready(Ok(None))
    }

    /// Holds what comes before it is known what it means. Ready when the client has left instead of waiting for that.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held.len() < self.client.limits.max_header_bytes {
            let mut space = [0; 4096];
            let mut more = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
            if more.filled().is_empty() {
                self.state = State::Closed;
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(more.filled());
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.outbox.is_empty() {
                let step = this.outbox.len().min(buf.remaining());
                buf.put_slice(&this.outbox[..step]);
                this.outbox.drain(..step);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Open => {}
                State::BodyRefused(refusal) => {
                    this.state = State::Closed;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
                }
                // Not an end of file while a request is in work: hyper would take the client for gone.
                State::Closed if this.client.refusal().is_some() => return Poll::Pending,
                State::Closed => return Poll::Ready(Ok(())),
            }
            if this.framing.expected() == Expected::Nothing {
                if !this.client.stays_with_http(cx.waker()) {
                    return this.poll_gone(cx);
                }
                this.framing.stay_with_http();
                this.judge_held();
                continue;
            }
            let read =
                if this.held.is_empty() { this.poll_read_direct(cx, buf) } else { this.poll_read_held(cx) };
            match read {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(()))) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.start_waiting();
                    ready!(this.client.receive.poll(cx));
                    if !this.may_stay_idle() {
                        this.give_up();
                    } else if this.response.is_waiting() {
                        // Hyper hasn't sent everything yet.
                        this.client.wait_awake();
                    } else {
                        this.rest();
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
