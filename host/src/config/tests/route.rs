//! `[[route]]`.

use pointsman_core::route::RoutePattern;

use super::*;

/// What the routes match and the pools that they lead to, of a text with the pools `a` and `bee`.
fn routes(text: &str) -> Vec<(String, usize)> {
    let config = good(&format!("{text}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"));
    let pool = |route: &RouteConfig| route.pools()[0];
    config.routes.iter().map(|route| (route.pattern.to_string(), pool(route))).collect()
}

/// What should be known of a text with the pools `a` and `bee`, which can serve.
fn warnings(text: &str) -> Vec<String> {
    let config = good(&format!("{text}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"));
    config.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_route_everything_goes_to_the_only_pool() {
    let config = good(&format!("{LISTENER}{POOL}"));
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].pattern, RoutePattern::default());
    assert_eq!(config.routes[0].pools(), [0]);
}

#[test]
fn routes_keep_their_order() {
    let found = routes(
        "[[route]]\nhost = 'API.Example.com'\npath = '/v1/'\npool = 'bee'\n\
         [[route]]\nhost = '*.Example.com'\npool = 'a'\n\
         [[route]]\nhost = '[::1]'\npool = 'a'\n\
         [[route]]\nhost = '127.0.0.1'\npool = 'a'\n\
         [[route]]\nhost = ['a_b', 'c']\npath = '/%20/'\npool = 'a'\n\
         [[route]]\npool = 'bee'",
    );
    let expected = [
        ("api.example.com/v1/", 1),
        ("*.example.com/", 0),
        ("[::1]/", 0),
        ("127.0.0.1/", 0),
        ("{a_b,c}/%20/", 0),
        ("/", 1),
    ];
    assert_eq!(found, expected.map(|(rule, pool)| (rule.to_owned(), pool)));
}

#[test]
fn a_path_rule_is_what_its_key_says() {
    let paths = |text: &str| {
        let config = good(&format!("[[route]]\n{text}\npool = 'a'\n{LISTENER}{POOL}"));
        config.routes[0].pattern.to_string()
    };
    assert_eq!(paths(""), "/");
    assert_eq!(paths("path = '/v1'"), "/v1*");
    assert_eq!(paths("starts_with = '/v1'"), "/v1*");
    assert_eq!(paths("prefix = '/v1'"), "/v1");
    assert_eq!(paths("prefix = '/v1/'"), "/v1", "a slash at the end says nothing");
    assert_eq!(paths("prefix = '/'"), "/");
    assert_eq!(paths("exact = ['/a', '/b']"), "{=/a,=/b}");
    assert_eq!(paths("suffix = '.php'"), "*.php");
    assert_eq!(paths("regex = '^/u/[0-9]+$'"), "~^/u/[0-9]+$");
    assert_eq!(
        paths("regex = 'x'\nsuffix = '.php'\nprefix = '/a'"),
        "/a, path ~x, path *.php",
        "all of them"
    );
}

#[test]
fn a_route_can_demand_more_of_a_request() {
    let text = "[[route]]\nname = 'login'\nmethod = ['GET', 'PURGE']\nscheme = 'https'\n\
                protocol = ['HTTP/2', 'grpc']\nclient = ['10.0.0.0/8', '::1']\n\
                header.X-Api = { prefix = ['v1', 'v2'] }\nheader.Accept = { contains = 'json' }\n\
                query = { debug = true, q = '' }\ncookie.s = false\n\
                not = [{ method = 'GET', host = 'a.test' }, { header.x = { regex = '^y' } }]\npool = 'a'";
    let config = good(&format!("{text}\n{LISTENER}{POOL}"));
    let route = &config.routes[0];
    assert_eq!(route.label(), "login");
    assert_eq!(
        route.pattern.to_string(),
        "/, method {GET,PURGE}, scheme https, protocol {HTTP/2,grpc}, client {10.0.0.0/8,::1/128}, \
         header x-api{=\"v1*\",=\"v2*\"}, header accept=\"*json*\", query debug, query q=\"\", cookie s absent, \
         not (method GET, host a.test), not (header x~\"^y\")"
    );
}

