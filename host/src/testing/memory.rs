//! Connections in memory: what tests of the request path have in place of sockets.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that one direction holds before a write has to wait.
const ROOM: usize = 64 * 1024;

/// One end of a connection. It behaves as TCP does, without the delays.
#[derive(Debug)]
pub(crate) struct MemoryStream {
    incoming: Arc<Mutex<Direction>>,
    outgoing: Arc<Mutex<Direction>>,
}

/// What one end writes and the other one reads.
#[derive(Debug, Default)]
struct Direction {
    bytes: VecDeque<u8>,
    /// The writer has shut its side down, or has gone.
    ended: bool,
    /// The writer has gone by a reset.
    reset: bool,
    /// What the writer leaves when it goes is a reset.
    resets: bool,
    /// The reader has gone.
    abandoned: bool,
    /// How much the reader takes before a write has to wait.
    room: Option<usize>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn wake_reader(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }

    fn wake_writer(&mut self) {
        self.writer.take().into_iter().for_each(Waker::wake);
    }
}

impl MemoryStream {
    /// Both ends of a new connection.
    pub(crate) fn pair() -> (Self, Self) {
        let [one, two] = [(); 2].map(|()| Arc::<Mutex<Direction>>::default());
        let other = Self { incoming: Arc::clone(&two), outgoing: Arc::clone(&one) };
        (Self { incoming: one, outgoing: two }, other)
    }

    // What the path asks of a stream.

    pub(crate) fn has_unread(&self) -> bool {
        !self.incoming.lock().bytes.is_empty()
    }

    pub(crate) fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll_peek(cx).map(|_| ())
    }

    pub(crate) fn poll_peek(&self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        let mut incoming = self.incoming.lock();
        if !incoming.bytes.is_empty() {
            return Poll::Ready(Ok(1));
        }
        if incoming.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if incoming.ended {
            return Poll::Ready(Ok(0));
        }
        incoming.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.incoming.lock().ended
    }

    pub(crate) fn set_reset_on_close(&self, resets: bool) {
        self.outgoing.lock().resets = resets;
    }

    pub(crate) fn is_write_vectored(&self) -> bool {
        false
    }

    // What tests do at the other end.

    /// Sends, however much it is.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut outgoing = self.outgoing.lock();
        outgoing.bytes.extend(bytes);
        outgoing.wake_reader();
    }

    /// Bytes sent that the other end hasn't read.
    pub(crate) fn untaken(&self) -> usize {
        self.outgoing.lock().bytes.len()
    }

    /// Takes what has come.
    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut incoming = self.incoming.lock();
        incoming.wake_writer();
        incoming.bytes.drain(..).collect()
    }

    /// Says that nothing else is sent.
    pub(crate) fn shut_down(&self) {
        let mut outgoing = self.outgoing.lock();
        outgoing.ended = true;
        outgoing.wake_reader();
    }

    /// Takes no more than this before a write has to wait.
    pub(crate) fn set_room(&self, room: usize) {
        let mut incoming = self.incoming.lock();
        incoming.room = Some(room);
        incoming.wake_writer();
    }

    /// Whether the other end has reset the connection.
    pub(crate) fn is_reset(&self) -> bool {
        self.incoming.lock().reset
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.poll_peek(cx) {
            Poll::Ready(Ok(0)) => Poll::Ready(Ok(())),
            Poll::Ready(Ok(_)) => {
                let mut incoming = self.incoming.lock();
                let step = incoming.bytes.len().min(buf.remaining());
                let (first, second) = incoming.bytes.as_slices();
                let from_first = first.len().min(step);
                buf.put_slice(&first[..from_first]);
                buf.put_slice(&second[..step - from_first]);
                incoming.bytes.drain(..step);
                incoming.wake_writer();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut outgoing = self.outgoing.lock();
        if outgoing.abandoned {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = outgoing.room.unwrap_or(ROOM).saturating_sub(outgoing.bytes.len()).min(buf.len());
        if room == 0 {
            outgoing.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        outgoing.bytes.extend(&buf[..room]);
        outgoing.wake_reader();
        Poll::Ready(Ok(room))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut_down();
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        let has_unread = {
            let mut incoming = self.incoming.lock();
            incoming.abandoned = true;
            incoming.wake_writer();
            !incoming.bytes.is_empty()
        };
        let mut outgoing = self.outgoing.lock();
        outgoing.ended = true;
        // As TCP does: bytes that nobody has read turn the close into a reset.
        outgoing.reset |= outgoing.resets || has_unread;
        outgoing.wake_reader();
    }
}

/// Backends that are connected to in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryNet(Arc<Mutex<Net>>);

#[derive(Debug, Default)]
struct Net {
    refused: Vec<SocketAddr>,
    accepted: VecDeque<(SocketAddr, MemoryStream)>,
}

impl MemoryNet {
    /// Connects, as a client of a backend does.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<MemoryStream> {
        let mut net = self.0.lock();
        if net.refused.contains(&address) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = MemoryStream::pair();
        net.accepted.push_back((address, theirs));
        Ok(ours)
    }

    /// Refuses connections to this address, or takes them again.
    pub(crate) fn refuse(&self, address: SocketAddr, refused: bool) {
        let mut net = self.0.lock();
        net.refused.retain(|known| *known != address);
        if refused {
            net.refused.push(address);
        }
    }

    /// The next connection, as its backend sees it.
    pub(crate) fn accept(&self) -> Option<(SocketAddr, MemoryStream)> {
        self.0.lock().accepted.pop_front()
    }
}
