//! The PROXY header that a connection begins with, if a proxy in front sends one.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;

use super::waiting::{GivenUp, Waiting};
use crate::proxy_protocol::{ExpectedHeader, Header, HeaderError, HeaderFailure, More, Parsed, parse};
use crate::socket::Socket;

/// Reads the header of a connection, and nothing that follows it. `None` = there is no usable one, and the connection is over. Of a peer
/// that isn't a sender nothing is read.
pub(super) async fn proxy_header(
    expected: &ExpectedHeader,
    socket: &mut Socket,
    peer: SocketAddr,
    waiting: &Waiting<'_>,
) -> Option<Header> {
    let error = match from_sender(expected, socket, peer, waiting).await {
        Ok(header) => return Some(header),
        Err(error) => error,
    };
    expected.counts().fail(error.failure);
    let reason = error.failure.label();
    tracing::debug!(event = "proxy-header-refused", %peer, reason, %error, "no usable PROXY header");
    None
}

async fn from_sender(
    expected: &ExpectedHeader,
    socket: &mut Socket,
    peer: SocketAddr,
    waiting: &Waiting<'_>,
) -> Result<Header, HeaderError> {
    if !expected.is_sender(peer.ip()) {
        return Err(HeaderError::new(HeaderFailure::Stranger, "`from` doesn't name the peer"));
    }
    let deadline = waiting.deadlines.deadline();
    deadline.set(expected.timeout());
    waiting.for_step(read(socket), &deadline).await.unwrap_or_else(|given_up| {
        let failure = match given_up {
            GivenUp::Timeout => HeaderFailure::Timeout,
            GivenUp::Drain | GivenUp::Room => HeaderFailure::Ended,
        };
        Err(HeaderError::new(failure, given_up.what()))
    })
}

async fn read(socket: &mut Socket) -> Result<Header, HeaderError> {
    let mut bytes = Vec::new();
    loop {
        let step = match parse(&bytes)? {
            Parsed::Complete(header) => return Ok(header),
            Parsed::Incomplete(More::Bytes(missing)) => missing,
            Parsed::Incomplete(More::Line(most)) => line(socket, most).await.map_err(left)?,
        };
        let mut rest = (&mut *socket).take(step as u64);
        if rest.read_buf(&mut bytes).await.map_err(left)? == 0 {
            return Err(left(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// How many of the next bytes are of a line that ends within `most` bytes, as far as they have come. What follows the line stays in the
/// socket.
async fn line(socket: &Socket, most: usize) -> io::Result<usize> {
    let mut ahead = [0; 128];
    let most = most.min(ahead.len());
    let come = socket.peek(&mut ahead[..most]).await?;
    // At its end there is one byte to read that won't come.
    Ok(memchr::memchr(b'\n', &ahead[..come]).map_or_else(|| come.max(1), |end| end + 1))
}

fn left(_: io::Error) -> HeaderError {
    HeaderError::new(HeaderFailure::Closed, "the sender has left before its end")
}
