//! The bytes of a connection, of which it is known whether any come.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pointsman_core::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::downstream::http2::{Frames, LongBlocks};
use crate::stream::Stream;

/// A backend's stream, which `h2` reads and writes, and others ask about.
///
/// `h2` answers every PING and SETTINGS, as fast as the backend takes the answers: a backend that sends them without end ends its connection.
#[derive(Debug)]
pub(super) struct Http2Io {
    shared: Rc<Shared>,
    frames: Frames,
    clock: Clock,
}

/// What can be known of it from outside.
#[derive(Debug, Clone)]
pub(super) struct Watched(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: RefCell<Stream>,
    received: Cell<u64>,
    sent: Cell<u64>,
    /// What was received and sent when somebody last asked for both.
    told: Cell<(u64, u64)>,
    long_blocks: Rc<LongBlocks>,
}

impl Http2Io {
    /// A new connection's; `long_blocks` gets to know the streams of which `h2` may have cut the trailers.
    pub(super) fn new(mut stream: Stream, clock: Clock, long_blocks: LongBlocks) -> Self {
        let long_blocks = Rc::new(long_blocks);
        // Each stream says its own end.
        stream.end_anyhow();
        let shared = Rc::new(Shared {
            stream: RefCell::new(stream),
            received: Cell::default(),
            sent: Cell::default(),
            told: Cell::default(),
            long_blocks: Rc::clone(&long_blocks),
        });
        Self { shared, frames: Frames::of_backend(long_blocks), clock }
    }

    /// What a backend takes it may acknowledge.
    fn earn(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.frames.sent(*bytes);
            self.shared.sent.set(self.shared.sent.get() + *bytes as u64);
        }
        written
    }

    /// The same, from outside.
    pub(super) fn watched(&self) -> Watched {
        Watched(Rc::clone(&self.shared))
    }
}

impl Watched {
    /// Bytes that have come.
    pub(super) fn received(&self) -> u64 {
        self.0.received.get()
    }

    /// Bytes that have come and went since this was last asked.
    pub(super) fn moved(&self) -> (u64, u64) {
        let now = (self.0.received.get(), self.0.sent.get());
        let before = self.0.told.replace(now);
        (now.0 - before.0, now.1 - before.1)
    }

    /// The streams of which `h2` may have cut the trailers.
    pub(super) fn long_blocks(&self) -> &Rc<LongBlocks> {
        &self.0.long_blocks
    }

    /// Whether the backend has sent its end, read or not.
    pub(super) fn has_ended(&self) -> bool {
        self.0.stream.borrow().has_ended()
    }
}

impl AsyncRead for Http2Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        let read = Pin::new(&mut *this.shared.stream.borrow_mut()).poll_read(cx, buf);
        let came = &buf.filled()[before..];
        if !came.is_empty() {
            this.shared.received.set(this.shared.received.get() + came.len() as u64);
            if let Err(fault) = this.frames.advance(came, this.clock.now()) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
            }
        }
        read
    }
}

impl AsyncWrite for Http2Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.shared.stream.borrow_mut()).poll_write(cx, buf);
        self.earn(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.shared.stream.borrow_mut()).poll_write_vectored(cx, bufs);
        self.earn(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.shared.stream.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_shutdown(cx)
    }
}
