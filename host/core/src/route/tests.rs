use http::header::{COOKIE, HOST, HeaderName, UPGRADE};
use http::{HeaderValue, Method, Version};

use super::host_pattern::host_of;
use super::*;

const OFF: PathNormalization = PathNormalization::Off;

/// The listener that requests come in by.
fn listener() -> Address {
    Address::Tcp(([127, 0, 0, 1], 80).into())
}

fn head(authority: &str, target: &str) -> RequestHead {
    let mut head = RequestHead::default();
    if !authority.is_empty() {
        head.parts.headers.insert(HOST, HeaderValue::from_str(authority).expect("a host"));
    }
    head.parts.uri = target.parse().expect("a target");
    head
}

fn route(host: HostPattern, path: PathPattern) -> RoutePattern {
    RoutePattern { hosts: vec![host], paths: vec![path], conditions: Vec::new() }
}

fn check(authority: &str, path: &str, expect: Option<usize>) {
    let start = |path: &str| PathPattern::Start(path.into());
    let router = Router::new(&[
        route(HostPattern::Exact("api.example.com".into()), start("/v1/")),
        route(HostPattern::Subdomains("example.com".into()), start("/")),
        route(HostPattern::Exact("[::1]".into()), start("/")),
        route(HostPattern::Any, start("/static/")),
        route(HostPattern::Any, PathPattern::Segments("/admin".into())),
    ]);
    assert_eq!(
        router.route(&head(authority, path), &listener(), OFF),
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
    let routes = |path: &str| Router::new(&[route(HostPattern::Any, PathPattern::Segments(path.into()))]);
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
            let found = router.route(&head("", path), &listener(), normalization);
            assert_eq!(found.is_some(), expected, "{pattern} {path} {normalization:?}");
        }
    }
}

/// Whether each route matches in turn, which is what the router must agree with.
fn linear(routes: &[RoutePattern], head: &RequestHead) -> Option<RouteIndex> {
    let path = if head.path() == b"*" { b"/" } else { head.path() };
    let host = host_of(head.authority().unwrap_or_default());
    let candidate = Candidate { head, listener: &listener(), path };
    let matches = |route: &RoutePattern| {
        (route.hosts.is_empty() || route.hosts.iter().any(|pattern| pattern.matches(host)))
            && (route.paths.is_empty() || route.paths.iter().any(|pattern| pattern.matches(path)))
            && route.conditions.iter().all(|condition| condition.holds(&candidate))
    };
    routes.iter().position(matches).map(RouteIndex)
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

fn some_host(state: &mut u64) -> HostPattern {
    match below(state, 8) {
        0 => HostPattern::Any,
        1 => HostPattern::Exact(["[::1]", "[::2]", "[1::]"][below(state, 3)].into()),
        2..5 => HostPattern::Subdomains(name(state)),
        _ => HostPattern::Exact(name(state)),
    }
}

fn some_path(state: &mut u64) -> PathPattern {
    match below(state, 6) {
        0 | 1 => PathPattern::Start(format!("/{}", row(state, &["a", "b", "/"], 4))),
        2 => PathPattern::Exact(format!("/{}", row(state, &["a", "b", "/"], 3))),
        3 => PathPattern::Suffix(format!("a{}", row(state, &["a", "b", "/"], 2))),
        4 => PathPattern::Regex(regex(["a+b", "^/a", "b$", "/.*/", "^/(a|b)$"][below(state, 5)])),
        _ => PathPattern::Segments(row(state, &["/a", "/b", "/ab"], 3)),
    }
}

fn some_condition(state: &mut u64) -> Condition {
    match below(state, 4) {
        0 => Condition::Method(vec![Method::POST]),
        1 => Condition::Not(vec![
            Condition::Method(vec![Method::POST]),
            Condition::Path(vec![some_path(state)]),
        ]),
        2 => Condition::Not(vec![Condition::Host(vec![some_host(state)])]),
        _ => Condition::Path(vec![some_path(state), some_path(state)]),
    }
}

fn some_route(state: &mut u64) -> RoutePattern {
    RoutePattern {
        hosts: (0..below(state, 3)).map(|_| some_host(state)).collect(),
        paths: (0..below(state, 3)).map(|_| some_path(state)).collect(),
        conditions: (0..below(state, 4).saturating_sub(1)).map(|_| some_condition(state)).collect(),
    }
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
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
            let mut head = head("", &path);
            head.parts.headers.insert(HOST, HeaderValue::from_str(&authority).expect("a host"));
            head.parts.method = [Method::GET, Method::POST][below(state, 2)].clone();
            let (found, expected) = (router.route(&head, &listener(), OFF), linear(&routes, &head));
            assert_eq!(found, expected, "seed {seed}: {authority:?} {path:?} of {routes:#?}");
        }
    }
}

