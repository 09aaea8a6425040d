//! A request whose head isn't well-formed is refused by name and never forwarded.

use harness::{Backend, Proxy};

use crate::refused::{Case, case, check};

fn head(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: test\r\n{lines}\r\n\r\n").into_bytes()
}

#[test]
fn a_malformed_request_line_is_refused() {
    let line = |line: &str, status, label| case(format!("{line}\r\nHost: test\r\n\r\n"), status, label);
    check(&[
        line("GARBAGE", 400, "malformed-head"),
        line("GET /", 400, "malformed-head"),
        line("GET  / HTTP/1.1", 400, "malformed-head"),
        line("GET / /x HTTP/1.1", 400, "malformed-head"),
        line(" GET / HTTP/1.1", 400, "malformed-head"),
        line("G@T / HTTP/1.1", 400, "malformed-head"),
        line("GET /\0 HTTP/1.1", 400, "malformed-head"),
        line("GET /\x7f HTTP/1.1", 400, "malformed-head"),
        line("GET / HTTP/1.1 x", 400, "malformed-head"),
        line("GET / http/1.1", 400, "malformed-head"),
        line("GET / HTTP/1.2", 505, "version"),
        line("GET / HTTP/3.0", 505, "version"),
        case("PRI * HTTP/2.0\r\n\r\nsm\r\n\r\n", 505, "version"),
        case("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03\r\n\r\n", 400, "malformed-head"),
    ]);
}

