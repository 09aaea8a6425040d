//! The way of a request: admission, route, pick, exchange with the backend, response.
//!
//! [`handle`] is the whole of it; each step lives in the module of its name.

mod attempts;
mod body;
mod claim;
mod failure;
mod forward;
mod forwarding;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod hop_by_hop;
mod max_forwards;
mod persistence;
mod target;
mod via;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body::Body;
use hyper::body::Incoming;
use pointsman_core::request::{self, RequestHead};
use pointsman_core::route::Router;

pub use body::ResponseBody;
pub use failure::Failure;

use crate::deadline::Deadlines;
use crate::downstream::Client;
use crate::upstream::{self, Balancer, Exchange, Session, WorkerPool};
use attempts::Attempts;
use body::RequestInWork;
use hop_by_hop::Found;
use persistence::Persistence;

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

/// Serves one request.
///
/// # Errors
///
/// None: every failure is a response.
pub async fn handle(
    proxy: Rc<Proxy>,
    session: Rc<Session>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let client = &session.client;
    let number = match client.begin_request(request.method()) {
        Ok(number) => number,
        Err(refusal) => {
            let in_work = RequestInWork::new(client);
            return Ok(Failure::Refused(refusal).respond(in_work));
        }
    };
    let in_work = RequestInWork::new(client);
    let has_body = !request.body().is_end_stream();
    let persistence = Persistence::of(&request);
    let served = serve(&proxy, &session, number, request, persistence).await;
    if !matches!(served, Ok(Served::Upgrade(_))) {
        client.stay_with_http(number);
    }
    match served {
        Ok(Served::Response(exchange)) => Ok(match exchange.into_response() {
            Some(response) => response.map(|body| ResponseBody::upstream(body, in_work)),
            None => Failure::Upstream(upstream::Error::Reset).respond(in_work),
        }),
        Ok(Served::Upgrade(headers)) => {
            let mut response = Response::new(ResponseBody::empty(in_work));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            *response.headers_mut() = headers;
            Ok(response)
        }
        Ok(Served::FinalRecipient(method)) => {
            let mut response = max_forwards::respond(&method, in_work);
            persistence.announce(&mut response, !has_body && client.may_keep_alive());
            Ok(response)
        }
        Err(failure) => {
            failure.log(client.peer);
            let mut response = failure.respond(in_work);
            let refused = matches!(failure, Failure::Refused(_));
            persistence.announce(&mut response, !refused && !has_body && client.may_keep_alive());
            Ok(response)
        }
    }
}

/// What came of a request.
enum Served {
    /// The exchange holds the response.
    Response(Box<Exchange>),
    /// Both sides change the protocol; the session holds the backend's end.
    Upgrade(HeaderMap),
    /// The request goes no further, as it wants it.
    FinalRecipient(Method),
}

async fn serve(
    proxy: &Proxy,
    session: &Rc<Session>,
    number: u64,
    request: Request<Incoming>,
    persistence: Persistence,
) -> Result<Served, Failure> {
    let client = &session.client;
    let (mut parts, body) = request.into_parts();
    client.restore_target(number, &mut parts);
    target::adopt(&mut parts, client.limits.path_normalization)?;
    let found = Found::among(&parts.headers);
    if found.via && via::hops(&parts.headers) > client.limits.max_hops {
        return Err(Failure::Loop);
    }
    if max_forwards::ends_here(&parts) {
        return Ok(Served::FinalRecipient(parts.method));
    }
    let balancer = route(proxy, client, &parts).ok_or(Failure::NoRoute)?;
    if let Some(total) = balancer.limits().total_timeout {
        client.bind_request(proxy.deadlines.after(total));
    }
    let may_upgrade = found.upgrade && client.may_upgrade(number);
    let upgrade = may_upgrade.then(|| forward::wanted_upgrade(&parts.headers)).flatten();
    let clock = proxy.deadlines.clock();
    let expects = found.expect && parts.version > Version::HTTP_10;
    let expectation = expects.then(|| (Rc::clone(client), number));
    let attempts = Attempts {
        balancer,
        client,
        session,
        deadlines: &proxy.deadlines,
        number,
        upgrade: upgrade.as_ref(),
        spare: client.needs_spare(number, &parts.method).then(|| Box::new(parts.clone())),
        authenticates: found.authorization && forward::authenticates_connection(&parts),
        waits_until: Cell::default(),
        upload: forward::upload(&parts, body, balancer.limits().retry.body, expectation, clock),
    };
    let mut head = RequestHead::new(parts, client.peer.ip());
    forward::request_head(&mut head, client, upgrade.as_ref(), found);
    let mut exchange = attempts.answer(&mut head).await?;
    let response = exchange.response_mut().ok_or(Failure::Upstream(upstream::Error::Reset))?;

    match (response.status() == StatusCode::SWITCHING_PROTOCOLS, &upgrade) {
        // What the client still sends of a body would end up in the tunnel.
        (true, Some(_)) if !attempts.upload.is_over() => {
            Err(Failure::Upstream(upstream::Error::EarlyUpgrade))
        }
        (true, Some(_)) => {
            let headers = forward::upgrade_response(response.headers_mut());
            let tunnel = exchange.into_tunnel().await.ok_or(Failure::Upstream(upstream::Error::Reset))?;
            session.tunnel.replace(Some(tunnel));
            Ok(Served::Upgrade(headers))
        }
        (true, None) => Err(Failure::Upstream(upstream::Error::UnwantedUpgrade)),
        (false, _) => {
            forward::response_headers(response);
            // hyper closes on a body that nobody has read to its end; the client shall know.
            persistence.announce(response, client.may_keep_alive() && attempts.upload.is_over());
            if persistence.ends_by_close(response) {
                client.end_by_close();
            }
            Ok(Served::Response(exchange))
        }
    }
}

fn route<'a>(proxy: &'a Proxy, client: &Client, parts: &http::request::Parts) -> Option<&'a Rc<Balancer>> {
    let authority = || parts.headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    let index = proxy.router.route(authority, request::path(parts), client.limits.path_normalization)?;
    proxy.balancers.get(index.0)
}
