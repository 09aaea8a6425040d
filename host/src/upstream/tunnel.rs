//! Bytes both ways, once the protocol is no longer HTTP.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use pointsman_core::clock::Moment;
use pointsman_core::counts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answered::Answered;
use super::backend_body::BackendBody;
use super::exchange::Exchange;
use super::http2::StreamLease;
use super::lease::Lease;
use super::upgraded::UpgradedStream;
use crate::config::DownstreamLimits;
use crate::downstream::OpenTunnel;
use crate::stream::{Http2Stream, Stream};

/// Room for what one side sends and the other hasn't taken yet.
const BUFFER: usize = 16 * 1024;

/// While one side takes nothing, this is the time between two checks whether the other one has closed: that wakes no task which
/// doesn't read.
const CHECK: Duration = Duration::from_secs(1);

/// The backend's end of an upgraded connection.
#[derive(Debug)]
pub struct Tunnel {
    upgraded: UpgradedStream,
    /// It still is one of the streams of a connection, if it is within one.
    lease: Option<Box<StreamLease>>,
    exchange: Box<Exchange>,
    /// Longest silence, both ways.
    timeout: Duration,
    /// Dropped after the exchange, whose end is told before the tunnel's.
    open: OpenTunnel,
    _counted: counts::OpenTunnel,
}

impl Answered {
    /// The backend's end of a connection whose protocol has changed, which may be silent for as long as `timeout`. `None` if it is lost
    /// already.
    pub async fn into_tunnel(self, timeout: Duration) -> Option<Tunnel> {
        self.exchange.stats.moved(self.lease.moved());
        let (upgraded, lease) = match (self.lease, self.response.into_body()) {
            (Lease::Unique(connection), _) => (connection.into_upgraded().await?, None),
            (Lease::Shared(mut lease), BackendBody::Http2(body)) => {
                let stream = Http2Stream::new(body.into_stream(), lease.take_tunnel()?);
                let stream = Stream::Http2(Box::new(stream));
                (UpgradedStream { stream, read: Bytes::new(), _permit: None }, Some(lease))
            }
            (Lease::Shared(_), BackendBody::Http1(_)) => return None,
        };
        let open = self.exchange.stats.open_tunnel();
        let counted = self.exchange.stats.claim.pool.pool().counts.open_tunnel();
        Some(Tunnel { upgraded, lease, exchange: self.exchange, timeout, open, _counted: counted })
    }
}

impl Tunnel {
    /// Joins the two ends until both are closed, one fails, or nothing has moved for too long.
    ///
    /// # Errors
    ///
    /// I/O errors of either side; `TimedOut` after too long a silence.
    pub async fn join(
        mut self,
        mut client: Stream,
        read: Bytes,
        limits: &DownstreamLimits,
    ) -> io::Result<()> {
        let UpgradedStream { stream: mut backend, read: read_from_backend, _permit } = self.upgraded;
        let deadline = &self.exchange.deadline;
        // The time of the request was for its response, which the client has.
        deadline.uncap();
        let (mut up, mut down) = (OneWay::new(read), OneWay::new(read_from_backend));
        let mut silence = Silence { began: deadline.now(), half_closed: false };
        let joined: io::Result<()> = poll_fn(|cx| {
            let moved = up.moved + down.moved;
            let up_over = up.poll(cx, &mut client, &mut backend)?.is_ready();
            let down_over = down.poll(cx, &mut backend, &mut client)?.is_ready();
            if up_over && down_over {
                return Poll::Ready(Ok(()));
            }
            if up.moved + down.moved != moved {
                silence.began = deadline.now();
                self.open.carry(up.moved, down.moved);
            }
            let half_closed = up.is_ending(&client) || down.is_ending(&backend);
            let is_stuck = up.is_stuck() || down.is_stuck();
            let limit = if half_closed {
                limits.tunnel_close_timeout.min(self.timeout)
            } else if down.is_stuck() {
                // As with a response; the backend's end may be behind bytes that the client doesn't take.
                limits.send_timeout.min(self.timeout)
            } else {
                self.timeout
            };
            while let Some(left) = silence.left(deadline.now(), half_closed, limit) {
                deadline.set(if is_stuck { left.min(CHECK) } else { left });
                ready!(deadline.poll(cx));
            }
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        })
        .await;
        if let Err(error) = &joined {
            self.open.fail(if error.kind() == io::ErrorKind::TimedOut {
                "tunnel-timeout"
            } else {
                "tunnel-reset"
            });
        }
        let moved = self.lease.as_ref().map_or((down.moved, up.moved), |lease| lease.moved());
        self.exchange.stats.moved(moved);
        self.exchange.stats.complete();
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
    buffer: Box<[u8]>,
    pending: std::ops::Range<usize>,
    /// What was read before the tunnel began; goes first.
    early: Bytes,
    moved: u64,
    /// The other side may hold what was written to it.
    unflushed: bool,
    closed: bool,
}

impl OneWay {
    fn new(early: Bytes) -> Self {
        // What was written before the tunnel began may not have left, either.
        Self {
            buffer: vec![0; BUFFER].into(),
            pending: 0..0,
            early,
            moved: 0,
            unflushed: true,
            closed: false,
        }
    }

    /// Moves what can be moved. Ready when this direction has ended and the other side knows.
    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Stream, to: &mut Stream) -> Poll<io::Result<()>> {
        while !self.closed {
            while !self.early.is_empty() {
                let bytes = ready!(Pin::new(&mut *to).poll_write(cx, &self.early))?;
                self.early.advance(bytes);
                self.moved += bytes as u64;
            }
            while !self.pending.is_empty() {
                let bytes = ready!(Pin::new(&mut *to).poll_write(cx, &self.buffer[self.pending.clone()]))?;
                self.pending.start += bytes;
                self.moved += bytes as u64;
            }
            if self.unflushed {
                ready!(Pin::new(&mut *to).poll_flush(cx))?;
                self.unflushed = false;
            }
            let mut space = ReadBuf::new(&mut self.buffer);
            ready!(Pin::new(&mut *from).poll_read(cx, &mut space))?;
            self.pending = 0..space.filled().len();
            self.unflushed = to.is_buffered();
            if self.pending.is_empty() {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.closed = true;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is something that the other side doesn't take at the moment.
    fn is_stuck(&self) -> bool {
        !self.early.is_empty() || !self.pending.is_empty() || self.unflushed
    }

    /// Whether nothing more comes: the end was read, or stands behind what the other side doesn't take.
    fn is_ending(&self, from: &Stream) -> bool {
        self.closed || self.is_stuck() && from.has_ended()
    }
}
