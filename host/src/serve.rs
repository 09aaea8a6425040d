//! One client connection, from accept to close.

mod grace;
mod handshake;
mod http1;
mod http2;
mod linger;
mod opening;
mod proxy_header;
mod waiting;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use pointsman_core::address::Address;

use crate::config::Http2Use;
use crate::downstream::{ClientConnection, Scheme};
use crate::drain::DrainGuard;
use crate::listener::{IdleClients, Listener};
use crate::proxy::Current;
use crate::reports::ListenerReports;
use crate::stream::Stream;
use http1::Http1;
use http2::Http2;
use opening::Opened;
use waiting::Waiting;

/// Serves a connection until it ends.
pub async fn connection(
    current: Rc<Current>,
    listener: Rc<Listener>,
    drain: DrainGuard,
    idle: Rc<IdleClients>,
    reports: Rc<ListenerReports>,
    stream: Stream,
    peer: SocketAddr,
) {
    let deadlines = current.get().deadlines.clone();
    let local = local_address(&current, &listener, &stream);
    let Opened { stream, peer, port, over_tls } = match stream {
        Stream::Plain(socket) if opening::is_needed(&listener) => {
            let waiting = Waiting::new(&drain, &idle, &deadlines);
            // Boxed as it is large, and over soon.
            match Box::pin(opening::open(&listener, socket, peer, waiting)).await {
                Some(opened) => opened,
                None => return,
            }
        }
        stream => Opened { stream, peer, port: None, over_tls: None },
    };
    let mut client = ClientConnection::new(
        peer,
        local,
        Scheme::Http,
        Arc::clone(&listener.limits),
        Arc::clone(&listener.trusted_proxies),
        reports,
        &deadlines,
    );
    client.local.port = port.or(client.local.port);
    let client = Rc::new(match over_tls {
        Some(over_tls) => client.over_tls(over_tls),
        None => client,
    });
    let detects = match Speech::of(&stream, &listener) {
        Speech::Http1 => false,
        Speech::Detected => true,
        Speech::Http2 => {
            let http = Http2::new(current, client, drain, idle, deadlines);
            // Boxed, as the future of a connection of HTTP/1 would have room for it.
            return Box::pin(http.serve(stream, Bytes::new())).await;
        }
    };
    let http = Http1::new(current, client, drain, idle);
    if let Some((stream, read)) = http.serve(stream, deadlines.clone(), detects).await {
        Box::pin(http.into_http2(deadlines).serve(stream, read.into())).await;
    }
}

/// Which version of HTTP a connection speaks.
enum Speech {
    Http1,
    Http2,
    /// What its first bytes say.
    Detected,
}

impl Speech {
    fn of(stream: &Stream, listener: &Listener) -> Self {
        match (listener.limits.http2, stream) {
            (Http2Use::Off, _) => Self::Http1,
            (Http2Use::Only, _) => Self::Http2,
            (Http2Use::Auto, Stream::Tls(stream)) if stream.agreed_on_http2() => Self::Http2,
            (Http2Use::Auto, Stream::Tls(_)) => Self::Http1,
            (Http2Use::Auto, _) => Self::Detected,
        }
    }
}

/// The end of a connection that is here. Asking the system is left out where nobody is told.
fn local_address(current: &Current, listener: &Listener, stream: &Stream) -> Address {
    match (stream, &listener.address) {
        (Stream::Plain(socket), Address::Tcp(address))
            if address.ip().is_unspecified() && current.get().names_clients =>
        {
            Address::Tcp(socket.local_address().unwrap_or(*address))
        }
        (_, address) => address.clone(),
    }
}

#[cfg(test)]
mod tests;
