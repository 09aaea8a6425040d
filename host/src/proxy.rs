//! The way of a request: admission, route, pick, exchange with the backend, response.
//!
//! [`handle`] is the whole of it; each step lives in the module of its name.

mod body;
mod challenge;
mod claim;
mod failure;
mod forward;
mod forwarding;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod header_rules;
mod hop_by_hop;
mod insight;
mod label;
mod limit;
mod max_forwards;
mod mirror;
mod own_answer;
mod redirect;
mod request_id;
mod respond;
mod retry;
mod rewrite;
mod route;
mod split;
mod switch;
mod target;
mod via;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use pointsman_core::pool::ExchangeLimits;
use pointsman_core::record::Protocol;
use pointsman_core::request::RequestHead;
use pointsman_core::route::Router;

pub use body::ResponseBody;
pub use failure::{Failure, broken_call};
pub use forward::early_hint;
pub use header_rules::HeaderRules;
pub use limit::Limited;
pub use mirror::Mirror;
pub use respond::FixedAnswer;
pub use route::{Route, Target};
pub use split::Split;

use crate::compression::Encoder;
use crate::deadline::Deadlines;
use crate::downstream::{ClientBody, Refusal, RequestContext, RequestGuard};
use crate::http_challenge::HttpChallenges;
use crate::insight::Insight;
use crate::upstream::{Answered, PinnedConnections, Tunnel, WorkerPool};
use forward::Unforwarded;
use header_rules::RequestRules;
use label::EXPLAIN_HEADER;
use own_answer::OwnAnswer;
use request_id::X_REQUEST_ID;
use retry::{Attempts, RequestChanges, ResponseChanges};
use split::Chosen;

/// What a worker needs to serve requests.
#[derive(Debug)]
pub struct Proxy {
    /// Which route a request takes.
    pub router: Router,
    /// The routes, in their places in the configuration.
    pub routes: Vec<Route>,
    /// The pools that they pick from.
    pub pools: Vec<Rc<WorkerPool>>,
    /// The worker's timeouts.
    pub deadlines: Deadlines,
    /// Where ids come from, and what is kept of requests beside their records.
    pub insight: Rc<Insight>,
    /// Whether there are backends that are told by PROXY headers whom a connection serves.
    pub names_clients: bool,
    /// What authorities are answered that ask whether a name leads here; none if no certificate is ordered.
    pub challenges: Option<Arc<HttpChallenges>>,
}

impl Proxy {
    /// Serves with these.
    #[must_use]
    pub fn new(
        router: Router,
        routes: Vec<Route>,
        pools: Vec<Rc<WorkerPool>>,
        deadlines: Deadlines,
        insight: Rc<Insight>,
    ) -> Self {
        let names_clients = pools.iter().any(|pool| pool.limits().proxy_protocol.is_some());
        Self { router, routes, pools, deadlines, insight, names_clients, challenges: None }
    }
}

/// What a worker serves with at this moment. A request looks here once, and keeps what it needs of it to its end.
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

/// Serves one request, or answers one that the protocol has refused. Every failure is a response.
///
/// `conclude` is the protocol's part: it says in the response what becomes of the connection, and sees to it.
// Inlined, so that the future is made where it stays.
#[inline(always)]
pub fn handle(
    proxy: Rc<Proxy>,
    guard: RequestGuard,
    refused: Option<Refusal>,
    pinned: Rc<PinnedConnections>,
    request: Request<ClientBody>,
    conclude: impl FnOnce(&mut Response<ResponseBody>, Then),
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let has_body = !request.body().is_end_stream();
    let mut rules = None;
    let prepared = prepare(&proxy, guard.context(), refused, pinned, request, &mut rules);
    async move {
        let (served, rules) = match prepared {
            Ok(ref attempts) => (attempts.serve().await, attempts.request.rules.as_deref()),
            Err(Unforwarded::Failed(failure)) => (Err(failure), rules.as_deref()),
            Err(Unforwarded::Answered(answer)) => (Ok(Served::Own(answer)), rules.as_deref()),
        };
        let (mut response, then) = respond(served, guard, has_body, rules);
        conclude(&mut response, then);
        Ok(response)
    }
}

