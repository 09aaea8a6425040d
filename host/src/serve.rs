//! One client connection, from accept to close.

mod handshake;
mod http1;
mod linger;
mod opening;
mod proxy_header;
mod waiting;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::downstream::{ClientConnection, Scheme};
use crate::drain::DrainGuard;
use crate::listener::{IdleClients, Listener};
use crate::proxy::Current;
use crate::stream::Stream;
use http1::Http1;
use opening::Opened;
use waiting::Waiting;

/// Serves a connection until it ends.
pub async fn connection(
    current: Rc<Current>,
    listener: Rc<Listener>,
    drain: DrainGuard,
    idle: Rc<IdleClients>,
    stream: Stream,
    peer: SocketAddr,
) {
    let deadlines = current.get().deadlines.clone();
    let local = local_address(&current, &listener, &stream);
    let Opened { stream, peer, over_tls } = match stream {
        Stream::Plain(socket) if opening::is_needed(&listener) => {
            let waiting = Waiting::new(&drain, &idle, &deadlines);
            // Boxed as it is large, and over soon.
            match Box::pin(opening::open(&listener, socket, peer, waiting)).await {
                Some(opened) => opened,
                None => return,
            }
        }
        stream => Opened { stream, peer, over_tls: None },
    };
    let client = ClientConnection::new(
        peer,
        local,
        Scheme::Http,
        Arc::clone(&listener.limits),
        Arc::clone(&listener.trusted_proxies),
        &deadlines,
    );
    let client = Rc::new(match over_tls {
        Some((identity, hsts)) => client.over_tls(identity, hsts),
        None => client,
    });
    let http = Http1::new(current, client, drain, idle);
    http.serve(stream, deadlines).await;
}

/// The end of a connection that is here. Asking the system is left out where nobody is told.
fn local_address(current: &Current, listener: &Listener, stream: &Stream) -> SocketAddr {
    match stream {
        Stream::Plain(socket) if listener.address.ip().is_unspecified() && current.get().names_clients => {
            socket.local_addr().unwrap_or(listener.address)
        }
        _ => listener.address,
    }
}

#[cfg(test)]
mod tests;
