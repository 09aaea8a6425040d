//! `[[route]]`, and the pool that it names.

use pointsman_core::route::{HostPattern, PathPattern, RoutePattern};

use super::address::host_pattern;
use super::model::RouteConfig;
use super::policy::policy;
use super::read::{Section, Value, closest, excerpt, list};

const HINT: &str = "write `[[route]]` above its keys";

/// The routes in the order of the file. Without any, everything goes to the only pool.
pub(super) fn routes(section: &mut Section<'_>, pools: &[&str]) -> Option<Vec<RouteConfig>> {
    let Some(value) = section.get("route") else {
        if pools.len() > 1 {
            let message = format!("there is no route to the pools {}", list(pools.iter().copied()));
            section.fail("route", message, "add a `[[route]]` with `pool = …` for each of them");
        }
        return (pools.len() == 1).then(|| {
            let pattern = RoutePattern { host: HostPattern::Any, path: PathPattern::all() };
            vec![RouteConfig { pattern, pool: 0, policy: None }]
        });
    };
    let items = value.items(HINT)?;
    if items.is_empty() {
        value.fail("there is no route in it", "leave `route` out to send everything to the only pool");
    }
    let mut routes: Vec<(RouteConfig, &Value<'_>)> = Vec::new();
    for item in &items {
        let Some(route) = Section::read(item, HINT, |section| route(section, pools)) else { continue };
        if let Some((earlier, place)) =
            routes.iter().find(|(earlier, _)| covers(&earlier.pattern, &route.pattern))
        {
            let message = format!(
                "never matches: {} takes every request to {} before it",
                place.place(),
                describe(&earlier.pattern)
            );
            item.fail(message, "put the narrower route first, or remove one of them");
        }
        routes.push((route, item));
    }
    // A route that couldn't be read has left a fault behind, so that the gap is never seen.
    Some(routes.into_iter().map(|(route, _)| route).collect())
}

fn route(section: &mut Section<'_>, pools: &[&str]) -> Option<RouteConfig> {
    let host = section.get("host").map_or(Some(HostPattern::Any), |value| host_pattern(&value));
    let path = path(section);
    let pool = section.required("pool", "pool = \"NAME\"").and_then(|value| pool(&value, pools));
    let policy = section.get("policy").map_or(Some(None), |value| policy(&value).map(Some));
    let pattern = RoutePattern { host: host?, path: path? };
    Some(RouteConfig { pattern, pool: pool?, policy: policy? })
}

/// The path rule, of one of its two keys.
fn path(section: &mut Section<'_>) -> Option<PathPattern> {
    let (start, prefix) = (section.get("path"), section.get("prefix"));
    if let (Some(_), Some(prefix)) = (&start, &prefix) {
        let hint = "write `prefix` to match whole segments, or `path` to match all that starts with it";
        prefix.fail("stands beside `path`".to_owned(), hint);
        return None;
    }
    if let Some(value) = prefix {
        let whole = path_text(&value)?;
        return Some(PathPattern::Segments(whole.trim_end_matches('/').to_owned()));
    }
    start.map_or_else(|| Some(PathPattern::all()), |value| path_text(&value).map(PathPattern::Start))
}

fn path_text(value: &Value<'_>) -> Option<String> {
    let path = value.string()?;
    let shown = excerpt(path);
    if !path.starts_with('/') {
        value.fail(format!("`{shown}` doesn't start with a slash"), format!("write `\"/{shown}\"`"));
        return None;
    }
    if path.contains(['?', '#']) {
        value.fail(
            format!("`{shown}` has a query or a fragment"),
            "write the path alone: nothing else is compared",
        );
        return None;
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "write what isn't plain ASCII percent-encoded, such as `%20` for a space";
        value.fail(format!("`{shown}` is not how a path goes over the wire"), hint);
        return None;
    }
    if path.ends_with('*') {
        let hint =
            format!("write `\"{}\"`: a path matches all that starts with it", shown.trim_end_matches('*'));
        value.fail(format!("`{shown}` has a wildcard"), hint);
        return None;
    }
    Some(path.to_owned())
}

fn pool(value: &Value<'_>, pools: &[&str]) -> Option<usize> {
    let name = value.string()?;
    let index = pools.iter().position(|pool| *pool == name);
    if index.is_none() {
        let hint = match closest(name, pools.iter().copied()) {
            Some(pool) => format!("did you mean `{pool}`? The pools are {}", list(pools.iter().copied())),
            None if pools.is_empty() => format!("add a section `[pool.{}]`", excerpt(name)),
            None => format!("the pools are {}", list(pools.iter().copied())),
        };
        value.fail(format!("there is no pool `{}`", excerpt(name)), hint);
    }
    index
}

/// Whether `earlier` matches everything that `later` does.
fn covers(earlier: &RoutePattern, later: &RoutePattern) -> bool {
    let below = |name: &str, domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let host = match (&earlier.host, &later.host) {
        (HostPattern::Any, _) => true,
        (HostPattern::Exact(earlier), HostPattern::Exact(later)) => earlier == later,
        (HostPattern::Subdomains(domain), HostPattern::Exact(name)) => below(name, domain),
        (HostPattern::Subdomains(earlier), HostPattern::Subdomains(later)) => {
            earlier == later || below(later, earlier)
        }
        (HostPattern::Exact(_) | HostPattern::Subdomains(_), HostPattern::Any)
        | (HostPattern::Exact(_), HostPattern::Subdomains(_)) => false,
    };
    host && earlier.path.covers(&later.path)
}

fn describe(RoutePattern { host, path }: &RoutePattern) -> String {
    match host {
        HostPattern::Any => format!("`{path}` on every host"),
        HostPattern::Exact(name) => format!("`{name}{path}`"),
        HostPattern::Subdomains(domain) => format!("`*.{domain}{path}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_covers_what() {
        let route = |text: &str| {
            let (text, whole) = text.strip_suffix('~').map_or((text, false), |text| (text, true));
            let (host, path) = text.split_at(text.find('/').unwrap());
            let host = match host.strip_prefix("*.") {
                _ if host.is_empty() => HostPattern::Any,
                Some(domain) => HostPattern::Subdomains(domain.to_owned()),
                None => HostPattern::Exact(host.to_owned()),
            };
            let path = match whole {
                true => PathPattern::Segments(path.trim_end_matches('/').to_owned()),
                false => PathPattern::Start(path.to_owned()),
            };
            RoutePattern { host, path }
        };
        let cases = [
            ("/", "/", true),
            ("/", "a.com/x", true),
            ("/", "*.a.com/x", true),
            ("a.com/", "a.com/x", true),
            ("a.com/x", "a.com/", false),
            ("a.com/x", "a.com/xy", true),
            ("a.com/x/", "a.com/x", false),
            ("a.com/", "b.com/", false),
            ("a.com/", "/", false),
            ("a.com/", "*.a.com/", false),
            ("*.a.com/", "b.a.com/", true),
            ("*.a.com/", "c.b.a.com/", true),
            ("*.a.com/", "a.com/", false),
            ("*.a.com/", "ba.com/", false),
            ("*.a.com/", "*.b.a.com/", true),
            ("*.a.com/", "*.a.com/", true),
            ("*.b.a.com/", "*.a.com/", false),
            ("*.a.com/", "/", false),
            // With a tilde: whole segments.
            ("/~", "a.com/x", true),
            ("/~", "a.com/~", true),
            ("/", "/~", true),
            ("/a~", "/a", false),
            ("/a~", "/a/", true),
            ("/a~", "/ab", false),
            ("/a~", "/a/b~", true),
            ("/a~", "/ab~", false),
            ("/a", "/a~", true),
            ("/a", "/ab~", true),
            ("/a/", "/a~", false),
            ("/a/", "/a/b~", true),
            ("/ab~", "/a~", false),
        ];
        for (earlier, later, expected) in cases {
            assert_eq!(covers(&route(earlier), &route(later)), expected, "{earlier} before {later}");
        }
    }
}
