//! The end of a connection: told to the client, and without a reset where it may still be sending.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::deadline::Deadline;
use crate::stream::Stream;

/// How long, and how much of, what a client still sends is taken in: closing on unread bytes would reset the connection, and what was sent
/// last, GOAWAY above all, might never be read.
pub const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// A connection that ends.
#[derive(Debug)]
pub struct Farewell {
    /// The client has been told.
    is_said: bool,
    /// How much of it is still taken in.
    left: usize,
}

impl Farewell {
    /// Nothing else is sent.
    #[must_use]
    pub fn begin(deadline: &Deadline) -> Self {
        deadline.set(LINGER);
        Self { is_said: false, left: LINGER_BYTES }
    }

    /// Ready when the client has left, or had time enough for it.
    pub fn poll(&mut self, stream: &mut Stream, deadline: &Deadline, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_said {
            // A client that is gone already needs no farewell, and one that takes nothing gets none.
            self.is_said = Pin::new(&mut *stream).poll_shutdown(cx).is_ready();
        }
        let mut space = [0; 8192];
        while self.left > 0 {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.left = self.left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return deadline.poll(cx),
            }
        }
        Poll::Ready(())
    }
}
