//! `[[route]]`.

use pointsman_core::route::{HostPattern, PathPattern};

use super::*;

/// Host, path and pool of the routes of a text with the pools `a` and `bee`.
fn routes(text: &str) -> Vec<(HostPattern, String, usize)> {
    let config = good(&format!("{text}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"));
    config
        .routes
        .into_iter()
        .map(|route| (route.pattern.host, route.pattern.path.to_string(), route.pool))
        .collect()
}

#[test]
fn without_a_route_everything_goes_to_the_only_pool() {
    let config = good(&format!("{LISTENER}{POOL}"));
    assert_eq!(config.routes.len(), 1);
    let route = &config.routes[0];
    assert_eq!(
        (&route.pattern.host, &route.pattern.path, route.pool),
        (&HostPattern::Any, &PathPattern::all(), 0)
    );
}

#[test]
fn routes_keep_their_order() {
    let found = routes(
        "[[route]]\nhost = 'API.Example.com'\npath = '/v1/'\npool = 'bee'\n\
         [[route]]\nhost = '*.Example.com'\npool = 'a'\n\
         [[route]]\nhost = '[::1]'\npool = 'a'\n\
         [[route]]\nhost = '127.0.0.1'\npool = 'a'\n\
         [[route]]\nhost = 'a_b'\npath = '/%20'\npool = 'a'\n\
         [[route]]\npool = 'bee'",
    );
    let exact = |name: &str| HostPattern::Exact(name.to_owned());
    let expected = [
        (exact("api.example.com"), "/v1/", 1),
        (HostPattern::Subdomains("example.com".to_owned()), "/", 0),
        (exact("[::1]"), "/", 0),
        (exact("127.0.0.1"), "/", 0),
        (exact("a_b"), "/%20", 0),
        (HostPattern::Any, "/", 1),
    ];
    assert_eq!(found, expected.map(|(host, path, pool)| (host, path.to_owned(), pool)));
}

#[test]
fn a_prefix_is_made_of_whole_segments() {
    let path = |text: &str| {
        let config = good(&format!("[[route]]\n{text}\npool = 'a'\n{LISTENER}{POOL}"));
        config.routes[0].pattern.path.clone()
    };
    assert_eq!(path(""), PathPattern::Start("/".into()));
    assert_eq!(path("path = '/v1'"), PathPattern::Start("/v1".into()));
    assert_eq!(path("prefix = '/v1'"), PathPattern::Segments("/v1".into()));
    assert_eq!(
        path("prefix = '/v1/'"),
        PathPattern::Segments("/v1".into()),
        "a slash at the end says nothing"
    );
    assert_eq!(path("prefix = '/'"), PathPattern::Segments(String::new()));
}

#[test]
fn a_pool_may_wait_for_its_route() {
    assert_eq!(routes("[[route]]\npool = 'bee'").len(), 1);
}

