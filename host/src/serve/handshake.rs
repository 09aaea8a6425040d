//! The time between accepting a connection and its first request, if the client has to speak TLS.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::net::TcpStream;

use super::http1::{FIRST_GRACE, LATE_GRACE};
use super::linger::linger;
use crate::deadline::{Deadline, Deadlines};
use crate::drain::DrainGuard;
use crate::listener::{Awaited, IdleClients};
use crate::stream::Stream;
use crate::tls::{ClientIdentity, Handshake, HandshakeError, HandshakeFailure, ListenerTls, TlsStream};

/// What a client gets that speaks HTTP in clear to a port for TLS.
const PLAIN_HTTP: &str = "this port speaks HTTPS: begin the address with https://\n";

/// What a connection waits with, besides its socket.
pub(super) struct Waiting<'a> {
    pub(super) drain: &'a DrainGuard,
    pub(super) idle: &'a Rc<IdleClients>,
    pub(super) deadlines: &'a Deadlines,
}

/// Makes the handshake of a connection. `None` = it failed, and the connection is over.
///
/// A connection in its handshake is one that waits for its first request: it counts towards the limit, gives way to others after the
/// same time, and a drain gives it the same grace.
pub(super) async fn handshake(
    tls: &ListenerTls,
    socket: TcpStream,
    peer: SocketAddr,
    waiting: Waiting<'_>,
) -> Option<(Box<TlsStream>, Option<Box<ClientIdentity>>)> {
    let deadline = waiting.deadlines.deadline();
    deadline.set(tls.config().handshake_timeout);
    let error = match in_time(tls, socket, &waiting, &deadline).await {
        Ok(Handshake::Complete(stream, identity)) => return Some((stream, identity)),
        Ok(Handshake::PlainHttp(socket)) => {
            // The socket's buffer is empty: it takes this at once, or the client is gone.
            let _ = socket.try_write(plain_http().as_bytes());
            linger(Stream::Plain(socket), &deadline).await;
            HandshakeError::new(HandshakeFailure::PlainHttp, "HTTP without TLS")
        }
        Err(mut error) => {
            if let Some(socket) = error.socket.take() {
                linger(Stream::Plain(socket), &deadline).await;
            }
            error
        }
    };
    tls.counts().fail(error.failure);
    let reason = error.failure.label();
    tracing::debug!(event = "handshake-failed", %peer, reason, %error, "TLS handshake failed");
    None
}

/// The handshake, unless its time is over or others need the room.
async fn in_time(
    tls: &ListenerTls,
    socket: TcpStream,
    waiting: &Waiting<'_>,
    deadline: &Deadline,
) -> Result<Handshake, HandshakeError> {
    let mut handshake = pin!(tls.handshake(socket));
    let closable_from = waiting.deadlines.clock().now().after(FIRST_GRACE);
    let (mut place, mut is_draining) = (None, false);
    poll_fn(|cx| {
        if let Poll::Ready(made) = handshake.as_mut().poll(cx) {
            return Poll::Ready(made);
        }
        if !is_draining && waiting.drain.is_draining(cx) {
            is_draining = true;
            if !deadline.is_set_within(LATE_GRACE) {
                deadline.set(LATE_GRACE);
            }
        }
        let place = place.get_or_insert_with(|| waiting.idle.wait(Awaited::First, closable_from, cx));
        if place.must_close(cx) {
            let error = HandshakeError::new(HandshakeFailure::Ended, "others needed the room");
            return Poll::Ready(Err(error));
        }
        deadline.poll(cx).map(|()| {
            Err(match is_draining {
                true => HandshakeError::new(HandshakeFailure::Ended, "the listener drains"),
                false => HandshakeError::new(HandshakeFailure::Timeout, "it took too long"),
            })
        })
    })
    .await
}

/// The response to a request in clear.
fn plain_http() -> String {
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
         x-pointsman-error: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{PLAIN_HTTP}",
        HandshakeFailure::PlainHttp.label(),
        PLAIN_HTTP.len()
    )
}
