//! One client connection, from accept to close.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pointsman_core::clock::{Clock, Moment};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::downstream::{Client, Gate};
use crate::drain::DrainGuard;
use crate::listener::{Awaited, IdleClients, IdlePlace, Listener};
use crate::proxy::{self, Current};
use crate::upstream::Session;

/// How long a connection that shall come to its end waits for a request: one may be on the way. Closing at once would lose
/// it, and the client couldn't know whether it was served.
const LATE_GRACE: Duration = Duration::from_secs(1);

/// What a client still sends after the last response is taken in for so long, and so much of it: closing on unread
/// bytes would reset the connection, and the response might never be read.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// A connection that hasn't sent anything yet is left in peace for so long even if others need the room: its request may
/// be on the way, and in a crowd of clients that come together many a one takes seconds to send it.
const FIRST_GRACE: Duration = Duration::from_secs(5);

/// The same for one that has had a response: a bit longer than it takes to rest, so that the one which was idle the longest is
/// among those that rest.
const NEXT_GRACE: Duration = Duration::from_millis(450);

type ClientGate = Gate<TcpStream>;

/// Serves a connection until it ends.
pub async fn connection(
    current: Rc<Current>,
    listener: Rc<Listener>,
    drain: DrainGuard,
    idle: Rc<IdleClients>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let deadlines = current.get().deadlines.clone();
    let client = Rc::new(Client::new(
        peer,
        Arc::clone(&listener.limits),
        Arc::clone(&listener.trusted_proxies),
        &deadlines,
    ));
    let session = Rc::new(Session::new(client));
    let gate = Gate::new(stream, Rc::clone(&session.client), deadlines);
    let Some((gate, unread)) = requests(&current, &session, &drain, &idle, gate).await else { return };

    let cut_short = session.client.refusal().is_some() || gate.is_within_body() || !unread.is_empty();
    if let Some(tunnel) = session.tunnel.take() {
        // What hyper has read and not used is HTTP. There is none, as the gate lets nothing pass after a request for another
        // protocol; whatever it was, the backend shall not get it.
        let Some((stream, early)) = gate.into_tunnel().filter(|_| unread.is_empty()) else { return };
        let client = &session.client;
        // Boxed as most connections never become one, and all would have room for it.
        let joined = Box::pin(tunnel.join(stream, early.into(), &client.upstream, &client.limits));
        if let Err(error) = joined.await {
            tracing::debug!(event = "tunnel-ended", %peer, %error, "tunnel ended");
        }
    } else if cut_short {
        linger(gate.into_inner(), &session.client.receive).await;
    }
}

/// Serves requests, until no other will follow. `None` = the client has sent none for too long.
///
/// What serves HTTP, above all its buffers, is there from the first byte of a request on, and until the connection goes to rest.
async fn requests(
    current: &Rc<Current>,
    session: &Rc<Session>,
    drain: &DrainGuard,
    idle: &Rc<IdleClients>,
    mut gate: ClientGate,
) -> Option<(ClientGate, Bytes)> {
    let client = &session.client;
    let heed_drain = |cx: &Context<'_>| {
        if !client.is_ending() && drain.is_draining(cx) {
            client.end_soon(LATE_GRACE);
        }
    };
    let clock = current.get().deadlines.clock();
    let mut awaited = Awaited::First;
    loop {
        let mut place: Option<IdlePlace> = None;
        let has_sent = poll_fn(|cx| {
            heed_drain(cx);
            if let Poll::Ready(has_sent) = gate.poll_awake(cx) {
                return Poll::Ready(has_sent);
            }
            match &place {
                None => place = Some(idle.wait(awaited, closable_from(client, awaited, clock), cx)),
                Some(place) if !place.shall_leave(cx) => {}
                Some(_) if gate.has_unread() => {
                    client.end_soon(LATE_GRACE);
                    return Poll::Ready(true);
                }
                Some(_) => return Poll::Ready(false),
            }
            Poll::Pending
        });
        if !has_sent.await {
            return None;
        }
        drop(place);
        awaited = Awaited::Next;
        client.wake();
        let mut http = Box::new(http1::Builder::new().serve_connection(
            TokioIo::new(gate),
            service_fn(|request| proxy::handle(current.get(), Rc::clone(session), request)),
        ));
        let ended = poll_fn(|cx| {
            heed_drain(cx);
            match Pin::new(&mut http).poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if client.rests() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        let ended = ended.await;
        let parts = http.into_parts();
        gate = parts.io.into_inner();
        match ended {
            None => {
                tracing::debug!(
                    event = "connection-parked", peer = %client.peer,
                    "idle connection rests; its buffers are given back"
                );
                gate.take_back(&parts.read_buf);
            }
            Some(ended) => {
                match ended {
                    Ok(()) => gate.all_sent(),
                    Err(error) => {
                        tracing::debug!(
                            event = "connection-ended", peer = %client.peer, %error,
                            "connection ended"
                        )
                    }
                }
                return Some((gate, parts.read_buf));
            }
        }
    }
}

/// From when on an idle connection may be closed to make room.
fn closable_from(client: &Client, awaited: Awaited, clock: Clock) -> Moment {
    match awaited {
        Awaited::First => clock.now().after(FIRST_GRACE),
        Awaited::Next => client.last_used().after(NEXT_GRACE),
    }
}

/// Takes in what still comes, so that the last response isn't lost to a reset.
async fn linger(mut stream: TcpStream, deadline: &Deadline) {
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
