//! Redirects that lead back to the route that they belong to.

use http::{Method, StatusCode};
use pointsman_core::route::{Condition, HostPattern, QueryChange, RoutePattern};

use super::super::model::ListenerConfig;
use super::redirect::Redirect;

/// Whether clients that follow this redirect surely come back to the same route, again and again.
///
/// `before` are the routes that are asked first. Where clients come to after another port isn't known.
pub(super) fn leads_back<'a>(
    redirect: &Redirect,
    pattern: &RoutePattern,
    before: impl IntoIterator<Item = &'a RoutePattern>,
    listeners: &[ListenerConfig],
) -> bool {
    let path = redirect.new_path();
    if redirect.port.is_some() || path == Some(None) {
        return false;
    }
    let target = NewTarget {
        tls: redirect.scheme.map(|scheme| scheme == "https"),
        host: redirect.host.as_deref(),
        path: path.flatten(),
        changes_query: redirect.target.query != QueryChange::Keep,
    };
    let is_served = |tls: bool| {
        let mut reaching_routes = listeners.iter().filter(|listener| !listener.limits.redirects);
        reaching_routes.any(|listener| listener.tls.is_some() == tls)
    };
    let goes_on = redirect.status == StatusCode::TEMPORARY_REDIRECT
        || redirect.status == StatusCode::PERMANENT_REDIRECT
        || takes_get(pattern);
    target.tls.is_none_or(is_served)
        // Hosts that the route doesn't name may be served elsewhere.
        && (target.host.is_none() || !pattern.hosts.is_empty())
        && goes_on
        && target.is_taken_by(pattern)
        && !before.into_iter().any(|earlier| target.differs_for(earlier) && target.is_taken_by(earlier))
}

/// What is different in the next request.
struct NewTarget<'a> {
    tls: Option<bool>,
    host: Option<&'a str>,
    path: Option<String>,
    changes_query: bool,
}

impl NewTarget<'_> {
    /// Whether a route takes it, as far as what is different goes.
    fn is_taken_by(&self, pattern: &RoutePattern) -> bool {
        let holds = |condition: &Condition| match condition {
            Condition::Tls(tls) => self.tls.is_none_or(|new| new == *tls),
            Condition::Query(..) => !self.changes_query,
            // Another scheme is spoken at another listener.
            Condition::Listener(_) => self.tls.is_none() && self.host.is_none(),
            // It could be about anything.
            Condition::Not(_) => false,
            _ => true,
        };
        let is_host = |host: &str| {
            pattern.hosts.is_empty()
                || pattern.hosts.iter().any(|own| own.covers(&HostPattern::Exact(host.to_owned())))
        };
        pattern.conditions.iter().all(holds)
            && self.host.is_none_or(is_host)
            && self.path.as_ref().is_none_or(|path| pattern.takes_path(path))
    }

    /// Whether what is different matters to a route.
    fn differs_for(&self, pattern: &RoutePattern) -> bool {
        let matters = |condition: &Condition| match condition {
            Condition::Tls(_) | Condition::Listener(_) => self.tls.is_some(),
            Condition::Host(_) => self.host.is_some(),
            Condition::Path(_) => self.path.is_some(),
            Condition::Query(..) => self.changes_query,
            Condition::Not(_) => true,
            _ => false,
        };
        pattern.conditions.iter().any(matters)
            || (self.host.is_some() && !pattern.hosts.is_empty())
            || (self.path.is_some() && !pattern.paths.is_empty())
    }
}

/// Whether a route is for GET, too: other methods become that by most redirects.
fn takes_get(pattern: &RoutePattern) -> bool {
    pattern.conditions.iter().all(|condition| match condition {
        Condition::Method(methods) => methods.contains(&Method::GET),
        _ => true,
    })
}
