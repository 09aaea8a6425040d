//! What a backend sees of a request, field by field.

use harness::{Backend, Proxy, Request, Setup};

/// Sends a request with these header lines and returns what the backend got.
fn forwarded(proxy: &Proxy, backend: &Backend, request: &str) -> Request {
    let mut client = proxy.client();
    client.send(request);
    assert_eq!(client.response("GET").status(), 200, "{request}");
    backend.requests().pop().expect("a request")
}

fn sorted(request: &Request) -> Vec<String> {
    let mut fields: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        // Another one in each request.
        .filter(|field| !field.starts_with("x-request-id: "))
        .collect();
    fields.sort();
    fields
}

/// Header lines of a client, and those that reach the backend beside Host, Via, X-Request-Id and X-Forwarded-*.
fn check(sent: &[&str], expected: &[&str]) {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let lines: String = sent.iter().map(|line| format!("{line}\r\n")).collect();
    let request = forwarded(&proxy, &backend, &format!("GET /a?b HTTP/1.1\r\nHost: test:80\r\n{lines}\r\n"));
    assert_eq!(request.first_line(), "GET /a?b HTTP/1.1");
    let mut all: Vec<String> = expected.iter().map(ToString::to_string).collect();
    all.extend([
        "host: test:80".to_owned(),
        "via: 1.1 pointsman".to_owned(),
        "x-forwarded-for: 127.0.0.1".to_owned(),
        "x-forwarded-host: test:80".to_owned(),
        "x-forwarded-proto: http".to_owned(),
    ]);
    all.sort();
    assert_eq!(sorted(&request), all, "{sent:?}");
}

#[test]
fn ordinary_fields_pass_as_they_are() {
    check(&[], &[]);
    check(
        &["Accept: */*", "X-Two: 1", "X-Two: 2", "Cookie: a=b; c", "Authorization: Basic eA==", "X-Empty:"],
        &["accept: */*", "x-two: 1", "x-two: 2", "cookie: a=b; c", "authorization: Basic eA==", "x-empty: "],
    );
}

#[test]
fn fields_of_one_connection_end_here() {
    check(
        &[
            "Connection: close, X-Priv",
            "X-Priv: 1",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic eA==",
            "TE: trailers, deflate;q=0.5",
            "Upgrade: websocket",
            "X-Kept: 1",
        ],
        // Asked for anew, of the backend (RFC 9110 section 10.1.4).
        &["connection: te", "te: trailers", "x-kept: 1"],
    );
    check(
        &["Connection: X-A", "Connection: x-b , ,x-c", "X-A: 1", "X-B: 2", "X-C: 3", "X-D: 4"],
        &["x-d: 4"],
    );
    check(&["TE: gzip"], &[]);
}

#[test]
fn what_others_rely_on_cannot_be_named_away() {
    check(
        &[
            "Connection: Host, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Via, Cookie, Authorization",
            "Cookie: a",
            "Authorization: b",
        ],
        &["cookie: a", "authorization: b"],
    );
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for framing in
        ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    {
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: test\r\nConnection: content-length, transfer-encoding\r\n{framing}"
        ));
        assert_eq!(client.response("POST").text(), "hello");
    }
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_added_to() {
    let backend = Backend::named("backend");
    let proxy =
        Setup { listener: "trusted_proxies = [\"127.0.0.0/8\"]", ..Setup::default() }.start(&[&backend]);
    let request = forwarded(
        &proxy,
        &backend,
        "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: outer\r\nForwarded: for=9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\nVia: 1.1 edge\r\n\r\n",
    );
    assert_eq!(request.values("x-forwarded-for").join(", "), "9.9.9.9, 127.0.0.1");
    assert_eq!(request.values("x-forwarded-proto"), ["https"]);
    assert_eq!(request.values("x-forwarded-host"), ["outer"]);
    assert_eq!(request.values("forwarded"), ["for=9.9.9.9"]);
    assert_eq!(request.values("x-real-ip"), ["9.9.9.9"]);
    assert_eq!(request.values("via").join(", "), "1.1 edge, 1.1 pointsman");
    assert_eq!(request.header("host"), Some("inner"));

    let request = forwarded(&proxy, &backend, "GET / HTTP/1.1\r\nHost: inner\r\n\r\n");
    assert_eq!(request.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.values("x-forwarded-proto"), ["http"]);
    assert_eq!(request.values("x-forwarded-host"), ["inner"]);
}

#[test]
fn an_absolute_target_counts_more_than_host() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for (target, host, path) in [
        ("http://real.example:81/a?b", "real.example:81", "/a?b"),
        ("http://real.example", "real.example", "/"),
        ("HTTP://real.example?q", "real.example", "/?q"),
        ("https://[::1]:443/", "[::1]:443", "/"),
    ] {
        let request = forwarded(&proxy, &backend, &format!("GET {target} HTTP/1.1\r\nHost: spoofed\r\n\r\n"));
        assert_eq!(request.values("host"), [host], "{target}");
        assert_eq!(request.values("x-forwarded-host"), [host], "{target}");
        assert_eq!(request.target(), path, "{target}");
    }
}

#[test]
fn an_old_client_is_spoken_for_in_the_new_version() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").text(), "backend");
    assert!(client.is_closed());
    let request = backend.requests().remove(0);
    assert_eq!(request.first_line(), "GET / HTTP/1.1");
    assert_eq!(request.values("host"), [backend.address().to_string()]);
    assert_eq!(request.values("via"), ["1.0 pointsman"]);
    assert_eq!(request.header("x-forwarded-host"), None);

    let mut client = proxy.client();
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n");
        let response = client.response("GET");
        assert_eq!((response.status(), response.header("connection")), (200, Some("keep-alive")));
    }
}
