//! Counts bytes in and out of a backend's connection, and lets a backend answer before it has the request.
//!
//! A backend may write its response as soon as it is connected to, and close (RFC 9112 section 9.5). hyper takes bytes that
//! come before its request for a broken connection, and a failed write for the end of the exchange. So here reads wait until
//! something was written, and a write that fails is what it is on TCP: the peer reads no more, but what it sent before can
//! still be read.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use pointsman_core::request::ExactTarget;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// Most that a backend may send up to the head of its response: interim responses (103 and others) and the largest head that
/// can be allowed. hyper skips interim responses for as long as they come, in one poll, and the worker serves nothing else
/// meanwhile.
const MOST_BEFORE_RESPONSE: u64 = 2 * 1024 * 1024;

/// What an exchange needs to know of its socket.
#[derive(Debug, Default)]
pub struct IoCounters {
    /// Bytes received since the exchange began.
    pub(super) received: Cell<u64>,
    /// Bytes sent since the exchange began.
    pub(super) sent: Cell<u64>,
    /// The backend takes nothing at the moment.
    pub(super) send_blocked: Cell<bool>,
    /// It serves one exchange and no other: the backend has answered before it was asked, or takes nothing any more. What
    /// it sends next may belong to either request.
    pub(super) is_last: Cell<bool>,
    /// The head of the response has come.
    pub(super) has_response: Cell<bool>,
    /// The most that is read at a time, if that is limited.
    pub(super) longest_read: Cell<Option<usize>>,
    /// What goes out in place of the target that hyper writes, and where it begins.
    target: RefCell<Option<(usize, ExactTarget)>>,
}

impl IoCounters {
    /// An exchange begins, with this head as the next that is sent.
    pub(super) fn begin(&self, head: &Parts) {
        self.received.set(0);
        self.sent.set(0);
        self.has_response.set(false);
        self.longest_read.set(None);
        let target = head.extensions.get::<ExactTarget>();
        *self.target.borrow_mut() = target.map(|target| (head.method.as_str().len() + 1, target.clone()));
    }

    /// Whether more has come than may before a response.
    pub(super) fn is_flooded(&self) -> bool {
        !self.has_response.get() && self.received.get() >= MOST_BEFORE_RESPONSE
    }

    /// The first of these bytes with the exact target among them, as long as that isn't sent. hyper writes one of the same
    /// length.
    fn with_target(&self, bufs: &[io::IoSlice<'_>]) -> Option<Vec<u8>> {
        let mut target = self.target.borrow_mut();
        let (start, exact) = target.as_ref()?;
        let sent = usize::try_from(self.sent.get()).unwrap_or(usize::MAX);
        if sent >= start + exact.bytes().len() {
            *target = None;
            return None;
        }
        let mut bytes = bufs.iter().find(|buf| !buf.is_empty())?.to_vec();
        for (at, byte) in exact.bytes().iter().enumerate() {
            if let Some(out) = (start + at).checked_sub(sent).and_then(|at| bytes.get_mut(at)) {
                *out = *byte;
            }
        }
        Some(bytes)
    }
}

/// A connection to a backend.
#[derive(Debug)]
pub struct CountingStream {
    stream: Stream,
    counters: Rc<IoCounters>,
    state: State,
    /// Has been read, and is to be read once more.
    unread: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent on it.
    Fresh,
    /// Nothing was sent on it, and bytes are there already.
    Early,
    /// In use.
    Open,
    /// A write has failed. What is written from now on goes nowhere.
    Deaf,
    /// What was read is to be read once more; the request that hyper writes before goes nowhere.
    Again,
    /// It is being read once more.
    Rereading,
}

impl CountingStream {
    /// A new connection.
    #[must_use]
    pub fn new(stream: Stream, counters: Rc<IoCounters>) -> Self {
        Self { stream, counters, state: State::Fresh, unread: Bytes::new() }
    }