#[test]
fn a_target_that_is_no_path_is_refused() {
    let target =
        |target: &str| case(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"), 400, "malformed-target");
    check(&[
        target("*"),
        target("path"),
        target("test:80"),
        target("/a#fragment"),
        target("/a?b#fragment"),
        target("http://a^b/"),
        target("http://a\u{e9}/"),
        target("ftp://test/"),
        target("http://"),
        target("http:///a"),
        target("http://user@test/"),
        target("http://a,b/"),
        target("http://a%20b/"),
        target("http://test:x/"),
        target("http://test:99999/"),
        target("http://[::1/"),
        target("http://[1:2]/"),
    ]);
}

#[test]
fn methods_of_a_forward_proxy_are_refused() {
    let connect = "CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n";
    check(&[case(connect, 405, "method"), case("CONNECT / HTTP/1.1\r\nHost: test\r\n\r\n", 405, "method")]);

    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(connect);
    assert!(client.response("CONNECT").header("allow").is_some_and(|methods| methods.contains("GET")));
}

#[test]
fn bare_line_ends_nul_and_folds_are_refused() {
    check(&[
        case("GET / HTTP/1.1\nHost: test\n\n", 400, "bare-lf"),
        case("GET / HTTP/1.1\r\nHost: test\n\r\n", 400, "bare-lf"),
        case("\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400, "bare-lf"),
        case(head("X: a\nY: b"), 400, "bare-lf"),
        case(head("X: a\rb"), 400, "malformed-head"),
        case("GET / HTTP/1.1\rX: y\r\nHost: test\r\n\r\n", 400, "malformed-head"),
        case(head("X: a\r\n folded"), 400, "malformed-head"),
        case(head("X: a\r\n\tfolded"), 400, "malformed-head"),
        case("GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400, "malformed-head"),
        case(head("X: a\0b"), 400, "malformed-head"),
        // A target that isn't UTF-8, after the end of what might have been a head.
        case(b"GET\r\n\r\n /\xff HTTP/1.1\r\nHost: test\r\n\r\n", 400, "malformed-head"),
        case(head("X\0: a"), 400, "malformed-head"),
    ]);
}

#[test]
fn a_malformed_field_is_refused() {
    check(&[
        case(head("X : a"), 400, "malformed-head"),
        case(head("X\t: a"), 400, "malformed-head"),
        case(head(": a"), 400, "malformed-head"),
        case(head("X"), 400, "malformed-head"),
        case(head("X Y: a"), 400, "malformed-head"),
        case(head("X(Y): a"), 400, "malformed-head"),
        case(head("Expect: 200-ok"), 417, "expectation"),
        case(head("Expect: 100-continue, x"), 417, "expectation"),
    ]);
}

#[test]
fn a_request_that_names_no_single_host_is_refused() {
    let host = |lines: &str| case(format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n"), 400, "host");
    check(&[
        host("X: no host"),
        host("Host: a\r\nHost: b"),
        host("Host: a\r\nX: y\r\nhost: a"),
        host("Host:"),
        host("Host: a,b"),
        host("Host: a b"),
        host("Host: user@a"),
        host("Host: a/b"),
        host("Host: http://a"),
        host("Host: a:b"),
        host("Host: a:1:2"),
        host("Host: :80"),
        host("Host: [::1"),
        host("Host: [::1]x"),
        host("Host: \"a\""),
        host("Host: a\u{e9}"),
    ]);
}

#[test]
fn a_head_over_its_limits_is_refused() {
    let kib = |count: usize| "x".repeat(count * 1024);
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: y")).collect::<Vec<_>>().join("\r\n");
    let cases: Vec<Case> = vec![
        case(head(&format!("X: {}", kib(64))), 431, "head-too-large"),
        case(head(&format!("{}: y", kib(65))), 431, "head-too-large"),
        case(head(&format!("X: {}\r\nY: {}", kib(40), kib(40))), 431, "head-too-large"),
        // 100 fields with Host are allowed.
        case(head(&fields(100)), 431, "too-many-headers"),
        case(head(&fields(1000)), 431, "too-many-headers"),
        case(format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", kib(16)), 414, "uri-too-long"),
        case(format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", kib(100)), 414, "uri-too-long"),
    ];
    check(&cases);
}

#[test]
fn what_is_within_the_rules_and_limits_passes() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let every = "/%0d%0aX:y//../a%2F!$&'()*+,-.:;=@[]_{|}~?a=!$&'()*+,-./:;=?@[]_{|}~";
    let long = format!("/{}", "x".repeat(16 * 1024 - 1));
    for target in ["/", "//", "/?", "/?a?b", every, &long] {
        assert_eq!(proxy.client().get(target).status(), 200, "{target}");
        assert_eq!(backend.requests().last().expect("a request").target(), target);
    }
    let fields: String = (0..99).map(|n| format!("X-{n}: y\r\n")).collect();
    let large = format!("X: {}\r\n", "x".repeat(63 * 1024));
    for headers in
        [fields.as_str(), &large, "X:\r\n", "X:\ta \t\r\n", "X: a\tb\u{e9}\r\n", "!#$%&'*+-.^_`|~09az: 1\r\n"]
    {
        assert_eq!(proxy.client().get_with("/", headers).status(), 200, "{headers}");
    }
    // An empty line before a request is left over from the one before it (RFC 9112 section 2.2).
    let mut client = proxy.client();
    client.send("\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("GET").status(), 200);
    client.send("\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("GET").status(), 200);
}

#[test]
fn a_question_to_the_server_as_a_whole_goes_to_a_backend() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("OPTIONS").text(), "backend");
    assert_eq!(backend.requests()[0].first_line(), "OPTIONS * HTTP/1.1");
    // The same in absolute form (RFC 9112 section 3.2.4), and what only looks like it.
    for (target, seen) in [
        ("http://other", "*"),
        ("http://other:80", "*"),
        ("http://other/", "/"),
        ("http://other?x", "/?x"),
        ("http://other/*", "/*"),
    ] {
        client.send(format!("OPTIONS {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.response("OPTIONS").text(), "backend");
        let request = backend.requests().pop().expect("a request");
        assert_eq!(request.first_line(), format!("OPTIONS {seen} HTTP/1.1"), "{target}");
        assert!(request.header("host").is_some_and(|host| host.starts_with("other")), "{target}");
    }
}
