//! A connection over TLS, as a stream of plaintext.

use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use rustix::net::{RecvFlags, recv};
use rustls::ConnectionCommon;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use crate::socket::Socket;

/// A connection to a client or a backend after its handshake.
///
/// Whatever it says of bytes is about plaintext: key updates and alerts arrive alone, and decrypted bytes may wait in here when the
/// socket has none.
#[derive(Debug)]
pub struct TlsStream {
    side: tokio_rustls::TlsStream<Socket>,
    /// Whether the connection may end without a farewell.
    ends_anyhow: bool,
}

impl TlsStream {
    /// A client's. Many clients end their connections without a farewell. No request ends with its connection, so nothing can be cut off
    /// unnoticed.
    pub(super) fn of_client(stream: server::TlsStream<Socket>) -> Self {
        Self { side: stream.into(), ends_anyhow: true }
    }

    /// A backend's. The end of its connection may be that of a response, which somebody in between could cut off.
    pub(super) fn of_backend(stream: client::TlsStream<Socket>) -> Self {
        Self { side: stream.into(), ends_anyhow: false }
    }

    /// From now on the peer may end the connection without a farewell: nothing that comes ends with it.
    pub fn end_anyhow(&mut self) {
        self.ends_anyhow = true;
    }

    /// Whether the handshake has agreed on HTTP/2 (RFC 7301).
    #[must_use]
    pub fn agreed_on_http2(&self) -> bool {
        self.side.get_ref().1.alpn_protocol() == Some(b"h2")
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.side.get_ref().0
    }

    /// How many bytes there are to read; 0 at the end.
    ///
    /// # Errors
    ///
    /// Those of the socket and of TLS.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.side).poll_fill_buf(cx)) {
            Ok(bytes) => Poll::Ready(Ok(bytes.len())),
            Err(error) if is_end(&error) => Poll::Ready(Ok(0)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Whether the peer has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&mut self) -> bool {
        match &mut self.side {
            tokio_rustls::TlsStream::Server(stream) => {
                let (socket, session) = stream.get_mut();
                has_unread(socket, session)
            }
            tokio_rustls::TlsStream::Client(stream) => {
                let (socket, session) = stream.get_mut();
                has_unread(socket, session)
            }
        }
    }

    /// Tells the peer that nothing more comes, if it can be told at once.
    pub fn try_close(&mut self) {
        let _ = self.poll_close(&mut Context::from_waker(Waker::noop()));
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.side).poll_shutdown(cx)
    }
}

/// What the system has of a socket, whatever the event loop knows of it.
struct Unread<'a>(&'a Socket);

impl Read for Unread<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (read, _) = recv(self.0, buf, RecvFlags::DONTWAIT)?;
        Ok(read)
    }
}

fn has_unread<D>(socket: &Socket, session: &mut ConnectionCommon<D>) -> bool {
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

/// A backend is told of the end of a connection that is no longer needed. Clients are told by those who know when.
impl Drop for TlsStream {
    fn drop(&mut self) {
        if matches!(self.side, tokio_rustls::TlsStream::Client(_)) {
            self.try_close();
        }
    }
}

/// Whether a connection has ended without a farewell.
fn is_end(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.side).poll_read(cx, buf)) {
            Err(error) if self.ends_anyhow && is_end(&error) => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.side).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.side).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.side.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.side).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_close(cx)
    }
}
