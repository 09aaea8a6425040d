//! A stream of HTTP/2 as a stream of bytes: what a CONNECT has opened.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::room::{LONGEST_PIECE, poll_room};

/// Both directions of a stream, whose bytes are the contents of its DATA frames (RFC 8441 section 5). Dropped before both have ended, it
/// is reset.
#[derive(Debug)]
pub struct Http2Stream {
    incoming: RecvStream,
    outgoing: SendStream<Bytes>,
    /// What has come and wasn't read yet.
    unread: Bytes,
}

impl Http2Stream {
    /// The two directions of one stream.
    #[must_use]
    pub fn new(incoming: RecvStream, outgoing: SendStream<Bytes>) -> Self {
        Self { incoming, outgoing, unread: Bytes::new() }
    }

    /// How many bytes there are to read; 0 at the end.
    ///
    /// # Errors
    ///
    /// The peer has reset the stream, or its connection is over.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while self.unread.is_empty() {
            match ready!(self.incoming.poll_data(cx)) {
                Some(Ok(data)) => self.unread = data,
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => break,
            }
        }
        Poll::Ready(Ok(self.unread.len()))
    }

    /// Whether the peer has sent its end, read or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.incoming.is_end_stream()
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(ErrorKind::ConnectionReset, error)
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = ready!(self.poll_fill(cx))?.min(buf.remaining());
        buf.put_slice(&self.unread.split_to(length));
        // Fails on a stream that is over, which the next read says.
        let _ = self.incoming.flow_control().release_capacity(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reset) = self.outgoing.poll_reset(cx) {
            return Poll::Ready(Err(broken(reset.map_or_else(|error| error, Into::into))));
        }
        let room = match ready!(poll_room(&mut self.outgoing, buf.len(), cx)) {
            Some(Ok(room)) => room,
            Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            None => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        };
        let length = buf.len().min(room).min(LONGEST_PIECE);
        let piece = Bytes::copy_from_slice(&buf[..length]);
        self.outgoing.send_data(piece, false).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.outgoing.send_data(Bytes::new(), true).map_err(broken))
    }
}
