//! `[[route]]`: what it matches, and where its requests go.

mod grpc;
pub(super) mod key;
mod leads_back;
mod limits;
mod listener;
mod matching;
mod mirror;
mod path;
mod pool;
mod redirect;
mod respond;
mod rewrite;
mod shared_cookie;
mod split;
mod target_change;
mod value;

use std::sync::Arc;

use pointsman_core::pool::ExchangeLimits;
use pointsman_core::route::RoutePattern;

use super::error_page::{ErrorPageConfig, StatusPattern, has_page, statuses};
use super::header_rules::{HeaderRulesConfig, header_rules};
use super::limits::exchange;
use super::model::{ListenerConfig, RouteConfig, RouteTarget};
use super::read::{Section, Unique, Value, list};
pub(super) use grpc::warn_of_http1;
use leads_back::leads_back;
use limits::limits;
use matching::pattern;
pub use mirror::MirrorConfig;
pub use redirect::{Redirect, leads_elsewhere};
pub use respond::{Respond, RespondContent, has_content};
pub(super) use shared_cookie::warn_of_shared_cookies;

const HINT: &str = "write `[[route]]` above its keys";

/// What routes name, or depend on.
pub(super) struct Known<'a> {
    /// The names of the pools.
    pub(super) pools: &'a [&'a str],
    /// For each pool its error pages, and those of all pools; nothing if something in the pool is wrong.
    pub(super) pages: Vec<Option<[&'a [ErrorPageConfig]; 2]>>,
    /// The names of the limits.
    pub(super) limits: &'a [&'a str],
    pub(super) listeners: &'a [ListenerConfig],
}

/// The routes in the order of the file. Without any, everything goes to the only pool.
pub(super) fn routes(section: &mut Section<'_>, known: &Known<'_>) -> Option<Vec<RouteConfig>> {
    let pools = known.pools;
    let Some(value) = section.get("route") else {
        if pools.len() > 1 {
            let message = format!("there is no route to the pools {}", list(pools.iter().copied()));
            section.fail("route", message, "add a `[[route]]` with `pool = …` for each of them");
        }
        return (pools.len() == 1).then(|| {
            let target = RouteTarget::Pool { pool: 0, policy: None };
            let (pattern, headers) = (RoutePattern::default(), HeaderRulesConfig::default());
            let exchange = ExchangeLimits::default();
            let limits = Vec::new();
            let (rewrite, mirror, intercept) = (None, None, None);
            vec![RouteConfig {
                name: None,
                pattern,
                target,
                rewrite,
                headers,
                limits,
                exchange,
                mirror,
                intercept,
            }]
        });
    };
    let items = value.items(HINT)?;
    if items.is_empty() {
        value.fail("there is no route in it", "leave `route` out to send everything to the only pool");
    }
    let mut names = Unique::new();
    let mut routes: Vec<(RouteConfig, &Value<'_>)> = Vec::new();
    for item in &items {
        let Some(route) = Section::read(item, HINT, |section| route(section, known, &mut names)) else {
            continue;
        };
        warn_if_covered(&routes, &route, item);
        refuse_if_leading_back(&routes, &route, item, known.listeners);
        routes.push((route, item));
    }
    // A route that couldn't be read has left a fault behind, so that the gap is never seen.
    Some(routes.into_iter().map(|(route, _)| route).collect())
}

fn route<'a>(
    section: &mut Section<'a>,
    known: &Known<'_>,
    names: &mut Unique<'a, &'a str>,
) -> Option<RouteConfig> {
    let name = section.get("name").map_or(Some(None), |value| {
        let name = value.name()?;
        names.add(name, &value, "give each route its own name").then(|| Some(name.to_owned()))
    });
    let pattern = pattern(section, known.listeners);
    let target = target(section, known.pools, pattern.as_ref());
    let rewrite = section.get("rewrite");
    if let (Some(RouteTarget::Redirect(_) | RouteTarget::Respond(_)), Some(value)) = (&target, &rewrite) {
        value.fail("changes what backends are asked for, and none gets these requests", "leave it out");
    }
    let rewrite = rewrite.map_or(Some(None), |value| {
        rewrite::rewrite(&value, pattern.as_ref()).map(|change| Some(Arc::new(change)))
    });
    let headers = header_rules(section);
    let served_by = target.as_ref().map(RouteTarget::pools);
    let mirror = section
        .get("mirror")
        .map_or(Some(None), |value| mirror::mirror(&value, known.pools, served_by.as_deref()).map(Some));
    let limits = limits(section, known.limits);
    let exchange = exchange(section);
    let intercept = section.get("intercept").map(|value| (statuses(&value), value));
    let (name, pattern, target, mut headers, limits) = (name?, pattern?, target?, headers?, limits?);
    if let RouteTarget::Respond(respond) = &target {
        headers.response.splice(..0, respond.headers.iter().cloned());
    }
    let (rewrite, mirror) = (rewrite?, mirror?);
    let mut route =
        RouteConfig { name, pattern, target, rewrite, headers, limits, exchange, mirror, intercept: None };
    if route.pools().is_empty() {
        refuse_without_pool(section, &route.exchange, intercept.is_some());
    } else if let Some((statuses, value)) = intercept {
        route.intercept = Some(intercepted(statuses?, &value, &route, known));
    }
    Some(route)
}

