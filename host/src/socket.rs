//! A connection as the system has it: TCP, or a Unix socket.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use pointsman_core::address::{Address, THIS_MACHINE};
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Between two tries to connect to a Unix socket whose backlog is full: nothing tells when it no longer is. Doubled with each try,
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// up to this.
const MOST_PAUSE: Duration = Duration::from_millis(32);

/// A connection of this process.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Within this machine.
    Unix(UnixStream),
}

/// The same call on either.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($stream) => $call,
            Socket::Unix($stream) => $call,
        }
    };
}

impl Socket {
    /// Connects, however long that takes. What is written goes out at once.
    ///
    /// # Errors
    ///
    /// Nobody listens there, or not for us.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Head and body may be two writes; they must not wait for each other's acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => {
                let mut pause = FIRST_PAUSE;
                loop {
                    match UnixStream::connect(path.as_path()).await {
                        // Its backlog is full. Over TCP the system would wait and try again.
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            tokio::time::sleep(pause).await;
                            pause = MOST_PAUSE.min(pause * 2);
                        }
                        connected => return connected.map(Self::Unix),
                    }
                }
            }
        }
    }

    /// The IP address and port of our end, or [`THIS_MACHINE`].
    ///
    /// # Errors
    ///
    /// The system doesn't know it.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            Self::Unix(_) => Ok(THIS_MACHINE),
        }
    }

    /// Whether the peer has sent something, as the system knows: the event loop may not know it yet.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        recv(self, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT).is_ok_and(|(_, bytes)| bytes > 0)
    }

    /// Reads what there is, if there is something, and leaves it there.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => stream.poll_peek(cx, &mut ReadBuf::new(buf)),
            Self::Unix(stream) => loop {
                ready!(stream.poll_read_ready(cx))?;
                let peek = || Ok(recv(stream, &mut *buf, RecvFlags::PEEK | RecvFlags::DONTWAIT)?.0);
                match stream.try_io(Interest::READABLE, peek) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    peeked => return Poll::Ready(peeked),
                }
            },
        }
    }

    /// Waits for what there is to read, and leaves it there. 0 = the peer has sent its end.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_peek(cx, buf)).await
    }

    /// Writes what the system takes at once.
    ///
    /// # Errors
    ///
    /// Those of the socket, also if it takes nothing.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_write(bytes))
    }

    /// Ready when there is something to read, be it the end.
    ///
    /// # Errors
    ///
    /// Those of the event loop.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read_ready(cx))
    }

    /// Whether the peer has sent its end, read or not.
    #[cold]
    #[must_use]
    pub fn is_read_closed(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = either!(self, stream => pin!(stream.ready(Interest::READABLE)).poll(&mut cx));
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// Whether a close resets the connection from now on. A Unix socket always tells the peer whether something was left unread.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn set_reset_on_close(&self, resets: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) if resets => stream.set_zero_linger(),
            Self::Tcp(stream) => SockRef::from(stream).set_linger(None),
            Self::Unix(_) => Ok(()),
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd())
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut *self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(&mut *self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(&mut *self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn a_look_at_what_comes_leaves_it_there() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let mut ours = Socket::Unix(ours);
            let mut ahead = [0; 8];
            let waits = poll_fn(|cx| Poll::Ready(ours.poll_peek(cx, &mut ahead).is_pending())).await;
            assert!(waits && !ours.has_unread() && !ours.is_read_closed());

            theirs.write_all(b"abc").await.unwrap();
            for _ in 0..2 {
                assert_eq!(poll_fn(|cx| ours.poll_peek(cx, &mut ahead)).await.unwrap(), 3);
            }
            assert!(ours.has_unread());
            assert_eq!(ours.read(&mut ahead).await.unwrap(), 3);
            assert!(!ours.has_unread());

            drop(theirs);
            assert_eq!(poll_fn(|cx| ours.poll_peek(cx, &mut ahead)).await.unwrap(), 0);
            assert!(ours.is_read_closed());
        });
    }
}
