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

use crate::downstream::http1::gate::Gate;
use crate::downstream::http1::queue::RequestQueue;
use crate::downstream::{ClientConnection, Scheme};
use crate::drain::DrainGuard;
use crate::listener::{IdleClients, Listener};
use crate::proxy::Current;
use crate::stream::Stream;
use crate::upstream::PinnedConnections;
use http1::{Ended, Http1};
use linger::{farewell, linger};
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
    let queue = Rc::new(RequestQueue::new(Rc::clone(&client)));
    let gate = Gate::new(stream, Rc::clone(&client), Rc::clone(&queue), deadlines);
    let pinned = Rc::<PinnedConnections>::default();
    let http = Http1 { current, client: Rc::clone(&client), queue, pinned, drain, idle };
    let Some(Ended { gate, unread, tunnel }) = http.serve(gate).await else { return };

    let cut_short = gate.has_refused() || gate.is_within_body() || !unread.is_empty();
    if let Some(tunnel) = tunnel {
        // What hyper has read and not used is HTTP. There is none, as the gate lets nothing pass after a request for another
        // protocol; whatever it was, the backend must not get it.
        let Some((stream, early)) = gate.into_tunnel().filter(|_| unread.is_empty()) else { return };
        // Boxed as most connections never become one, and all would have room for it.
        if let Err(error) = Box::pin(tunnel.join(stream, early.into(), &client.limits)).await {
            tracing::debug!(event = "tunnel-ended", %peer, %error, "tunnel ended");
        }
    } else if cut_short {
        linger(gate.into_inner(), &client.keepalive.receive).await;
    } else if gate.owes_farewell() {
        Box::pin(farewell(gate.into_inner(), &client.keepalive.receive)).await;
    }
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