/// All that is decided about a request before its backend is: who sends it, what is sent on, and which pool serves it. `unforwarded` are
/// the rules for the answer to one that goes no further on its route.
fn prepare(
    proxy: &Proxy,
    context: &Rc<RequestContext>,
    refused: Option<Refusal>,
    pinned: Rc<PinnedConnections>,
    request: Request<ClientBody>,
    unforwarded: &mut Option<Box<RequestRules>>,
) -> Result<Attempts, Unforwarded> {
    let (parts, mut body) = request.into_parts();
    context.record().protocol = protocol(parts.version);
    if refused.is_none() || parts.version == Version::HTTP_2 {
        // In HTTP/1 something else stands in for a request that was refused.
        context.log_head(&parts);
    }
    let head = &mut *context.head();
    *head = RequestHead::new(parts, context.connection().peer.ip());
    insight::identify(&proxy.insight, context, head);
    if let Some(refusal) = refused {
        return Err(Failure::Refused(refusal).into());
    }
    if let Some(challenges) = &proxy.challenges
        && let Some(answer) = challenge::answer(challenges, &head.parts)
    {
        return Err(OwnAnswer::Challenge(answer).into());
    }
    let prepared = forward::prepare(head, context)?;
    context.log_client(head.client);
    let routed = route::find(&proxy.router, &proxy.routes, context.connection(), head);
    if prepared.explains && proxy.insight.may_explain(head.client) {
        insight::explain((&proxy.insight, &proxy.router), context, head, routed);
    }
    let (index, route) = routed.ok_or(Failure::NoRoute)?;
    route::take(context, head, index, route);
    let Chosen { balancer, cookie, place } = choose(proxy, context, head, route, unforwarded)?;
    // As the client takes it, whatever rules make of that for backends.
    let compression = balancer.worker_pool().offer(&head.parts);
    let rewritten = route.rewritten(head, context.connection())?;
    let (limits, clock) = (balancer.limits(), proxy.deadlines.clock());
    let exchange = route.exchange.or(limits.exchange);
    if let Err(refusal) = bound(proxy, context, &exchange, &mut body) {
        *unforwarded = route.rules_of_answer(place, head);
        return Err(Failure::Refused(refusal).into());
    }
    let mirrored = mirror::of(&route.mirror, &prepared, head, context, (&proxy.deadlines, &proxy.insight));
    let rules = route.rules(place).map(|rules| RequestRules::begin(rules, head, context));
    let upload = forward::upload(&head.parts, body, limits, prepared.expectation(context), clock);
    mirror::follow(mirrored, &upload);
    Ok(Attempts {
        balancer: Rc::clone(balancer),
        context: Rc::clone(context),
        pinned,
        upload,
        tunnel_timeout: prepared.tunnel_timeout(&exchange, context),
        authenticates: prepared.authenticates,
        request: RequestChanges { rules, rewritten },
        waits_until: Cell::default(),
        response: ResponseChanges { cookie: cookie.cloned().map(Box::new), compression },
        deadlines: proxy.deadlines.clone(),
    })
}

/// The pool that serves a request of this route. What is answered in its place keeps to the route's limits, too. These go by what the client
/// has sent, as no rule has changed it yet.
#[inline]
fn choose<'a>(
    proxy: &Proxy,
    context: &RequestContext,
    head: &RequestHead,
    route: &'a Route,
    unforwarded: &mut Option<Box<RequestRules>>,
) -> Result<Chosen<'a>, Unforwarded> {
    let chosen = route.target.choose(head, context.connection(), || proxy.insight.ids.draw());
    if let Ok(chosen) = &chosen {
        context.record().pool = Some(chosen.balancer.worker_pool().local_pool().clone());
    }
    let admitted = limit::admit(&route.limits, context, head, proxy.deadlines.clock());
    if chosen.is_err() || admitted.is_err() {
        *unforwarded = route.rules_of_answer(chosen.as_ref().map_or(0, |chosen| chosen.place), head);
    }
    admitted.map_err(Failure::Limited)?;
    chosen
}