/// Whether a request with what `set` gives it matches one condition.
fn holds(condition: &Condition, set: impl FnOnce(&mut RequestHead)) -> bool {
    let mut head = head("a.test", "/x?a=1&b=%20&c");
    set(&mut head);
    Router::new(&[RoutePattern { conditions: vec![condition.clone()], ..RoutePattern::default() }])
        .route(&head, &listener(), PathNormalization::Match)
        .is_some()
}

#[test]
fn conditions_look_at_all_of_a_request() {
    let text = |text: &str| ValuePattern::Text(vec![TextPattern::Exact(text.into())]);
    let field = |pattern| Condition::Header(HeaderName::from_static("x-a"), pattern);
    let with = |value: &'static str| {
        move |head: &mut RequestHead| {
            head.parts.headers.append("x-a", HeaderValue::from_static("other"));
            head.parts.headers.append("x-a", HeaderValue::from_static(value));
        }
    };
    assert!(holds(&field(text("yes")), with("yes")), "the second line");
    assert!(!holds(&field(text("yes")), with("no")) && !holds(&field(text("yes")), |_| ()));
    assert!(holds(&field(ValuePattern::Present), with("")) && !holds(&field(ValuePattern::Present), |_| ()));
    assert!(holds(&field(ValuePattern::Absent), |_| ()) && !holds(&field(ValuePattern::Absent), with("")));
    let query = |name: &str, pattern| Condition::Query(name.into(), pattern);
    assert!(holds(&query("a", text("1")), |_| ()) && holds(&query("b", text(" ")), |_| ()));
    assert!(
        holds(&query("c", ValuePattern::Present), |_| ()) && holds(&query("d", ValuePattern::Absent), |_| ())
    );
    let cookie = Condition::Cookie("s".into(), text("v"));
    for (lines, expected) in
        [(&["s=v"][..], true), (&["a=b; s=v"], true), (&["a=b", "s=v"], true), (&["ss=v"], false)]
    {
        let set = |head: &mut RequestHead| {
            for line in lines {
                head.parts.headers.append(COOKIE, HeaderValue::from_static(line));
            }
        };
        assert_eq!(holds(&cookie, set), expected, "{lines:?}");
    }
    let client = Condition::Client(vec!["10.0.0.0/8".parse().expect("a network")]);
    for (address, expected) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("::1", false)]
    {
        assert_eq!(
            holds(&client, |head| head.client = address.parse().expect("an address")),
            expected,
            "{address}"
        );
    }
    assert!(holds(&Condition::Tls(true), |head| head.tls = true) && !holds(&Condition::Tls(true), |_| ()));
    let spoken = |spoken| Condition::Protocol(vec![spoken]);
    assert!(holds(&spoken(Spoken::Http2), |head| head.protocol = Version::HTTP_2));
    assert!(!holds(&spoken(Spoken::Http2), |_| ()) && holds(&spoken(Spoken::Http11), |_| ()));
    assert!(holds(&spoken(Spoken::Grpc), |head| head.is_call = true));
    let upgrade = |protocol| {
        move |head: &mut RequestHead| {
            drop(head.parts.headers.insert(UPGRADE, HeaderValue::from_static(protocol)))
        }
    };
    assert!(
        holds(&spoken(Spoken::WebSocket), upgrade("WebSocket"))
            && !holds(&spoken(Spoken::WebSocket), upgrade("x"))
    );
    let by = |host: [u8; 4]| Condition::Listener(vec![Address::Tcp((host, 80).into())]);
    assert!(holds(&by([127, 0, 0, 1]), |_| ()) && !holds(&by([127, 0, 0, 2]), |_| ()));
    assert!(holds(&Condition::Not(vec![by([127, 0, 0, 2])]), |_| ()));
    let neither = Condition::Not(vec![Condition::Tls(true), Condition::Method(vec![Method::GET])]);
    assert!(holds(&neither, |_| ()) && !holds(&neither, |head| head.tls = true));
}