#[test]
fn faults_of_a_route() {
    check_all(
        &format!("[[route]]\n{{}}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"),
        &[
            ("", &[r#"1: route[0].pool: is missing; write `pool = "NAME"`"#]),
            (
                "pool = 'c'",
                &["2: route[0].pool: there is no pool `c`; did you mean `a`? The pools are `a`, `bee`"],
            ),
            (
                "pool = 'bea'",
                &["2: route[0].pool: there is no pool `bea`; did you mean `bee`? The pools are `a`, `bee`"],
            ),
            ("pool = 1", &[r#"2: route[0].pool: is an integer, not a text; put it in quotes: `"1"`"#]),
            ("pool = 'a'\nhosts = 'x'", &["3: route[0].hosts: unknown key `hosts`; did you mean `host`?"]),
            (
                "pool = 'a'\nhost = 'example.com:80'",
                &[
                    r#"3: route[0].host: `example.com:80` has a port; write `"example.com"`: it matches on every port"#,
                ],
            ),
            (
                "pool = 'a'\nhost = '[::1]:80'",
                &[r#"3: route[0].host: `[::1]:80` has a port; write `"[::1]"`: it matches on every port"#],
            ),
            (
                "pool = 'a'\nhost = '::1'",
                &[
                    r#"3: route[0].host: `::1` is no host name; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = '*'",
                &["3: route[0].host: `*` stands for subdomains only; leave `host` out to match every host"],
            ),
            (
                "pool = 'a'\nhost = 'a.*.com'",
                &[
                    r#"3: route[0].host: `a.*.com` is no host name; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = '*.'",
                &[
                    r#"3: route[0].host: `` is no host name; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = 'http://a.com'",
                &[
                    r#"3: route[0].host: `http://a.com` is more than a host; write the host alone, and the path as `path = "/…"`"#,
                ],
            ),
            (
                "pool = 'a'\nhost = 'a.com/x'",
                &[
                    r#"3: route[0].host: `a.com/x` is more than a host; write the host alone, and the path as `path = "/…"`"#,
                ],
            ),
            (
                "pool = 'a'\nhost = 'a.com.'",
                &[
                    r#"3: route[0].host: `a.com.` is no host name; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = 'bücher.de'",
                &[
                    r#"3: route[0].host: `bücher.de` is not in the form that goes over the wire (`xn--…`); write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = 'a b'",
                &[
                    r#"3: route[0].host: `a b` is no host name; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\nhost = ''",
                &["3: route[0].host: is empty; write a text in the quotes, or leave the key out"],
            ),
            (
                "pool = 'a'\nhost = '10.0.1'",
                &[
                    r#"3: route[0].host: `10.0.1` is no IP address; write one such as `"example.com"`, or `"*.example.com"` for its subdomains"#,
                ],
            ),
            (
                "pool = 'a'\npath = 'v1/'",
                &[r#"3: route[0].path: `v1/` doesn't start with a slash; write `"/v1/"`"#],
            ),
            (
                "pool = 'a'\npath = '/a?b'",
                &[
                    "3: route[0].path: `/a?b` has a query or a fragment; write the path alone: nothing else is compared",
                ],
            ),
            (
                "pool = 'a'\npath = '/a b'",
                &[
                    "3: route[0].path: `/a b` is not how a path goes over the wire; write what isn't plain ASCII percent-encoded, such as `%20` for a space",
                ],
            ),
            (
                "pool = 'a'\npath = '/ä'",
                &[
                    "3: route[0].path: `/ä` is not how a path goes over the wire; write what isn't plain ASCII percent-encoded, such as `%20` for a space",
                ],
            ),
            (
                "pool = 'a'\npath = '/v1/*'",
                &[
                    r#"3: route[0].path: `/v1/*` has a wildcard; write `"/v1/"`: a path matches all that starts with it"#,
                ],
            ),
            (
                "pool = 'a'\nprefix = 'v1'",
                &[r#"3: route[0].prefix: `v1` doesn't start with a slash; write `"/v1"`"#],
            ),
            (
                "pool = 'a'\npath = '/a'\nprefix = '/b'",
                &[
                    "4: route[0].prefix: stands beside `path`; write `prefix` to match whole segments, or `path` to match all that starts with it",
                ],
            ),
            (
                "prefix = '/v1'\npool = 'a'\n[[route]]\npath = '/v1/b'\npool = 'bee'",
                &[
                    "4: route[1]: never matches: `route[0]` on line 1 takes every request to `/v1` on every host before it; put the narrower route first, or remove one of them",
                ],
            ),
            (
                "pool = 'a'\npath = ''",
                &["3: route[0].path: is empty; write a text in the quotes, or leave the key out"],
            ),
            (
                "pool = 'a'\n[[route]]\nhost = 'x.com'\npool = 'bee'",
                &[
                    "3: route[1]: never matches: `route[0]` on line 1 takes every request to `/` on every host before it; put the narrower route first, or remove one of them",
                ],
            ),
            (
                "host = '*.x.com'\npath = '/v1'\npool = 'a'\n[[route]]\nhost = 'A.X.com'\npath = '/v1/b'\npool = 'bee'",
                &[
                    "5: route[1]: never matches: `route[0]` on line 1 takes every request to `*.x.com/v1` before it; put the narrower route first, or remove one of them",
                ],
            ),
            (
                "host = 'x.com'\npool = 'a'\n[[route]]\nhost = 'x.com'\npool = 'a'",
                &[
                    "4: route[1]: never matches: `route[0]` on line 1 takes every request to `x.com/` before it; put the narrower route first, or remove one of them",
                ],
            ),
        ],
    );
}
