//! A client's connection over TLS, as a stream of plaintext.

use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server;

/// A client's connection after its handshake.
///
/// Whatever it says of bytes is about plaintext: key updates and alerts arrive alone, and decrypted bytes may wait in here when the
/// socket has none.
#[derive(Debug)]
pub struct TlsStream(server::TlsStream<TcpStream>);

impl TlsStream {
    pub(super) fn new(stream: server::TlsStream<TcpStream>) -> Self {
        Self(stream)
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        self.0.get_ref().0
    }

    /// How many bytes there are to read; 0 at the end.
    ///
    /// # Errors
    ///
    /// Those of the socket and of TLS.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.0).poll_fill_buf(cx)) {
            Ok(bytes) => Poll::Ready(Ok(bytes.len())),
            Err(error) if is_end(&error) => Poll::Ready(Ok(0)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Whether the client has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&mut self) -> bool {
        let (socket, session) = self.0.get_mut();
        while session.wants_read() {
            match session.read_tls(&mut Unread(socket)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
            if session.process_new_packets().is_err() {
                return false;
            }
        }
        session.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
    }

    /// Tells the client that nothing more comes, if it can be told at once.
    pub fn try_close(&mut self) {
        let _ = self.poll_close(&mut Context::from_waker(Waker::noop()));
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What the system has of a socket, whatever the event loop knows of it.
struct Unread<'a>(&'a TcpStream);

impl Read for Unread<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (read, _) = recv(self.0, buf, RecvFlags::DONTWAIT)?;
        Ok(read)
    }
}

/// A connection that ends without a farewell, as those of many clients do. No request ends with its connection, so nothing can be cut
/// off unnoticed.
fn is_end(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(cx, buf)) {
            Err(error) if is_end(&error) => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_close(cx)
    }
}
