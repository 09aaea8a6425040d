//! The bytes of a connection, of which it is known whether any come.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// A backend's stream, which `h2` reads and writes, and others ask about.
#[derive(Debug)]
pub(super) struct Http2Io(Rc<Shared>);

/// What can be known of it from outside.
#[derive(Debug, Clone)]
pub(super) struct Watched(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: RefCell<Stream>,
    received: Cell<u64>,
}

impl Http2Io {
    /// A new connection's.
    pub(super) fn new(mut stream: Stream) -> Self {
        // Each stream says its own end.
        stream.end_anyhow();
        Self(Rc::new(Shared { stream: RefCell::new(stream), received: Cell::new(0) }))
    }

    /// The same, from outside.
    pub(super) fn watched(&self) -> Watched {
        Watched(Rc::clone(&self.0))
    }
}

impl Watched {
    /// Bytes that have come.
    pub(super) fn received(&self) -> u64 {
        self.0.received.get()
    }

    /// Whether the backend has sent its end, read or not.
    pub(super) fn has_ended(&self) -> bool {
        self.0.stream.borrow().has_ended()
    }
}

impl AsyncRead for Http2Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut *self.0.stream.borrow_mut()).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        self.0.received.set(self.0.received.get() + bytes as u64);
        read
    }
}

impl AsyncWrite for Http2Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.stream.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_shutdown(cx)
    }
}
