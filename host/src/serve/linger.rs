//! Closing a connection: with a farewell where the client expects one, and without a reset where it may still be sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::AsyncWrite;

use crate::deadline::Deadline;
use crate::downstream::{Farewell, LINGER};
use crate::stream::Stream;

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
    let mut farewell = Farewell::begin(deadline);
    poll_fn(|cx| farewell.poll(&mut stream, deadline, cx)).await;
}
