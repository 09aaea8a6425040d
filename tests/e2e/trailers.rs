//! Fields after a body pass both ways.

use crate::harness::{Backend, Proxy};

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
fn whom_a_request_is_for_is_not_said_after_it() {
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
    assert_eq!(backend.requests()[0].header("te"), Some("trailers"));

    // One that doesn't say so gets the body without them (RFC 9110 section 6.5.1).
    let response = client.get("/");
    assert_eq!((response.text().as_str(), response.trailers.len(), response.whole), ("hello", 0, true));
}