#[test]
fn a_rule_says_all_that_it_demands() {
    let pattern = RoutePattern {
        hosts: vec![HostPattern::Exact("a.test".into()), HostPattern::Subdomains("b.test".into())],
        paths: vec![PathPattern::Exact("/x".into()), PathPattern::Start("/v1".into())],
        conditions: vec![
            Condition::Method(vec![Method::GET, Method::HEAD]),
            Condition::Header(
                HeaderName::from_static("x-a"),
                ValuePattern::Text(vec![TextPattern::Prefix("b\"".into()), TextPattern::Regex(regex("^c$"))]),
            ),
            Condition::Not(vec![Condition::Tls(true), Condition::Query("q".into(), ValuePattern::Absent)]),
        ],
    };
    assert_eq!(
        pattern.to_string(),
        r#"{a.test,*.b.test}{=/x,/v1*}, method {GET,HEAD}, header x-a{="b\"*",~"^c$"}, not (scheme https, query q absent)"#
    );
    assert_eq!(RoutePattern::default().to_string(), "/");
}

#[test]
fn what_surely_matches_more_is_known() {
    let of = |paths: &[PathPattern], conditions: &[Condition]| RoutePattern {
        hosts: Vec::new(),
        paths: paths.to_vec(),
        conditions: conditions.to_vec(),
    };
    let exact = |path: &str| PathPattern::Exact(path.into());
    let suffix = |path: &str| PathPattern::Suffix(path.into());
    let whole = |path: &str| PathPattern::Segments(path.into());
    let post = [Condition::Method(vec![Method::POST])];
    for (earlier, later, expected) in [
        (of(&[], &[]), of(&[exact("/a")], &post), true),
        (of(&[], &post), of(&[exact("/a")], &[]), false),
        (of(&[], &post), of(&[exact("/a")], &post), true),
        (of(&[whole("/a")], &[]), of(&[exact("/a"), whole("/a/b")], &[]), true),
        (of(&[whole("/a")], &[]), of(&[exact("/a"), whole("/b")], &[]), false),
        (of(&[exact("/a")], &[]), of(&[whole("/a")], &[]), false),
        (of(&[suffix(".php")], &[]), of(&[suffix("/x.php"), exact("/y.php")], &[]), true),
        (of(&[PathPattern::Regex(regex("^/a"))], &[]), of(&[exact("/ab")], &[]), true),
        (of(&[PathPattern::Regex(regex("^/a"))], &[]), of(&[whole("/a")], &[]), false),
        (of(&[whole("/a")], &[]), of(&[suffix("/a")], &[]), false),
        (of(&[whole("")], &[]), of(&[suffix("/a")], &[]), true),
    ] {
        assert_eq!(earlier.covers(&later), expected, "{earlier} before {later}");
    }
}

#[test]
fn hundreds_of_regular_expressions_are_one_search() {
    let routes: Vec<RoutePattern> = (0..300)
        .map(|number| route(HostPattern::Any, PathPattern::Regex(regex(&format!("^/[a-z]+/{number}/")))))
        .collect();
    let router = Router::new(&routes);
    for number in [0, 150, 299] {
        let found =
            router.route(&head("", &format!("/abc/{number}/x")), &listener(), PathNormalization::Match);
        assert_eq!(found, Some(RouteIndex(number)));
    }
    assert_eq!(router.route(&head("", "/abc/300/x"), &listener(), PathNormalization::Match), None);
}

#[test]
fn an_escaped_line_feed_leads_past_no_regular_expression() {
    // One is looked for alone, and several as one.
    for others in [0, 2] {
        let patterns = (0..others).map(|number| format!("^/x{number}/.*$")).chain(["^/admin/.*$".to_owned()]);
        let routes: Vec<_> =
            patterns.map(|text| route(HostPattern::Any, PathPattern::Regex(regex(&text)))).collect();
        let router = Router::new(&routes);
        for path in ["/admin/%0a", "/admin/a%0D%0Ab"] {
            let found = router.route(&head("", path), &listener(), PathNormalization::Match);
            assert_eq!(found, Some(RouteIndex(others)), "{path}");
        }
    }
}
