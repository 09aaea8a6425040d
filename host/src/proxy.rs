//! The way of a request: admission, route, pick, exchange with the backend, response.
//!
//! [`handle`] is the whole of it; each step lives in the module of its name.

mod body;
mod claim;
mod failure;
mod forward;
mod forwarding;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod hop_by_hop;
mod label;
mod max_forwards;
mod retry;
mod target;
mod via;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;

pub use body::ResponseBody;
pub use failure::Failure;

use crate::deadline::Deadlines;
use crate::downstream::{ClientConnection, Refusal, RequestContext, RequestGuard};
use crate::upstream::{self, Answered, Balancer, PinnedConnections, Tunnel, WorkerPool};
use forward::{Preparation, Prepared};
use pointsman_core::request;
use pointsman_core::route::{RouteIndex, Router};
use retry::Attempts;

/// What a worker needs to serve requests.
#[derive(Debug)]
pub struct Proxy {
    /// Which route a request takes.
    pub router: Router,
    /// What picks for each route, in the places of the routes.
    pub balancers: Vec<Rc<Balancer>>,
    /// The pools that they pick from.
    pub pools: Vec<Rc<WorkerPool>>,
    /// The worker's timeouts.
    pub deadlines: Deadlines,
}

/// What a worker serves with at this moment. A request takes it once, and keeps it to its end.
#[derive(Debug)]
pub struct Current(RefCell<Rc<Proxy>>);

impl Current {
    /// Serves with this until something else comes.
    #[must_use]
    pub fn new(proxy: Proxy) -> Self {
        Self(RefCell::new(Rc::new(proxy)))
    }

    /// What a request that begins now is served with.
    #[must_use]
    pub fn get(&self) -> Rc<Proxy> {
        Rc::clone(&self.0.borrow())
    }

    /// Serves what begins from now on with this.
    pub fn set(&self, proxy: Proxy) {
        // What it was is dropped when the borrow is over.
        let _before = self.0.replace(Rc::new(proxy));
    }
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The response. Its `Connection` field says nothing of the client's connection yet.
    pub response: Response<ResponseBody>,
    /// What becomes of the client's connection.
    pub then: Then,
}

/// What becomes of a client's connection after a response. Advice, which the protocol carries out.
#[derive(Debug)]
pub enum Then {
    /// Other requests may follow.
    KeepAlive,
    /// Nothing that follows can be trusted, or read: the connection has to end.
    Close,
    /// Both sides change the protocol; this is the backend's end.
    Tunnel(Box<Tunnel>),
}

/// Serves one request. Every failure is a response.
pub async fn handle(
    proxy: Rc<Proxy>,
    guard: RequestGuard,
    pinned: Rc<PinnedConnections>,
    request: Request<Incoming>,
) -> Answer {
    let context = Rc::clone(guard.context());
    context.record().began = proxy.deadlines.clock().now();
    let has_body = !request.body().is_end_stream();
    let served = serve(&proxy, &context, &pinned, request).await;
    if !matches!(served, Ok(Served::Upgrade(..))) {
        context.decline_upgrade();
    }
    let (response, then) = match served {
        // hyper closes on a body that nobody has read to its end; the client has to know.
        Ok(Served::Response(answered)) if !answered.has_whole_request() => {
            (answered.into_response().map(|body| ResponseBody::upstream(body, guard)), Then::Close)
        }
        Ok(Served::Response(answered)) => {
            (answered.into_response().map(|body| ResponseBody::upstream(body, guard)), Then::KeepAlive)
        }
        Ok(Served::Upgrade(headers, tunnel)) => {
            let mut response = Response::new(ResponseBody::empty(guard));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            *response.headers_mut() = headers;
            (response, Then::Tunnel(tunnel))
        }
        Ok(Served::FinalRecipient(method)) => {
            (max_forwards::respond(&method, guard), if has_body { Then::Close } else { Then::KeepAlive })
        }
        Err(failure) => {
            failure.log(context.connection().peer);
            let refused = matches!(failure, Failure::Refused(_));
            let then = if refused || has_body { Then::Close } else { Then::KeepAlive };
            (failure.respond(guard), then)
        }
    };
    context.record().status = Some(response.status());
    Answer { response, then }
}

/// Answers a request that the protocol has refused.
#[must_use]
pub fn refuse(proxy: &Proxy, guard: RequestGuard, refusal: Refusal) -> Answer {
    let context = Rc::clone(guard.context());
    let response = Failure::Refused(refusal).respond(guard);
    let mut record = context.record();
    record.began = proxy.deadlines.clock().now();
    record.status = Some(response.status());
    Answer { response, then: Then::Close }
}

/// What came of a request.
enum Served {
    /// A backend's response.
    Response(Answered),
    /// Both sides change the protocol, as these headers say.
    Upgrade(HeaderMap, Box<Tunnel>),
    /// The request goes no further, as it wants it.
    FinalRecipient(Method),
}

async fn serve(
    proxy: &Proxy,
    context: &Rc<RequestContext>,
    pinned: &Rc<PinnedConnections>,
    request: Request<Incoming>,
) -> Result<Served, Failure> {
    let (parts, body) = request.into_parts();
    let Prepared { mut head, upgrade, expects, authenticates } = match forward::prepare(parts, context) {
        Ok(prepared) => prepared,
        Err(Preparation::Failed(failure)) => return Err(failure),
        Err(Preparation::FinalRecipient(method)) => return Ok(Served::FinalRecipient(method)),
    };
    let (route, balancer) = route(proxy, context.connection(), &head.parts).ok_or(Failure::NoRoute)?;
    if let Some(total) = balancer.limits().total_timeout {
        context.limit(proxy.deadlines.after(total));
    }
    on_record(context, route, balancer);
    let (retry, clock) = (&balancer.limits().retry, proxy.deadlines.clock());
    let attempts = Attempts {
        balancer,
        context,
        pinned,
        deadlines: &proxy.deadlines,
        authenticates,
        waits_until: Cell::default(),
        upload: forward::upload(&head.parts, body, retry.body, expects.then(|| Rc::clone(context)), clock),
    };
    let mut answered = attempts.answer(&mut head).await?;
    match (answered.status() == StatusCode::SWITCHING_PROTOCOLS, upgrade) {
        // What the client still sends of a body would end up in the tunnel.
        (true, Some(_)) if !attempts.upload.is_over() => {
            Err(Failure::Upstream(upstream::Error::EarlyUpgrade))
        }
        (true, Some(_)) => {
            let headers = forward::upgrade_response(&mut answered.head.headers);
            let tunnel = Box::pin(answered.into_tunnel()).await;
            let tunnel = tunnel.ok_or(Failure::Upstream(upstream::Error::Reset))?;
            Ok(Served::Upgrade(headers, Box::new(tunnel)))
        }
        (true, None) => Err(Failure::Upstream(upstream::Error::UnwantedUpgrade)),
        (false, _) => {
            forward::response_headers(&mut answered.head);
            Ok(Served::Response(answered))
        }
    }
}

fn on_record(context: &RequestContext, route: RouteIndex, balancer: &Balancer) {
    let mut record = context.record();
    record.route = Some(route);
    record.pool = Some(balancer.worker_pool().local_pool().clone());
}

fn route<'a>(
    proxy: &'a Proxy,
    connection: &ClientConnection,
    parts: &http::request::Parts,
) -> Option<(RouteIndex, &'a Rc<Balancer>)> {
    let authority = || parts.headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    let normalization = connection.limits.path_normalization;
    let index = proxy.router.route(authority, request::path(parts), normalization)?;
    Some((index, proxy.balancers.get(index.0)?))
}
