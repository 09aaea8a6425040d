//! The TLS handshake of a client's connection.

use std::net::SocketAddr;

use super::linger::linger;
use super::waiting::{GivenUp, Waiting};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tls::{Handshake, HandshakeError, HandshakeFailure, ListenerTls, TlsClient, TlsStream};

/// What a client gets that speaks HTTP in clear to a port for TLS.
const PLAIN_HTTP: &str = "this port speaks HTTPS: begin the address with https://\n";

/// Makes the handshake of a connection. `None` = it failed, and the connection is over. One that `may_be_empty` may end before its first
/// byte without being a failure.
pub(super) async fn handshake(
    tls: &ListenerTls,
    socket: Socket,
    peer: SocketAddr,
    may_be_empty: bool,
    waiting: &Waiting<'_>,
) -> Option<(Box<TlsStream>, TlsClient)> {
    let (deadline, clock) = (waiting.deadlines.deadline(), waiting.deadlines.clock());
    let begun = clock.now();
    deadline.set(tls.config().handshake_timeout);
    let step = async {
        if may_be_empty && matches!(socket.peek(&mut [0]).await, Ok(0)) {
            return Ok(None);
        }
        tls.handshake(socket).await.map(Some)
    };
    let error =
        match waiting.for_step(step, &deadline).await.unwrap_or_else(|given_up| Err(failure(given_up))) {
            Ok(None) => return None,
            Ok(Some(Handshake::Complete(stream, client))) => {
                tls.counts().took(clock.now().since(begun));
                return Some((stream, client));
            }
            Ok(Some(Handshake::Challenge)) => {
                tracing::debug!(
                    event = "acme-challenge-answered", %peer,
                    "an authority has asked by a handshake whether a name leads here"
                );
                return None;
            }
            Ok(Some(Handshake::PlainHttp(socket))) => {
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

fn failure(given_up: GivenUp) -> HandshakeError {
    let failure = match given_up {
        GivenUp::Timeout => HandshakeFailure::Timeout,
        GivenUp::Drain | GivenUp::Room => HandshakeFailure::Ended,
    };
    HandshakeError::new(failure, given_up.what())
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
