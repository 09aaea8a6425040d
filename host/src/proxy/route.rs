//! The route of a request.

use std::rc::Rc;
use std::sync::Arc;

use pointsman_core::pool::ExchangeLimits;
use pointsman_core::record::{RouteIndex, TakenRoute};
use pointsman_core::request::RequestHead;
use pointsman_core::request_limit::RequestLimit;
use pointsman_core::route::{Router, TargetChange};

use super::HeaderRules;
use super::failure::Failure;
use super::forward::Unforwarded;
use super::header_rules::RequestRules;
use super::mirror::Mirror;
use super::own_answer::OwnAnswer;
use super::redirect;
use super::respond::FixedAnswer;
use super::rewrite::Rewritten;
use super::split::{Chosen, Split};
use crate::config::Redirect;
use crate::downstream::{ClientConnection, RequestContext};
use crate::upstream::Balancer;

/// A route of the configuration.
#[derive(Debug)]
pub struct Route {
    /// What it is called, if it has a name.
    pub name: Option<Arc<str>>,
    /// Where its requests go.
    pub target: Target,
    /// What backends are asked for instead, if that is something else.
    pub rewrite: Option<Box<TargetChange>>,
    /// Which fields change on their way, if any do: for each of the target's pools, or for its own answers if it has none.
    pub rules: Option<Box<[Option<Rc<HeaderRules>>]>>,
    /// The limits that its requests have to keep to, in the order in which they are asked.
    pub limits: Box<[Arc<RequestLimit>]>,
    /// Limits of each of them, in the place of the pool's.
    pub exchange: ExchangeLimits,
    /// Where a share of its requests goes as well.
    pub mirror: Option<Box<Mirror>>,
}

/// Where the requests of a route go.
#[derive(Debug)]
pub enum Target {
    /// To a backend that is picked.
    Balancer(Rc<Balancer>),
    /// To a backend that is picked from one of several pools.
    Split(Split),
    /// Elsewhere, by the client itself.
    Redirect(Box<Redirect>),
    /// Nowhere: this is what they are answered with.
    Respond(Rc<FixedAnswer>),
}

impl Route {
    /// What backends are asked for in a request of this route, if that is something else.
    #[inline]
    pub(super) fn rewritten(
        &self,
        head: &mut RequestHead,
        client: &ClientConnection,
    ) -> Result<Option<Box<Rewritten>>, Failure> {
        match &self.rewrite {
            Some(change) => Rewritten::begin(change, head, client),
            None => Ok(None),
        }
    }

    /// Those for the answer to a request that goes no further.
    pub(super) fn rules_of_answer(&self, place: usize, head: &RequestHead) -> Option<Box<RequestRules>> {
        self.rules(place).map(|rules| RequestRules::of_answer(rules, head))
    }

    /// The rules for the fields of what goes to this pool of the target, or is answered in its place.
    pub(super) fn rules(&self, place: usize) -> Option<&Rc<HeaderRules>> {
        self.rules.as_ref()?.get(place)?.as_ref()
    }
}

impl Target {
    /// What picks for a request. `draw` gives a random number. An error is what is answered in place of a backend.
    #[inline]
    pub(super) fn choose(
        &self,
        head: &RequestHead,
        client: &ClientConnection,
        draw: impl FnOnce() -> u64,
    ) -> Result<Chosen<'_>, Unforwarded> {
        match self {
            Self::Balancer(balancer) => Ok(Chosen { balancer, cookie: None, place: 0 }),
            Self::Split(split) => Ok(split.choose(head, draw)),
            Self::Redirect(redirect) => {
                Err(OwnAnswer::Redirect(redirect::of_route(redirect, head, client)?).into())
            }
            Self::Respond(answer) => Err(OwnAnswer::Fixed(Rc::clone(answer)).into()),
        }
    }
}

/// Keeps which route a request takes.
#[inline]
pub(super) fn take(context: &RequestContext, head: &mut RequestHead, index: RouteIndex, route: &Route) {
    head.route.clone_from(&route.name);
    context.record().route = Some(TakenRoute { index, name: route.name.clone() });
}

/// The route of a request, which is prepared.
pub(super) fn find<'a>(
    router: &Router,
    routes: &'a [Route],
    connection: &ClientConnection,
    head: &RequestHead,
) -> Option<(RouteIndex, &'a Route)> {
    let index = router.route(head, connection.reports.listener(), connection.limits.path_normalization)?;
    Some((index, routes.get(index.0)?))
}
