//! The route of a request.

use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use pointsman_core::record::RouteIndex;
use pointsman_core::request::RequestHead;
use pointsman_core::route::Router;

use super::split::Split;
use crate::downstream::ClientConnection;
use crate::upstream::Balancer;

/// A route of the configuration.
#[derive(Debug)]
pub struct Route {
    /// What it is called, if it has a name.
    pub name: Option<Arc<str>>,
    /// Where its requests go.
    pub target: Target,
}

/// Where the requests of a route go.
#[derive(Debug)]
pub enum Target {
    /// To a backend that is picked.
    Balancer(Rc<Balancer>),
    /// To a backend that is picked from one of several pools.
    Split(Split),
}

impl Target {
    /// What picks for a request, and the cookie by which its client stays there, if it has to get one. `draw` gives a random number.
    #[inline]
    pub(super) fn balancer(
        &self,
        head: &RequestHead,
        draw: impl FnOnce() -> u64,
    ) -> (&Rc<Balancer>, Option<&HeaderValue>) {
        match self {
            Self::Balancer(balancer) => (balancer, None),
            Self::Split(split) => split.choose(head, draw),
        }
    }
}

/// The route of a request, which is prepared.
pub(super) fn find<'a>(
    router: &Router,
    routes: &'a [Route],
    connection: &ClientConnection,
    head: &RequestHead,
) -> Option<(RouteIndex, &'a Route)> {
    let index = router.route(head, connection.limits.path_normalization)?;
    Some((index, routes.get(index.0)?))
}