    /// The socket, and what is to be read before anything of it.
    pub(super) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.unread)
    }

    /// Gives back what was read: the next reader, which writes a request first, reads it again.
    pub(super) fn read_again(&mut self, unread: Bytes) {
        (self.unread, self.state) = (unread, State::Again);
    }

    /// A read while the connection isn't simply in use. `None` = it is one of the socket after all.
    #[cold]
    fn poll_unusual_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Option<Poll<io::Result<()>>> {
        match self.state {
            State::Fresh | State::Early => self.poll_first_read(cx).is_pending().then_some(Poll::Pending),
            State::Again => Some(Poll::Pending),
            State::Rereading => {
                let step = self.unread.len().min(buf.remaining());
                buf.put_slice(&self.unread.split_to(step));
                self.counters.received.set(self.counters.received.get() + step as u64);
                if self.unread.is_empty() {
                    self.state = State::Open;
                }
                Some(Poll::Ready(Ok(())))
            }
            State::Open | State::Deaf => None,
        }
    }

    /// A write that goes nowhere.
    #[cold]
    fn swallow(&mut self, cx: &Context<'_>, offered: usize) -> Poll<io::Result<usize>> {
        if self.state == State::Again {
            self.state = State::Rereading;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(offered))
    }

    /// Whether reads can go on. Before anything was sent, an end or an error can be read, and bytes can't: what hasn't been
    /// sent can be sent elsewhere.
    fn poll_first_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.stream.poll_peek(cx)).is_ok_and(|bytes| bytes > 0) {
            self.state = State::Early;
            self.counters.is_last.set(true);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Nothing can be written any more.
    #[cold]
    fn turn_deaf(&mut self, cx: &Context<'_>, error: &io::Error) {
        if self.state != State::Deaf {
            tracing::debug!(event = "backend-write-failed", %error, "the backend takes nothing any more");
            self.state = State::Deaf;
            self.counters.is_last.set(true);
            // A read may be waiting for this.
            cx.waker().wake_by_ref();
        }
    }

    /// Follows up a write of `offered` bytes.
    fn sent(
        &mut self,
        cx: &Context<'_>,
        written: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        self.counters.send_blocked.set(written.is_pending());
        let bytes = match ready!(written) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.turn_deaf(cx, &error);
                return Poll::Ready(Ok(offered));
            }
        };
        if self.state == State::Early {
            cx.waker().wake_by_ref();
        }
        self.state = State::Open;
        self.counters.sent.set(self.counters.sent.get() + bytes as u64);
        Poll::Ready(Ok(bytes))
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !matches!(self.state, State::Open | State::Deaf)
            && let Some(read) = self.poll_unusual_read(cx, buf)
        {
            return read;
        }
        if self.counters.is_flooded() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buf.filled().len();
        let read = match self.counters.longest_read.get() {
            // Only tokio's own adapter limits a read without zeroing the buffer first.
            Some(longest) => Pin::new(&mut (&mut self.stream).take(longest as u64)).poll_read(cx, buf),
            None => Pin::new(&mut self.stream).poll_read(cx, buf),
        };
        let bytes = buf.filled().len() - before;
        self.counters.received.set(self.counters.received.get() + bytes as u64);
        read
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if matches!(self.state, State::Deaf | State::Again) {
            return self.swallow(cx, buf.len());
        }
        let exact = self.counters.with_target(&[io::IoSlice::new(buf)]);
        let written = Pin::new(&mut self.stream).poll_write(cx, exact.as_deref().unwrap_or(buf));
        self.sent(cx, written, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = || bufs.iter().map(|buf| buf.len()).sum();
        if matches!(self.state, State::Deaf | State::Again) {
            return self.swallow(cx, offered());
        }
        let exact = self.counters.with_target(bufs);
        let stream = Pin::new(&mut self.stream);
        let written = match &exact {
            None => stream.poll_write_vectored(cx, bufs),
            Some(exact) => stream.poll_write(cx, exact),
        };
        self.sent(cx, written, offered())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TLS, bytes that were taken leave only now.
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            self.turn_deaf(cx, &error);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::testing::{MemoryStream, WakeCount};

    fn on_runtime(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test);
    }

    /// Both ends of a new connection.
    fn connect() -> (CountingStream, MemoryStream, Rc<IoCounters>) {
        let (ours, theirs) = MemoryStream::pair();
        let counters = Rc::<IoCounters>::default();
        (CountingStream::new(Stream::Memory(ours), Rc::clone(&counters)), theirs, counters)
    }

    #[test]
    fn what_comes_before_the_request_is_read_after_it() {
        on_runtime(async {
            let (mut ours, theirs, counters) = connect();
            theirs.send(b"early");
            let (woken, mut byte) = (std::sync::Arc::<WakeCount>::default(), [0; 1]);
            let waker = woken.waker();
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut ours).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending());
            assert!(Pin::new(&mut ours).poll_write(&mut cx, b"request").is_ready());
            assert_eq!(woken.get(), 1, "there is something to read now");
            let mut read = [0; 5];
            ours.read_exact(&mut read).await.unwrap();
            assert_eq!((&read, counters.received.get(), counters.is_last.get()), (b"early", 5, true));
        });
    }

    #[test]
    fn an_end_before_the_request_is_seen_before_it() {
        on_runtime(async {
            let (mut ours, theirs, counters) = connect();
            drop(theirs);
            assert_eq!(ours.read(&mut [0; 1]).await.unwrap(), 0);
            assert_eq!((counters.sent.get(), counters.is_last.get()), (0, false));
        });
    }

    #[test]
    fn an_answer_in_time_leaves_the_connection_to_others() {
        on_runtime(async {
            let (mut ours, theirs, counters) = connect();
            ours.write_all(b"request").await.unwrap();
            assert_eq!(theirs.receive(), b"request");
            theirs.send(b"answer");
            ours.read_exact(&mut [0; 6]).await.unwrap();
            assert_eq!((counters.sent.get(), counters.is_last.get()), (7, false));
        });
    }

    #[test]
    fn what_was_said_is_read_after_a_write_that_fails() {
        on_runtime(async {
            let (mut ours, theirs, counters) = connect();
            theirs.send(b"bye");
            drop(theirs);
            while !counters.is_last.get() || ours.state != State::Deaf {
                poll_fn(|cx| Pin::new(&mut ours).poll_write(cx, b"request")).await.unwrap();
            }
            let mut said = Vec::new();
            let _ = ours.read_to_end(&mut said).await;
            assert_eq!(said, b"bye");
        });
    }
}
