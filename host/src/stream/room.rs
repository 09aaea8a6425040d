//! How much a stream of HTTP/2 takes, and in which pieces.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;

/// Longest piece of data. With the 9 bytes of its head, the frame fills one record of TLS; 16,384 would need two.
pub const LONGEST_PIECE: usize = 16_375;

/// Waits until a stream takes something, of the `wanted` bytes if that is known. Answers how much; an error, or none, means that it
/// takes no more.
pub fn poll_room(
    stream: &mut SendStream<Bytes>,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<usize, h2::Error>>> {
    // No more than is needed: what one stream has reserved of the connection's window, no other one gets.
    stream.reserve_capacity(wanted.max(1));
    loop {
        match stream.capacity() {
            0 => match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                over => return Poll::Ready(over),
            },
            room => return Poll::Ready(Some(Ok(room))),
        }
    }
}