/// The statuses in whose place a page comes, of which each pool of the route must have one.
fn intercepted(
    statuses: Vec<StatusPattern>,
    value: &Value<'_>,
    route: &RouteConfig,
    known: &Known<'_>,
) -> Vec<StatusPattern> {
    let pages = route.pools().into_iter().filter_map(|pool| known.pages.get(pool)?.as_ref());
    for pages in pages {
        if !has_page(&statuses, pages, value) {
            break;
        }
    }
    statuses
}

/// Refuses limits of what isn't forwarded.
fn refuse_without_pool(section: &Section<'_>, exchange: &ExchangeLimits, intercepts: bool) {
    let ExchangeLimits { max_body, total_timeout, tunnel_timeout } = exchange;
    for (key, is_set) in [
        ("max_body", max_body.is_some()),
        ("total_timeout", total_timeout.is_some()),
        ("tunnel_timeout", tunnel_timeout.is_some()),
        ("intercept", intercepts),
    ] {
        if is_set {
            section.fail(key, "has no effect: no pool has to do with these requests", "leave it out");
        }
    }
}

/// Where the requests go, of the one key that says so.
fn target(section: &mut Section<'_>, pools: &[&str], pattern: Option<&RoutePattern>) -> Option<RouteTarget> {
    const NO_POOL: &str = "no pool has to do with these requests: leave it out";
    let [pool, policy, split, redirect, respond] =
        ["pool", "policy", "split", "redirect", "respond"].map(|key| (key, section.get(key)));
    if redirect.1.is_some() || respond.1.is_some() {
        warn_without_backend(section);
    }
    if let (key, Some(value)) = &respond {
        refuse_beside(key, &[pool, policy, split, redirect], NO_POOL);
        return respond::respond(value).map(|respond| RouteTarget::Respond(Arc::new(respond)));
    }
    if let (key, Some(value)) = &redirect {
        refuse_beside(key, &[pool, policy, split], NO_POOL);
        return redirect::redirect(value, pattern).map(|redirect| RouteTarget::Redirect(Arc::new(redirect)));
    }
    if let (key, Some(value)) = &split {
        refuse_beside(key, &[pool, policy], "leave it out: each pool of a split picks by its own policy");
        return split::split(value, pools).map(RouteTarget::Split);
    }
    let pool = section.required("pool", "pool = \"NAME\"").and_then(|value| pool::pool(&value, pools));
    let policy = policy.1.map_or(Some(None), |value| super::policy::policy(&value).map(Some));
    Some(RouteTarget::Pool { pool: pool?, policy: policy? })
}

/// Says of keys for requests to backends that there are none.
fn warn_without_backend(section: &mut Section<'_>) {
    for value in ["request_headers", "host_header"].into_iter().filter_map(|key| section.get(key)) {
        value.warn("has no effect: no backend gets these requests", "leave it out");
    }
}

/// Refuses keys that say the same as `key`.
fn refuse_beside(key: &str, others: &[(&str, Option<Value<'_>>)], hint: &str) {
    for other in others.iter().filter_map(|(_, value)| value.as_ref()) {
        other.fail(format!("stands beside `{key}`"), hint);
    }
}

/// Says that a route never matches, if one before it takes all.
fn warn_if_covered(before: &[(RouteConfig, &Value<'_>)], route: &RouteConfig, item: &Value<'_>) {
    let mut before = before.iter();
    if let Some((earlier, place)) = before.find(|(earlier, _)| earlier.pattern.covers(&route.pattern)) {
        let all_hosts = if earlier.pattern.hosts.is_empty() { " on every host" } else { "" };
        let message = format!(
            "never matches: {} takes every request to `{}`{all_hosts} before it",
            place.place(),
            earlier.pattern
        );
        item.warn(message, "put the narrower route first, or remove one of them");
    }
}

/// Refuses a redirect whose clients would come back to it for ever.
fn refuse_if_leading_back(
    before: &[(RouteConfig, &Value<'_>)],
    route: &RouteConfig,
    item: &Value<'_>,
    listeners: &[ListenerConfig],
) {
    let RouteTarget::Redirect(redirect) = &route.target else { return };
    let earlier = before.iter().map(|(earlier, _)| &earlier.pattern);
    if leads_back(redirect, &route.pattern, earlier, listeners) {
        let hint = match redirect.scheme {
            Some("https") => {
                "write `scheme = \"http\"` in the route, so that it leaves out those who speak HTTPS already"
            }
            _ => "lead to another host or path, or narrow what the route matches",
        };
        item.fail("the redirect leads back to this route, for ever", hint);
    }
}
