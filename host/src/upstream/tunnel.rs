//! Bytes both ways, once the protocol is no longer HTTP.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use pointsman_core::clock::Moment;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::place::ConnectionPlace;
use super::progress::Progress;
use crate::config::DownstreamLimits;
use crate::deadline::Deadline;

/// Room for what one side sends and the other hasn't taken yet.
const BUFFER: usize = 16 * 1024;

/// While one side takes nothing, it is looked so often whether the other one has closed: that doesn't wake anybody who doesn't read.
const LOOK: Duration = Duration::from_secs(1);

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

    /// Joins the two ends until both are closed, one fails, or nothing has moved for too long.
    ///
    /// # Errors
    ///
    /// I/O errors of either side; `TimedOut` after too long a silence.
    pub async fn join(
        mut self,
        client: TcpStream,
        read: Bytes,
        deadline: &Deadline,
        limits: &DownstreamLimits,
    ) -> io::Result<()> {
        let (client_read, client_write) = client.into_split();
        let (backend_read, backend_write) = self.upgraded.stream.into_split();
        let mut up = OneWay::new(client_read, backend_write, read);
        let mut down = OneWay::new(backend_read, client_write, self.upgraded.read);
        let mut silence = Silence { began: deadline.now(), half_closed: false };
        let joined = poll_fn(|cx| {
            let moved = up.moved + down.moved;
            let (up_over, down_over) = (up.poll(cx)?.is_ready(), down.poll(cx)?.is_ready());
            if up_over && down_over {
                return Poll::Ready(Ok(()));
            }
            if up.moved + down.moved != moved {
                silence.began = deadline.now();
            }
            let half_closed = up.is_ending() || down.is_ending();
            let is_stuck = up.is_stuck() || down.is_stuck();
            let limit = if half_closed {
                limits.tunnel_close_timeout.min(limits.tunnel_timeout)
            } else if down.is_stuck() {
                // As with a response; that the backend has closed may stand behind what nobody takes.
                limits.send_timeout.min(limits.tunnel_timeout)
            } else {
                limits.tunnel_timeout
            };
            while let Some(left) = silence.left(deadline.now(), half_closed, limit) {
                deadline.set(if is_stuck { left.min(LOOK) } else { left });
                ready!(deadline.poll(cx));
            }
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        })
        .await;
        self.progress.complete();
        joined
    }
}

/// How long nothing has moved.
struct Silence {
    began: Moment,
    /// One side has closed.
    half_closed: bool,
}

impl Silence {
    /// How much longer nothing may move; `None` = no longer.
    fn left(&mut self, now: Moment, half_closed: bool, limit: Duration) -> Option<Duration> {
        if half_closed && !self.half_closed {
            // Until now the other side may have had reason to be silent.
            (self.began, self.half_closed) = (now, true);
        }
        limit.checked_sub(now.since(self.began)).filter(|left| !left.is_zero())
    }
}

/// One direction of a tunnel.
struct OneWay {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    buffer: Box<[u8]>,
    pending: std::ops::Range<usize>,
    /// What was read before the tunnel began; goes first.
    early: Bytes,
    moved: u64,
    closed: bool,
}

impl OneWay {
    fn new(from: OwnedReadHalf, to: OwnedWriteHalf, early: Bytes) -> Self {
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

    /// Whether there is something that the other side doesn't take at the moment.
    fn is_stuck(&self) -> bool {
        !self.early.is_empty() || !self.pending.is_empty()
    }

    /// Whether nothing more comes: the end was read, or stands behind what the other side doesn't take.
    fn is_ending(&self) -> bool {
        self.closed || self.is_stuck() && self.has_ended()
    }

    /// Whether the end has come, read or not.
    #[cold]
    fn has_ended(&self) -> bool {
        let ready = pin!(self.from.ready(Interest::READABLE));
        let ready = ready.poll(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }
}
