//! What a client sees of a backend's response.

use harness::{Backend, Proxy, Response};

/// A backend that answers every request with these bytes; it closes the connection if `close` says so.
fn answering(bytes: impl Into<Vec<u8>>, close: bool) -> Backend {
    let bytes = bytes.into();
    Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send(&bytes);
        exchange.keep_alive = !close;
    })
}

/// The response to a GET when the backend answers so; the connection takes another request afterwards.
fn relayed(bytes: &str, close: bool) -> Response {
    let backend = answering(bytes, close);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    let response = client.get("/");
    assert!(response.whole, "{bytes}");
    assert_eq!(client.get("/").status(), response.status(), "the second answer: {bytes}");
    response
}

fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let named = response.headers().iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn fields_of_one_connection_end_here() {
    let response = relayed(
        "HTTP/1.1 200 OK\r\nConnection: X-Secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nTE: x\r\nSet-Cookie: a\r\n\
         Set-Cookie: b\r\nServer: s\r\nContent-Length: 2\r\n\r\nok",
        false,
    );
    let mut names: Vec<String> =
        response.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    // Date is what every server with a clock adds (RFC 9110 section 6.6.1).
    assert_eq!(names, ["content-length", "date", "server", "set-cookie", "via", "x-request-id"]);
    assert_eq!(values(&response, "set-cookie"), ["a", "b"]);
    assert_eq!(values(&response, "via"), ["1.1 pointsman"]);
    assert_eq!(response.text(), "ok");
}

#[test]
fn a_required_upgrade_is_said() {
    for (fields, protocols) in [
        ("Upgrade: websocket", &["websocket"][..]),
        ("Upgrade: HTTP/3.0, TLS/1.2", &["HTTP/3.0, TLS/1.2"]),
        ("Upgrade: websocket\r\nUpgrade: x", &["websocket", "x"]),
    ] {
        let response = relayed(
            &format!(
                "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, X-A\r\nX-A: 1\r\n{fields}\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
            false,
        );
        assert_eq!(values(&response, "upgrade"), protocols, "{fields}");
        assert_eq!((values(&response, "connection"), response.header("x-a")), (vec!["upgrade"], None));
    }
    // Said by itself, as careless backends do, and to a client whose connection ends.
    let backend =
        answering("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", false);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let response = proxy.client().get_with("/", "Connection: close\r\n");
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(values(&response, "connection"), ["upgrade, close"]);
}

#[test]
fn what_clients_rely_on_cannot_be_named_away() {
    let response = relayed(
        "HTTP/1.1 200 OK\r\nConnection: content-length, set-cookie, content-type\r\nSet-Cookie: a\r\n\
         Content-Type: text/x\r\nContent-Length: 2\r\n\r\nok",
        false,
    );
    assert_eq!(values(&response, "set-cookie"), ["a"]);
    assert_eq!(values(&response, "content-type"), ["text/x"]);
    assert_eq!(response.text(), "ok");
}

#[test]
fn bodies_keep_their_content_in_every_framing() {
    for (bytes, close, text) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "hello"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, ""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            false,
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, ""),
        ("HTTP/1.1 200 OK\r\n\r\nhello", true, "hello"),
        ("HTTP/1.0 200 OK\r\n\r\nhello", true, "hello"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "hello"),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", true, "hello"),
        ("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", false, "hello"),
        ("HTTP/1.1 404 No such thing\r\nContent-Length: 5\r\n\r\nhello", false, "hello"),
        // A length beside a transfer coding, or the same length twice, is written anew.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            true,
            "hello",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            true,
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", true, "hello"),
    ] {
        let response = relayed(bytes, close);
        assert_eq!(response.text(), text, "{bytes}");
        let framing =
            values(&response, "content-length").len() + values(&response, "transfer-encoding").len();
        assert_eq!(framing, 1, "{bytes}: {response:?}");
    }
}

#[test]
fn an_old_client_gets_a_body_that_it_understands() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let backend = answering(chunked, false);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n");
    let response = client.response("GET");
    assert_eq!((response.text().as_str(), response.header("transfer-encoding")), ("hello", None));
    assert!(client.is_closed());
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    for (method, bytes, status, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, Some("5")),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, None),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, None),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n", 404, Some("99")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", 304, None),
        // The length of what isn't sent may be left out (RFC 9110 section 8.6), and hyper does.
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, None),
    ] {
        let backend = answering(bytes, false);
        let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let mut client = proxy.client();
        // Whatever came after the head would be taken for the second response.
        for _ in 0..2 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\n\r\n"));
            let response = client.response(method);
            assert_eq!(response.status(), status, "{method}: {bytes}");
            assert_eq!(response.header("content-length"), length, "{method}: {bytes}");
        }
        assert_eq!(backend.connections(), 1, "{method}: {bytes}");
    }
}

#[test]
fn interim_responses_stay_here() {
    let response = relayed(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
    );
    assert_eq!((response.status(), response.text().as_str(), response.header("link")), (200, "ok", None));
}
