//! Closing a connection on which the client may still be sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use crate::deadline::Deadline;
use crate::stream::Stream;

/// How long, and how much of, what a client still sends after the last response is taken in: closing on unread bytes would reset
/// the connection, and the response might never be read.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// Takes in what still comes, so that the last response isn't lost to a reset.
pub(super) async fn linger(mut stream: Stream, deadline: &Deadline) {
    deadline.set(LINGER);
    let mut left = LINGER_BYTES;
    // A client that is gone already needs no farewell.
    let _ = stream.shutdown().await;
    poll_fn(|cx| {
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
