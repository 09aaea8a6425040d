//! HTTP/1.x on one connection: hyper's server on top of the gate, parked while nothing happens.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::grace::{LATE_GRACE, closable_from};
use super::http2::Http2;
use super::linger::{farewell, linger};
use crate::deadline::Deadlines;
use crate::downstream::http1::gate::Gate;
use crate::downstream::http1::persistence::Persistence;
use crate::downstream::http1::queue::{Arrival, RequestQueue};
use crate::downstream::{ClientBody, ClientConnection, RequestGuard};
use crate::drain::DrainGuard;
use crate::listener::{Awaited, IdleClients, IdlePosition};
use crate::proxy::{self, Current, ResponseBody, Then};
use crate::stream::Stream;
use crate::upstream::{PinnedConnections, Tunnel};

/// A listener with more connections than this on one worker parks them sooner.
const MANY: usize = 2048;

/// What serves the requests of one connection.
pub(super) struct Http1 {
    current: Rc<Current>,
    client: Rc<ClientConnection>,
    queue: Rc<RequestQueue>,
    pinned: Rc<PinnedConnections>,
    drain: DrainGuard,
    idle: Rc<IdleClients>,
}

/// What is left of a connection when no other request will follow.
struct Ended {
    gate: Gate,
    /// What hyper has read and not used.
    unread: Bytes,
    /// The backend's end, if both sides have changed the protocol.
    tunnel: Option<Box<Tunnel>>,
}

/// How serving requests has ended.
enum End {
    /// The client has sent nothing for too long.
    Gone,
    /// The connection is HTTP/2.
    Http2(Gate),
    /// No other request will follow.
    Last(Ended),
}

impl Http1 {
    /// A client that hasn't sent anything yet.
    pub(super) fn new(
        current: Rc<Current>,
        client: Rc<ClientConnection>,
        drain: DrainGuard,
        idle: Rc<IdleClients>,
    ) -> Self {
        let queue = Rc::new(RequestQueue::new(Rc::clone(&client)));
        Self { current, client, queue, pinned: Rc::default(), drain, idle }
    }

    /// What serves the same connection once it has turned out to be HTTP/2.
    pub(super) fn into_http2(self, deadlines: Deadlines) -> Http2 {
        Http2::new(self.current, self.client, self.drain, self.idle, deadlines)
    }

    /// Serves the connection until it ends, or turns out to be HTTP/2, which it can only if this `detects_http2`: then its socket
    /// comes back, with what was read from it.
    pub(super) async fn serve(
        &self,
        stream: Stream,
        deadlines: Deadlines,
        detects_http2: bool,
    ) -> Option<(Stream, Vec<u8>)> {
        let client = &self.client;
        let gate = Gate::new(stream, Rc::clone(client), Rc::clone(&self.queue), deadlines, detects_http2);
        match self.serve_requests(gate).await {
            End::Gone => None,
            End::Http2(gate) => Some(gate.into_http2()),
            End::Last(ended) => {
                self.conclude(ended).await;
                None
            }
        }
    }

    /// Does what is left to do after the last request.
    async fn conclude(&self, Ended { gate, unread, tunnel }: Ended) {
        let client = &self.client;

        let cut_short = gate.has_refused() || gate.is_within_body() || !unread.is_empty();
        if let Some(tunnel) = tunnel {
            // What hyper has read and not used is HTTP. There is none, as the gate lets nothing pass after a request for another
            // protocol; whatever it was, the backend must not get it.
            let Some((stream, early)) = gate.into_tunnel().filter(|_| unread.is_empty()) else { return };
            // Boxed as most connections never become one, and all would have room for it.
            if let Err(error) = Box::pin(tunnel.join(stream, early.into(), &client.limits)).await {
                let peer = client.peer;
                tracing::debug!(event = "tunnel-ended", %peer, %error, "tunnel ended");
            }
        } else if cut_short {
            linger(gate.into_inner(), &client.keepalive.receive).await;
        } else if gate.owes_farewell() {
            Box::pin(farewell(gate.into_inner(), &client.keepalive.receive)).await;
        }
    }

