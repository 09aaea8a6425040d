//! A backend's socket that keeps count.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a request's exchange needs to know of its socket.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Bytes received since the exchange began.
    pub(super) received: Cell<u64>,
    /// Bytes sent since the exchange began.
    pub(super) sent: Cell<u64>,
    /// The backend takes nothing at the moment.
    pub(super) send_blocked: Cell<bool>,
}

impl Traffic {
    /// An exchange begins.
    pub(super) fn reset(&self) {
        self.received.set(0);
        self.sent.set(0);
    }
}

/// A connection to a backend.
#[derive(Debug)]
pub(super) struct CountedStream {
    stream: TcpStream,
    traffic: Rc<Traffic>,
}

impl CountedStream {
    pub(super) fn new(stream: TcpStream, traffic: Rc<Traffic>) -> Self {
        Self { stream, traffic }
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn count_sent(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.traffic.send_blocked.set(written.is_pending());
        if let Poll::Ready(Ok(bytes)) = &written {
            self.traffic.sent.set(self.traffic.sent.get() + *bytes as u64);
        }
        written
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        self.traffic.received.set(self.traffic.received.get() + bytes as u64);
        read
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count_sent(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count_sent(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