/// Limits the time of an exchange, and its body, which is refused here if it says that it is larger.
#[inline]
fn bound(
    proxy: &Proxy,
    context: &Rc<RequestContext>,
    exchange: &ExchangeLimits,
    body: &mut ClientBody,
) -> Result<(), Refusal> {
    if let Some(total) = exchange.total_timeout {
        context.limit(proxy.deadlines.after(total));
    }
    body.limit(exchange.max_body.unwrap_or(context.connection().limits.max_body), context)
}

/// The response to a request, and what becomes of the connection.
#[inline]
fn respond(
    served: Result<Served, Failure>,
    guard: RequestGuard,
    has_body: bool,
    rules: Option<&RequestRules>,
) -> (Response<ResponseBody>, Then) {
    let context = Rc::clone(guard.context());
    if !matches!(served, Ok(Served::Upgrade(..))) {
        context.decline_upgrade();
    }
    let (mut response, then) = match served {
        Ok(Served::Response(answered, encoder)) => {
            // hyper closes on a body that nobody has read to its end; the client has to know.
            let then = if answered.has_whole_request() { Then::KeepAlive } else { Then::Close };
            (answered.into_response().map(|body| ResponseBody::upstream(body, encoder, guard)), then)
        }
        Ok(Served::Upgrade(headers, tunnel)) => {
            let mut response = Response::new(ResponseBody::empty(guard));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            *response.headers_mut() = headers;
            (response, Then::Tunnel(tunnel))
        }
        Ok(Served::Own(answer)) => {
            (answer.respond(guard), if has_body { Then::Close } else { Then::KeepAlive })
        }
        Err(failure) => {
            failure.log(&context);
            let is_refused = matches!(failure, Failure::Refused(_));
            let then = if is_refused || has_body { Then::Close } else { Then::KeepAlive };
            (failure.respond(guard), then)
        }
    };
    if let Some(hsts) = &context.connection().tls.hsts {
        response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
    let mut record = context.record();
    if let Some(id) = &record.ids.request {
        response.headers_mut().insert(&X_REQUEST_ID, id.clone());
    }
    record.status.get_or_insert_with(|| response.status());
    drop(record);
    if let Some(rules) = rules
        && !matches!(then, Then::Tunnel(_))
    {
        rules.respond(response.headers_mut(), &context);
    }
    if let Some(insight) = &*context.insight()
        && let Some(explanation) = insight.header(&context.record(), context.head().picks.as_deref())
    {
        response.headers_mut().insert(&EXPLAIN_HEADER, explanation);
    }
    (response, then)
}

/// What came of a request.
enum Served {
    /// A backend's response, and what encodes its body, if it is to be compressed.
    Response(Answered, Option<Box<Encoder>>),
    /// Both sides change the protocol, as these headers say.
    Upgrade(HeaderMap, Box<Tunnel>),
    /// It goes no further, and nothing is wrong.
    Own(OwnAnswer),
}

impl Attempts {
    /// What comes of the request.
    async fn serve(&self) -> Result<Served, Failure> {
        // Out of the way, and the answer isn't kept beside it: nearly no request changes the protocol.
        let switch = {
            let mut answered = self.answer().await?;
            if answered.status() != StatusCode::SWITCHING_PROTOCOLS {
                self.check_declined(&answered)?;
                forward::response_headers(&mut answered.response);
                if let Some(cookie) = &self.response.cookie {
                    answered.response.headers_mut().append(header::SET_COOKIE, HeaderValue::clone(cookie));
                }
                let compression = self.response.compression.as_ref();
                let encoder = compression.and_then(|offer| offer.accept(&mut answered.response));
                return Ok(Served::Response(answered, encoder));
            }
            Box::pin(self.switch(answered))
        };
        switch.await
    }
}

fn protocol(version: Version) -> Protocol {
    match version {
        Version::HTTP_10 => Protocol::Http10,
        Version::HTTP_2 => Protocol::Http2,
        _ => Protocol::Http11,
    }
}
