//! Which route a request takes.

use std::net::Ipv6Addr;

use crate::config::{HostPattern, RouteConfig};

/// A route's place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteIndex(pub usize);

/// The routes in order; the first match wins.
#[derive(Debug, Default)]
pub struct Router {
    routes: Vec<RouteConfig>,
    /// Some route is for certain hosts.
    looks_at_host: bool,
}

impl Router {
    /// A router over these routes.
    #[must_use]
    pub fn new(routes: Vec<RouteConfig>) -> Self {
        let looks_at_host = routes.iter().any(|route| !matches!(route.host, HostPattern::Any));
        Self { routes, looks_at_host }
    }

    /// The route of a request. `authority` is what stands in `Host`; it is asked for if that matters.
    ///
    /// `OPTIONS *` is about the server as a whole (RFC 9110 section 9.3.7): it goes where `/` would.
    #[must_use]
    pub fn route<'a>(&self, authority: impl FnOnce() -> &'a [u8], path: &str) -> Option<RouteIndex> {
        let host = if self.looks_at_host { host_of(authority()) } else { b"" };
        let path = if path == "*" { "/" } else { path };
        self.routes
            .iter()
            .position(|route| matches_host(&route.host, host) && path.starts_with(&route.path))
            .map(RouteIndex)
    }
}

/// The host of an authority, without the port and without the dot that ends a fully qualified name.
fn host_of(authority: &[u8]) -> &[u8] {
    let host = if authority.first() == Some(&b'[') {
        memchr::memchr(b']', authority).map_or(authority, |end| &authority[..=end])
    } else {
        memchr::memchr(b':', authority).map_or(authority, |colon| &authority[..colon])
    };
    host.strip_suffix(b".").unwrap_or(host)
}

fn matches_host(pattern: &HostPattern, host: &[u8]) -> bool {
    match pattern {
        HostPattern::Any => true,
        HostPattern::Exact(name) => name.as_bytes().eq_ignore_ascii_case(host) || same_ipv6(name, host),
        HostPattern::Subdomains(domain) => {
            let Some(cut) = host.len().checked_sub(domain.len()) else { return false };
            let (sub, rest) = host.split_at(cut);
            sub.len() > 1 && sub.ends_with(b".") && rest.eq_ignore_ascii_case(domain.as_bytes())
        }
    }
}

/// One IPv6 address has many spellings.
fn same_ipv6(name: &str, host: &[u8]) -> bool {
    let address =
        |text: &str| -> Option<Ipv6Addr> { text.strip_prefix('[')?.strip_suffix(']')?.parse().ok() };
    name.starts_with('[')
        && std::str::from_utf8(host).ok().and_then(address).is_some_and(|host| address(name) == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authority: &str, path: &str, expect: Option<usize>) {
        let route =
            |host: HostPattern, path: &str, pool| RouteConfig { host, path: path.into(), pool, policy: None };
        let router = Router::new(vec![
            route(HostPattern::Exact("api.example.com".into()), "/v1/", 0),
            route(HostPattern::Subdomains("example.com".into()), "/", 1),
            route(HostPattern::Exact("[::1]".into()), "/", 2),
            route(HostPattern::Any, "/static/", 3),
        ]);
        assert_eq!(router.route(|| authority.as_bytes(), path), expect.map(RouteIndex), "{authority} {path}");
    }

    #[test]
    fn first_match_wins() {
        check("api.example.com", "/v1/x", Some(0));
        check("API.Example.com:8080", "/v1/x", Some(0));
        check("api.example.com.", "/v1/x", Some(0));
        check("api.example.com", "/v2", Some(1));
        check("a.b.example.com", "/", Some(1));
        check("example.com", "/", None);
        check("xexample.com", "/", None);
        check(".example.com", "/", None);
        check("[0:0::1]:80", "/", Some(2));
        check("other", "/static/a", Some(3));
        check("other", "/static", None);
        check("", "/", None);
        check("a.example.com", "*", Some(1));
        check("other", "*", None);
    }
}
