use std::net::Ipv6Addr;

use super::hosts::host_of;
use super::*;

const OFF: PathNormalization = PathNormalization::Off;

fn check(authority: &str, path: &str, expect: Option<usize>) {
    let route = |host: HostPattern, path: PathPattern| RoutePattern { host, path };
    let start = |path: &str| PathPattern::Start(path.into());
    let router = Router::new(&[
        route(HostPattern::Exact("api.example.com".into()), start("/v1/")),
        route(HostPattern::Subdomains("example.com".into()), start("/")),
        route(HostPattern::Exact("[::1]".into()), start("/")),
        route(HostPattern::Any, start("/static/")),
        route(HostPattern::Any, PathPattern::Segments("/admin".into())),
    ]);
    assert_eq!(
        router.route(|| authority.as_bytes(), path.as_bytes(), OFF),
        expect.map(RouteIndex),
        "{authority} {path}"
    );
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
    check("other", "/admin", Some(4));
    check("other", "/admin/", Some(4));
    check("other", "/admin/x", Some(4));
    check("other", "/adminx", None);
    check(&format!("{}example.com", "a.".repeat(120)), "/", Some(1));
    check(&"a".repeat(300), "/static/", Some(3));
}

#[test]
fn paths_are_compared_in_one_form_if_that_is_asked_for() {
    let routes = |path: &str| {
        let path = PathPattern::Segments(path.into());
        Router::new(&[RoutePattern { host: HostPattern::Any, path }])
    };
    for (pattern, path, off, on) in [
        ("/admin", "/admin", true, true),
        ("/admin", "//admin/x", false, true),
        ("/admin", "/%61dmin", false, true),
        ("/admin", "/adminx", false, false),
        ("/admin", "/admin/../x", true, false),
        ("/a%20b", "/a%20b", true, true),
        ("/%7Ea", "/~a", false, true),
        ("/%7Ea", "/%7Ea", true, true),
        ("/a//b", "/a/b/c", false, true),
    ] {
        let router = routes(pattern);
        for (normalization, expected) in [
            (OFF, off),
            (PathNormalization::Match, on),
            (PathNormalization::Rewrite, on),
            (PathNormalization::Refuse, on),
        ] {
            let found = router.route(|| b"", path.as_bytes(), normalization);
            assert_eq!(found.is_some(), expected, "{pattern} {path} {normalization:?}");
        }
    }
}

/// What the router must agree with: every route in turn.
fn linear(routes: &[RoutePattern], authority: &[u8], path: &str) -> Option<RouteIndex> {
    let host = host_of(authority);
    let path = if path == "*" { "/" } else { path };
    let matches = |route: &RoutePattern| matches_host(&route.host, host) && matches_path(&route.path, path);
    routes.iter().position(matches).map(RouteIndex)
}

fn matches_path(pattern: &PathPattern, path: &str) -> bool {
    match pattern {
        PathPattern::Start(start) => path.starts_with(start),
        PathPattern::Segments(whole) => path == whole || path.starts_with(&format!("{whole}/")),
    }
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

/// A number below `end`, of a sequence that the seed decides.
fn below(state: &mut u64, end: usize) -> usize {
    // SplitMix64.
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % end as u64) as usize
}

/// A few pieces in a row, of so few kinds that many rows are beginnings or ends of others.
fn row(state: &mut u64, pieces: &[&str], most: usize) -> String {
    (0..below(state, most + 1)).map(|_| pieces[below(state, pieces.len())]).collect()
}

fn name(state: &mut u64) -> String {
    let labels: Vec<_> = (0..=below(state, 3)).map(|_| ["a", "b", "ab"][below(state, 3)]).collect();
    labels.join(".")
}

fn some_route(state: &mut u64) -> RoutePattern {
    let host = match below(state, 8) {
        0 => HostPattern::Any,
        1 => HostPattern::Exact(["[::1]", "[::2]", "[1::]"][below(state, 3)].into()),
        2..5 => HostPattern::Subdomains(name(state)),
        _ => HostPattern::Exact(name(state)),
    };
    let path = match below(state, 2) {
        0 => PathPattern::Start(format!("/{}", row(state, &["a", "b", "/"], 4))),
        _ => PathPattern::Segments(row(state, &["/a", "/b", "/ab"], 3)),
    };
    RoutePattern { host, path }
}

fn some_authority(state: &mut u64) -> String {
    let host = match below(state, 6) {
        0 => ["[::1]", "[0::0:1]", "[::3]", "[", "[::1", ""][below(state, 6)].to_owned(),
        1 => row(state, &["a", "b", "."], 6),
        _ => name(state),
    };
    let host = if below(state, 3) == 0 { host.to_uppercase() } else { host };
    host + ["", "", ".", ":80", ".:80"][below(state, 5)]
}

#[test]
fn the_route_is_the_one_that_a_look_at_all_finds() {
    for seed in 0..400 {
        let state = &mut { seed };
        let count = below(state, 30);
        let routes: Vec<RoutePattern> = (0..count).map(|_| some_route(state)).collect();
        let router = Router::new(&routes);
        for _ in 0..60 {
            let authority = some_authority(state);
            let path = match below(state, 20) {
                0 => "*".to_owned(),
                _ => format!("/{}", row(state, &["a", "b", "/", "ab"], 6)),
            };
            let (found, expected) = (
                router.route(|| authority.as_bytes(), path.as_bytes(), OFF),
                linear(&routes, authority.as_bytes(), &path),
            );
            assert_eq!(found, expected, "seed {seed}: {authority:?} {path:?} of {routes:#?}");
        }
    }
}
