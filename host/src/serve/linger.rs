//! Closing a connection: with a farewell where the client expects one, and without a reset where it may still be sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::deadline::Deadline;
use crate::stream::Stream;

/// How long, and how much of, what a client still sends after the last response is taken in: closing on unread bytes would reset
/// the connection, and the response might never be read.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// Tells the client that nothing more comes, behind what it still has to take.
pub(super) async fn farewell(mut stream: Stream, deadline: &Deadline) {
    deadline.set(LINGER);
    poll_fn(|cx| match Pin::new(&mut stream).poll_shutdown(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => deadline.poll(cx),
    })
    .await;
}

/// Takes in what still comes, so that the last response isn't lost to a reset.
pub(super) async fn linger(mut stream: Stream, deadline: &Deadline) {
    deadline.set(LINGER);
    let mut left = LINGER_BYTES;
    let mut is_shut = false;
    poll_fn(|cx| {
        if !is_shut {
            // A client that is gone already needs no farewell, and one that takes nothing gets none.
            is_shut = Pin::new(&mut stream).poll_shutdown(cx).is_ready();
        }
        let mut space = [0; 8192];
        while left > 0 {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    left = left.saturating_sub(buf.filled().len())
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return deadline.poll(cx),
            }
        }
        Poll::Ready(())
    })
    .await;
}