    /// Serves requests, until no other will follow.
    ///
    /// What serves HTTP, above all its buffers, exists from the first byte of a request on, and until the connection is parked.
    async fn serve_requests(&self, mut gate: Gate) -> End {
        let client = &self.client;
        let tunnel = Cell::new(None);
        let mut awaited = Awaited::First;
        loop {
            if !self.wait_for_request(&mut gate, awaited).await {
                gate.take_leave();
                return End::Gone;
            }
            awaited = Awaited::Next;
            client.keepalive.unpark(self.drain.connections() > MANY);
            let mut http =
                Box::new(http1::Builder::new().serve_connection(
                    TokioIo::new(gate),
                    service_fn(|request| self.answer(request, &tunnel)),
                ));
            let ended = poll_fn(|cx| {
                self.heed_drain(cx);
                loop {
                    match Pin::new(&mut http).poll(cx) {
                        Poll::Ready(ended) => return Poll::Ready(Some(ended)),
                        Poll::Pending if client.keepalive.is_parked() || self.queue.is_http2() => {
                            return Poll::Ready(None);
                        }
                        Poll::Pending if self.queue.pass_hints(proxy::early_hint) => {}
                        Poll::Pending => return Poll::Pending,
                    }
                }
            });
            let ended = ended.await;
            let parts = http.into_parts();
            gate = parts.io.into_inner();
            match ended {
                None if self.queue.is_http2() => return End::Http2(gate),
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
                            let peer = client.peer;
                            tracing::debug!(event = "connection-ended", %peer, %error, "connection ended");
                        }
                    }
                    return End::Last(Ended { gate, unread: parts.read_buf, tunnel: tunnel.take() });
                }
            }
        }
    }

    /// Waits while the connection is parked. `false` = no request will come, or others need its place.
    async fn wait_for_request(&self, gate: &mut Gate, awaited: Awaited) -> bool {
        let clock = self.current.get().deadlines.clock();
        let mut place: Option<IdlePosition> = None;
        poll_fn(|cx| {
            self.heed_drain(cx);
            if let Poll::Ready(has_sent) = gate.poll_unparked(cx) {
                return Poll::Ready(has_sent);
            }
            match &place {
                None => {
                    place = Some(self.idle.wait(
                        awaited,
                        closable_from(&self.client.keepalive, awaited, clock),
                        cx,
                    ))
                }
                Some(place) if !place.must_close(cx) => {}
                Some(_) if gate.has_unread() => {
                    self.client.keepalive.end_soon(LATE_GRACE);
                    return Poll::Ready(true);
                }
                Some(_) => return Poll::Ready(false),
            }
            Poll::Pending
        })
        .await
    }

    fn heed_drain(&self, cx: &Context<'_>) {
        let keepalive = &self.client.keepalive;
        if !keepalive.is_ending() && self.drain.is_draining(cx) {
            keepalive.end_soon(LATE_GRACE);
        }
    }

    /// Has the path answer a request that hyper has parsed, and says in the response what becomes of the connection.
    // Inlined, so that hyper's connection gets the future made in its place, and not moved there.
    #[inline(always)]
    pub(super) fn answer(
        &self,
        request: Request<Incoming>,
        tunnel: &Cell<Option<Box<Tunnel>>>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
        let persistence = Persistence::of(&request);
        let (context, refused) = match self.queue.take(request.method()) {
            Arrival::Admitted(context) => (context, None),
            Arrival::Refused(context, refusal) => (context, Some(refusal)),
        };
        let conclude = move |response: &mut Response<ResponseBody>, then| {
            self.queue.begin_response(response.body().end());
            let keeps_alive = match then {
                Then::Tunnel(end) => return tunnel.set(Some(end)),
                Then::KeepAlive => self.client.keepalive.may_continue() && !self.drain.is_leaving(),
                Then::Close => false,
            };
            persistence.announce(response, keeps_alive);
            if persistence.ends_by_close(response) {
                self.queue.end_by_close();
            }
        };
        let (proxy, pinned) = (self.current.get(), Rc::clone(&self.pinned));
        let request = request.map(ClientBody::Http1);
        proxy::handle(proxy, RequestGuard::begin(context), refused, pinned, request, conclude)
    }
}
