//! The time between accepting a connection and its first request, if something has to come before that: a PROXY header, or TLS.

use std::net::SocketAddr;

use super::handshake::handshake;
use super::proxy_header::proxy_header;
use super::waiting::Waiting;
use crate::downstream::OverTls;
use crate::listener::Listener;
use crate::proxy_protocol::Header;
use crate::socket::Socket;
use crate::stream::Stream;

/// A connection that is ready for its first request.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// The client.
    pub(super) peer: SocketAddr,
    /// The port that it has connected to, if a PROXY header says so.
    pub(super) port: Option<u16>,
    /// If it is over TLS: what is known and said there.
    pub(super) over_tls: Option<OverTls>,
}

/// Whether a listener's connections begin with something else than a request.
pub(super) fn is_needed(listener: &Listener) -> bool {
    listener.tls.is_some() || listener.proxy_protocol.is_some()
}

/// Takes in what comes before the first request. `None` = it isn't as it should be, and the connection is over.
///
/// Such a connection is one that waits for its first request: it counts towards the limit, gives way to others after the same time, and a
/// drain gives it the same grace.
pub(super) async fn open(
    listener: &Listener,
    mut socket: Socket,
    mut peer: SocketAddr,
    waiting: Waiting<'_>,
) -> Option<Opened> {
    let (mut may_be_empty, mut port) = (false, None);
    if let Some(expected) = &listener.proxy_protocol {
        match proxy_header(expected, &mut socket, peer, &waiting).await? {
            Header::Client(client) => {
                peer = client.source;
                port = Some(client.destination.port());
            }
            // Senders check with such connections whether there is somebody.
            Header::Socket => may_be_empty = true,
        }
    }
    let Some(tls) = &listener.tls else {
        return Some(Opened { stream: Stream::Plain(socket), peer, port, over_tls: None });
    };
    let (stream, client) = handshake(tls, socket, peer, may_be_empty, &waiting).await?;
    let hsts = tls.config().hsts.clone();
    Some(Opened { stream: Stream::Tls(stream), peer, port, over_tls: Some(OverTls { client, hsts }) })
}
