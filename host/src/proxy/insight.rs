//! What is kept of a request beside its record, for those who ask why it went where it went.

use pointsman_core::record::RouteIndex;
use pointsman_core::request::RequestHead;
use pointsman_core::route::Router;

use super::route::Route;
use super::{forwarding, request_id};
use crate::downstream::{ClientConnection, RequestContext};
use crate::insight::Insight;
use crate::insight::explanation::ExplainedRoute;
use crate::insight::trace::Origin;

/// Gives a request its id, and begins what is kept of it beside its record.
#[inline]
pub(super) fn identify(insight: &Insight, context: &RequestContext, head: &RequestHead) {
    let client = context.connection();
    let mut record = context.record();
    record.ids.request = request_id::choose(&head.parts.headers, client, &insight.ids);
    let kept = insight.begin(&head.parts, || origin(client), &mut record);
    if kept.is_some() {
        *context.insight() = kept;
    }
}

/// Keeps why the request goes where it goes.
#[cold]
pub(super) fn explain(
    (insight, router): (&Insight, &Router),
    context: &RequestContext,
    head: &mut RequestHead,
    routed: Option<(RouteIndex, &Route)>,
) {
    let rule = |index: RouteIndex| router.pattern(index).map(ToString::to_string);
    let route = routed.map(|(index, route)| ExplainedRoute {
        index: index.0,
        name: route.name.clone(),
        rule: rule(index).unwrap_or_default(),
    });
    head.picks = Some(Box::default());
    let record = context.record();
    insight.explain(&mut context.insight(), record.ids.request.as_ref(), head.client, route);
}

/// Where the requests of a connection come from.
#[cold]
fn origin(client: &ClientConnection) -> Origin {
    let peer = client.peer.ip().to_canonical();
    let is_trusted = forwarding::is_trusted(peer, &client.trusted_proxies);
    Origin { peer, is_trusted, scheme: client.scheme.name() }
}