#[test]
fn what_can_serve_but_surprises_is_said() {
    let never = |line: usize, rule: &str| {
        format!(
            "f.toml:{line}: route[1]: never matches: `route[0]` on line 1 takes every request to {rule} before it; \
             put the narrower route first, or remove one of them"
        )
    };
    for (text, expected) in [
        ("[[route]]\npool = 'a'\n[[route]]\nhost = 'x.com'\npool = 'bee'", never(3, "`/` on every host")),
        (
            "[[route]]\nhost = '*.x.com'\nprefix = '/v1'\npool = 'a'\n\
             [[route]]\nhost = 'A.X.com'\nexact = '/v1/b'\nmethod = 'GET'\npool = 'bee'",
            never(5, "`*.x.com/v1`"),
        ),
        (
            "[[route]]\nprefix = '/v1'\nmethod = 'GET'\npool = 'a'\n\
             [[route]]\nprefix = '/v1/b'\nscheme = 'http'\nmethod = 'GET'\npool = 'bee'",
            never(5, "`/v1, method GET` on every host"),
        ),
        (
            "[[route]]\npath = ['/v1/', '/v2']\npool = 'a'",
            "f.toml:2: route[0].path: `/v2` matches `/v2x`, too; write `prefix = \"/v2\"` to match whole segments, \
             or `starts_with` if that is meant"
                .to_owned(),
        ),
    ] {
        assert_eq!(warnings(text), [expected], "{text}");
    }
    for text in [
        "[[route]]\nprefix = '/v1'\nmethod = 'GET'\npool = 'a'\n[[route]]\nprefix = '/v1'\npool = 'bee'",
        "[[route]]\nstarts_with = '/v1'\npool = 'a'\n[[route]]\npath = '/'\npool = 'bee'",
        "[[route]]\nhost = ['a.com', 'b.com']\npool = 'a'\n[[route]]\nhost = ['b.com', 'c.com']\npool = 'bee'",
    ] {
        assert_eq!(warnings(text), [""; 0], "{text}");
    }
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
                    "3: route[0].path: `/a?b` has a query or a fragment; write the path alone: `query` is a key of its own",
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
                    r#"3: route[0].path: `/v1/*` has a wildcard; write `prefix = "/v1"`: it matches all below it"#,
                ],
            ),
            (
                "pool = 'a'\nprefix = 'v1'",
                &[r#"3: route[0].prefix: `v1` doesn't start with a slash; write `"/v1"`"#],
            ),
            (
                "pool = 'a'\npath = '/a'\nprefix = '/b'",
                &[
                    "3: route[0].path: stands beside `prefix`; write `prefix` to match whole segments, or `starts_with` to match all that starts with it",
                ],
            ),
            (
                "pool = 'a'\npath = ''",
                &["3: route[0].path: is empty; write a text in the quotes, or leave the key out"],
            ),
            (
                "pool = 'a'\nname = 'x'\n[[route]]\nprefix = '/a'\nname = 'x'\npool = 'a'",
                &[
                    "6: route[1].name: `x` is taken by `route[0].name` on line 3; give each route its own name",
                ],
            ),
            (
                "pool = 'a'\nname = 'x y'",
                &[
                    "3: route[0].name: `x y` is no usable name; use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`",
                ],
            ),
            (
                "pool = 'a'\nhost = []",
                &["3: route[0].host: is an empty list; write a value, or leave the key out"],
            ),
            (
                "pool = 'a'\nhost = ['a.com', 'b.com:80']",
                &[r#"3: route[0].host[1]: `b.com:80` has a port; write `"b.com"`: it matches on every port"#],
            ),
            (
                "pool = 'a'\nregex = '^/a(b'",
                &[
                    "3: route[0].regex: `^/a(b` is no regular expression that can be used: at character 4: unclosed group; mend it there; back-references and look-around don't exist here, as they can take forever",
                ],
            ),
            (
                "pool = 'a'\nmethod = 'get'",
                &[r#"3: route[0].method: `get` isn't in capitals; write `"GET"`"#],
            ),
            (
                "pool = 'a'\nmethod = 'G T'",
                &[r#"3: route[0].method: `G T` is no method; write one such as `"GET"`"#],
            ),
            (
                "pool = 'a'\nprotocol = 'h2'",
                &[
                    "3: route[0].protocol: `h2` is none of the choices; write one of `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`, `grpc`, `websocket`",
                ],
            ),
            (
                "pool = 'a'\nclient = '10.0.0.1/8'",
                &[
                    r#"3: route[0].client: `10.0.0.1/8` is an address in a network of /8; write `"10.0.0.0/8"` for the network or `"10.0.0.1"` for the address"#,
                ],
            ),
            (
                "pool = 'a'\nheader = 'x'",
                &[r#"3: route[0].header: is a text, not a table; write `header = { NAME = "VALUE" }`"#],
            ),
            (
                "pool = 'a'\nheader = { 'x y' = 'a' }",
                &[
                    r#"3: route[0].header."x y": `x y` is no name of a header field; write one such as `x-api-version`"#,
                ],
            ),
            (
                "pool = 'a'\nheader.x = { prefix = 'a', suffix = 'b' }",
                &[
                    "3: route[0].header.x.suffix: stands beside another demand; write one of them, or a regular expression for both",
                ],
            ),
            (
                "pool = 'a'\nnot = {}",
                &[
                    "3: route[0].not: is empty, and so excludes every request; write a table with the keys of a match, such as `not = { method = \"GET\" }`, or a list of them",
                ],
            ),
            (
                "pool = 'a'\nnot = { pool = 'b' }",
                &[
                    "3: route[0].not.pool: unknown key `pool`; the keys here are `host`, `prefix`, `starts_with`, `path`, `exact`, `regex`, `suffix`, `method`, `scheme`, `listener`, `protocol`, `client`, `header`, `query`, `cookie`, `not`",
                    "3: route[0].not: is empty, and so excludes every request; write a table with the keys of a match, such as `not = { method = \"GET\" }`, or a list of them",
                ],
            ),
        ],
    );
}

#[test]
fn routes_for_grpc_to_backends_over_http1_are_warned_of() {
    let told = warnings(
        "[[route]]\npool = 'bee'\nprotocol = 'grpc'\n[[route]]\npool = 'a'\nprotocol = ['grpc', 'HTTP/2']",
    );
    assert_eq!(
        told,
        [
            "f.toml:1: route[0]: is for gRPC, and the backends of `bee` are asked in HTTP/1, over which no call goes; \
          write `protocol = \"h2\"` in the section of that pool"
        ]
    );
    let text = format!(
        "[[route]]\npool = 'c'\nprotocol = 'grpc'\n{LISTENER}[pool.c]\nprotocol = 'h2'\nbackends = ['127.0.0.1:9']"
    );
    assert!(good(&text).warnings.is_empty());
}
