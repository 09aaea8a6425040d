//! Fields after a body pass both ways.

use harness::{Backend, Proxy};

#[test]
fn a_requests_trailers_reach_the_backend() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = format!("{:?}", exchange.request.trailers);
        exchange.respond(&seen);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n",
    );
    assert_eq!(client.response("POST").text().to_lowercase(), r#"[("x-sum", "42")]"#);
    assert_eq!(backend.requests()[0].header("trailer"), Some("X-Sum"));
}

#[test]
fn forwarding_fields_in_trailers_are_dropped() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = format!("{:?}", exchange.request.trailers);
        exchange.respond(&seen);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Forwarded-For, X_Real_IP, X-Sum\r\n\r\n\
         5\r\nhello\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\nX-Sum: 42\r\n\r\n",
    );
    assert_eq!(client.response("POST").text().to_lowercase(), r#"[("x-sum", "42")]"#);
}

#[test]
fn a_responses_trailers_reach_a_client_that_takes_them() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        exchange.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
             5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n",
        );
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    let response = client.get_with("/", "TE: trailers\r\nConnection: TE\r\n");
    assert_eq!((response.text().as_str(), response.header("trailer")), ("hello", Some("X-Sum")));
    let trailers: Vec<_> =
        response.trailers.iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    assert_eq!(trailers, [("x-sum".to_owned(), &"42".to_owned())]);
    let request = &backend.requests()[0];
    assert_eq!((request.values("te"), request.values("connection")), (vec!["trailers"], vec!["te"]));

    // `Connection: TE` is for proxies that don't know the field; this one needs no reminder.
    let response = client.get_with("/", "TE: deflate, trailers;q=1.0, Trailers\r\n");
    assert_eq!((response.text().as_str(), response.trailers.len()), ("hello", 1));
    let request = backend.requests().pop().expect("a request");
    assert_eq!((request.values("te"), request.values("connection")), (vec!["trailers"], vec!["te"]));
    // What the proxy doesn't do for the client, the backend needn't either.
    assert_eq!(client.get_with("/", "TE: deflate\r\nConnection: TE\r\n").trailers.len(), 0);
    let request = backend.requests().pop().expect("a request");
    assert_eq!((request.header("te"), request.header("connection")), (None, None));

    // One that doesn't say so gets the body without them (RFC 9110 section 6.5.1).
    let response = client.get("/");
    assert_eq!((response.text().as_str(), response.trailers.len(), response.whole), ("hello", 0, true));
}

#[test]
fn unannounced_trailers_are_dropped() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = format!("{:?}", exchange.request.trailers).to_lowercase();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n\
             {:x}\r\n{seen}\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
            seen.len()
        ));
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for (announced, seen) in
        [("Trailer: X-A\r\n", r#"[("x-a", "1")]"#), ("Trailer: X-C\r\n", "[]"), ("", "[]")]
    {
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\n{announced}Transfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"
        ));
        let response = client.response("POST");
        assert_eq!(response.text(), seen, "{announced}");
        let trailers: Vec<_> = response.trailers.iter().map(|(name, _)| name.to_lowercase()).collect();
        assert_eq!(trailers, ["x-a"], "{announced}");
    }
}

#[test]
fn what_decides_about_the_message_is_no_trailer_even_if_it_is_announced() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = format!("{:?}", exchange.request.trailers);
        let name = exchange.request.header("trailer").unwrap_or_default().to_owned();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: {name}\r\n\r\n{:x}\r\n{seen}\r\n0\r\n{name}: close\r\n\r\n",
            seen.len()
        ));
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for field in [
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "Host: other",
        "Authorization: x",
        "Trailer: X",
        "TE: trailers",
        "Connection: close",
        "Upgrade: websocket",
        "Keep-Alive: 5",
        "Proxy-Connection: close",
        "Proxy-Authorization: x",
        "Expect: 100-continue",
        "Cookie: x",
    ] {
        let name = field.split(':').next().expect("a name");
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nTrailer: {name}\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n{field}\r\n\r\n"
        ));
        let response = client.response("POST");
        assert_eq!((response.text().as_str(), response.trailers.len()), ("[]", 0), "{field}");
    }
}
