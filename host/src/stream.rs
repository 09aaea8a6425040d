//! A byte stream to a client or a backend, whatever carries it.

mod of_http2;
mod room;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;
#[cfg(test)]
use crate::testing::MemoryStream;
use crate::tls::TlsStream;
pub use of_http2::Http2Stream;
pub use room::{LONGEST_PIECE, poll_room};

/// A connection's byte stream.
#[derive(Debug)]
#[cfg_attr(test, expect(private_interfaces, reason = "only tests have streams in memory"))]
pub enum Stream {
    /// In clear.
    Plain(Socket),
    /// Over TLS.
    Tls(Box<TlsStream>),
    /// Within a connection of HTTP/2.
    Http2(Box<Http2Stream>),
    /// In the memory of a test.
    #[cfg(test)]
    Memory(MemoryStream),
}

impl Stream {
    /// Whether the peer has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&mut self) -> bool {
        match self {
            Self::Plain(stream) => stream.has_unread(),
            Self::Tls(stream) => stream.has_unread(),
            // Asked of whole connections only.
            Self::Http2(_) => false,
            #[cfg(test)]
            Self::Memory(stream) => stream.has_unread(),
        }
    }

    /// Ready when there is something to read, be it the end.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(cx).map(|_| ()),
            Self::Tls(stream) => stream.poll_fill(cx).map(|_| ()),
            Self::Http2(stream) => stream.poll_fill(cx).map(|_| ()),
            #[cfg(test)]
            Self::Memory(stream) => stream.poll_read_ready(cx),
        }
    }

    /// How many bytes there are to read, up to 1; 0 at the end.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_peek(cx, &mut [0; 1]),
            Self::Tls(stream) => stream.poll_fill(cx).map_ok(|bytes| bytes.min(1)),
            Self::Http2(stream) => stream.poll_fill(cx).map_ok(|bytes| bytes.min(1)),
            #[cfg(test)]
            Self::Memory(stream) => stream.poll_peek(cx),
        }
    }

    /// Whether the peer has sent its end, read or not.
    #[cold]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_read_closed(),
            Self::Tls(stream) => stream.socket().is_read_closed(),
            Self::Http2(stream) => stream.has_ended(),
            #[cfg(test)]
            Self::Memory(stream) => stream.has_ended(),
        }
    }

    /// Whether a close resets the connection from now on.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn set_reset_on_close(&self, resets: bool) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.set_reset_on_close(resets),
            Self::Tls(stream) => stream.socket().set_reset_on_close(resets),
            // It is reset unless it was ended.
            Self::Http2(_) => Ok(()),
            #[cfg(test)]
            Self::Memory(stream) => {
                stream.set_reset_on_close(resets);
                Ok(())
            }
        }
    }

    /// From now on the peer may end the connection in whatever way: nothing that comes ends with it.
    pub fn end_anyhow(&mut self) {
        if let Self::Tls(stream) = self {
            stream.end_anyhow();
        }
    }

    /// Whether what was written may still be in here, as the socket doesn't take it.
    #[must_use]
    pub fn is_buffered(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

/// The same call on whatever carries the stream.
macro_rules! carried {
    ($stream:expr, $call:ident($($argument:expr),*)) => {
        match $stream {
            Stream::Plain(stream) => Pin::new(stream).$call($($argument),*),
            Stream::Tls(stream) => Pin::new(&mut **stream).$call($($argument),*),
            Stream::Http2(stream) => Pin::new(&mut **stream).$call($($argument),*),
            #[cfg(test)]
            Stream::Memory(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        carried!(&mut *self, poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        carried!(&mut *self, poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        carried!(&mut *self, poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Http2(stream) => stream.is_write_vectored(),
            #[cfg(test)]
            Self::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        carried!(&mut *self, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        carried!(&mut *self, poll_shutdown(cx))
    }
}
