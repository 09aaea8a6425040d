//! The way of a request: admission, route, pick, exchange with the backend, response.
//!
//! [`handle`] is the whole of it; each step lives in the module of its name.

mod body;
mod challenge;
mod claim;
mod error_page;
mod failure;
mod forward;
mod forwarding;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod header_rules;
mod hop_by_hop;
mod insight;
mod intercept;
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
mod served;
mod session;
mod split;
mod switch;
mod target;
mod via;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response, Version};
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
pub use served::Then;
pub use split::Split;

use crate::deadline::Deadlines;
use crate::downstream::{ClientBody, Refusal, RequestContext, RequestGuard};
use crate::error_pages::ErrorPages;
use crate::http_challenge::HttpChallenges;
use crate::insight::Insight;
use crate::upstream::{PinnedConnections, WorkerPool};
use error_page::PageOffer;
use forward::Unforwarded;
use header_rules::RequestRules;
use own_answer::OwnAnswer;
use retry::{Attempts, RequestChanges, ResponseChanges};
use served::{Served, respond};
use session::Affinity;
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
    /// What errors are answered with, where there are pages.
    pub error_pages: Option<Rc<ErrorPages>>,
}

impl Proxy {
    /// What its worker has besides.
    fn worker(&self) -> (&Deadlines, &Insight) {
        (&self.deadlines, &self.insight)
    }

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
        Self { router, routes, pools, deadlines, insight, names_clients, challenges: None, error_pages: None }
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
    let pages = proxy.error_pages.as_ref().map(|pages| PageOffer::new(pages, &request));
    let mut rules = None;
    let prepared = prepare(&proxy, guard.context(), refused, pinned, request, &mut rules);
    async move {
        let (served, attempts) = match prepared {
            Ok(ref attempts) => (attempts.serve(pages.as_ref()).await, Some(attempts)),
            Err(Unforwarded::Failed(failure)) => (Err(failure), None),
            Err(Unforwarded::Answered(answer)) => (Ok(Served::Own(answer)), None),
        };
        let rules = attempts.map_or(rules.as_deref(), |attempts| attempts.request.rules.as_deref());
        let (mut response, then) = respond(served, guard, has_body, rules, pages.as_ref());
        if let Some(attempts) = attempts {
            attempts.bind(response.headers_mut());
        }
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
    answer_challenge(proxy, head)?;
    let prepared = forward::prepare(head, context)?;
    context.log_client(head.client);
    let routed = route::find(&proxy.router, &proxy.routes, context.connection(), head);
    if prepared.explains && proxy.insight.may_explain(head.client) {
        insight::explain((&proxy.insight, &proxy.router), context, head, routed);
    }
    let (index, route) = routed.ok_or(Failure::NoRoute)?;
    route::take(context, head, index, route);
    let Chosen { balancer, cookie, place } = choose(proxy, context, head, route, unforwarded)?;
    // As the client says and takes it, whatever rules make of that for backends.
    let affinity = Affinity::of(balancer, head, pinned);
    let compression = balancer.worker_pool().offer(&head.parts);
    let rewritten = route.rewritten(head, context.connection())?;
    let limits = balancer.limits();
    let exchange = route.exchange.or(limits.exchange);
    if let Err(refusal) = bound(proxy, context, &exchange, &mut body) {
        *unforwarded = route.rules_of_answer(place, head);
        return Err(Failure::Refused(refusal).into());
    }
    let mirrored = mirror::of(&route.mirror, &prepared, (&*head, &rewritten), context, proxy.worker());
    let rules = route.rules(place).map(|rules| RequestRules::begin(rules, head, context));
    let upload =
        forward::upload(&head.parts, body, limits, prepared.expectation(context), proxy.deadlines.clock());
    mirror::follow(mirrored, &upload);
    Ok(Attempts {
        balancer: Rc::clone(balancer),
        context: Rc::clone(context),
        affinity,
        upload,
        tunnel_timeout: prepared.tunnel_timeout(&exchange, context),
        authenticates: prepared.authenticates,
        request: RequestChanges { rules, rewritten },
        waits_until: Cell::default(),
        response: ResponseChanges { cookie: cookie.cloned().map(Box::new), compression },
        deadlines: proxy.deadlines.clone(),
    })
}

/// Answers an authority that asks whether a name leads here.
#[inline]
fn answer_challenge(proxy: &Proxy, head: &RequestHead) -> Result<(), OwnAnswer> {
    let Some(challenges) = &proxy.challenges else { return Ok(()) };
    challenge::answer(challenges, &head.parts).map_or(Ok(()), |answer| Err(OwnAnswer::Challenge(answer)))
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

fn protocol(version: Version) -> Protocol {
    match version {
        Version::HTTP_10 => Protocol::Http10,
        Version::HTTP_2 => Protocol::Http2,
        _ => Protocol::Http11,
    }
}
