//! Bytes both ways, once the protocol is no longer HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::place::ConnectionPlace;
use super::progress::Progress;
use crate::deadline::Deadline;

/// Room for what one side sends and the other hasn't taken yet.
const BUFFER: usize = 16 * 1024;

/// A connection that no longer speaks HTTP, with what was read of the next protocol already.
#[derive(Debug)]
pub(super) struct UpgradedStream {
    pub(super) stream: TcpStream,
    pub(super) read: Bytes,
    /// It still is one of the backend's connections.
    pub(super) _place: ConnectionPlace,
}

/// The backend's end of an upgraded connection.
#[derive(Debug)]
pub struct Tunnel {
    upgraded: UpgradedStream,
    progress: Progress,
}

impl Tunnel {
    pub(super) fn new(upgraded: UpgradedStream, progress: Progress) -> Self {
        Self { upgraded, progress }
    }

    /// Joins the two ends until both are closed, one fails, or nothing has moved for the limit that `idle` is set to.
    ///
    /// # Errors
    ///
    /// I/O errors of either side; `TimedOut` after too long a silence.
    pub async fn join(
        mut self,
        client: TcpStream,
        read: Bytes,
        idle: &Deadline,
        limit: std::time::Duration,
    ) -> io::Result<()> {
        let (client_read, client_write) = client.into_split();
        let (backend_read, backend_write) = self.upgraded.stream.into_split();
        let mut up = OneWay::new(client_read, backend_write, read);
        let mut down = OneWay::new(backend_read, client_write, self.upgraded.read);
        idle.set(limit);
        let joined = std::future::poll_fn(|cx| {
            let moved = up.moved + down.moved;
            let (up_over, down_over) = (up.poll(cx)?.is_ready(), down.poll(cx)?.is_ready());
            if up_over && down_over {
                return Poll::Ready(Ok(()));
            }
            if up.moved + down.moved != moved {
                idle.set(limit);
            }
            idle.poll(cx).map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
        })
        .await;
        self.progress.complete();
        joined
    }
}

/// One direction of a tunnel.
struct OneWay<R, W> {
    from: R,
    to: W,
    buffer: Box<[u8]>,
    pending: std::ops::Range<usize>,
    /// What was read before the tunnel began; goes first.
    early: Bytes,
    moved: u64,
    closed: bool,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> OneWay<R, W> {
    fn new(from: R, to: W, early: Bytes) -> Self {
        Self { from, to, buffer: vec![0; BUFFER].into(), pending: 0..0, early, moved: 0, closed: false }
    }

    /// Moves what can be moved. Ready when this direction has ended and the other side knows.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.closed {
            while !self.early.is_empty() {
                let bytes = ready!(Pin::new(&mut self.to).poll_write(cx, &self.early))?;
                self.early.advance(bytes);
                self.moved += bytes as u64;
            }
            while !self.pending.is_empty() {
                let bytes =
                    ready!(Pin::new(&mut self.to).poll_write(cx, &self.buffer[self.pending.clone()]))?;
                self.pending.start += bytes;
                self.moved += bytes as u64;
            }
            let mut space = ReadBuf::new(&mut self.buffer);
            ready!(Pin::new(&mut self.from).poll_read(cx, &mut space))?;
            self.pending = 0..space.filled().len();
            if self.pending.is_empty() {
                ready!(Pin::new(&mut self.to).poll_shutdown(cx))?;
                self.closed = true;
            }
        }
        Poll::Ready(Ok(()))
    }
}
