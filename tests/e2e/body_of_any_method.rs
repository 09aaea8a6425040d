//! Where a request's body ends has nothing to do with its method (RFC 9112 section 6).

use harness::{Backend, Proxy, Setup};

const METHODS: [&str; 8] = ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH", "PUT", "TRACE", "PURGE"];

/// A backend that reads the whole request, and tells in a field what it had for a body, as an answer to HEAD can't in its own.
fn telling() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.send(format!("HTTP/1.1 200 OK\r\nX-Body: {body:?}\r\nContent-Length: 0\r\n\r\n"));
    })
}

#[test]
fn a_chunked_body_arrives_whatever_the_method() {
    let backend = telling();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for method in METHODS {
        let head = format!("{method} /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut client = proxy.client();
        for (body, seen) in [("3\r\nabc\r\n0\r\n\r\n", "\"abc\""), ("0\r\n\r\n", "\"\"")] {
            client.send(format!("{head}{body}"));
            assert_eq!(client.response(method).header("x-body"), Some(seen), "{method}");
            let requests = backend.requests();
            let request = requests.last().expect("a request");
            assert_eq!(request.first_line(), format!("{method} /x HTTP/1.1"));
            assert_eq!(request.values("transfer-encoding"), ["chunked"], "{method}");
            assert_eq!(request.header("content-length"), None, "{method}");
        }
        // Its body later than its head, and a request right after it.
        client.send(&head);
        client.send("3\r\nabc\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.response(method).header("x-body"), Some("\"abc\""), "{method}, later");
        assert_eq!(client.response("GET").header("x-body"), Some("\"\""), "{method}, next");
        let requests = backend.requests();
        let next = requests.last().expect("a request");
        assert_eq!((next.target(), next.header("transfer-encoding")), ("/next", None), "{method}, next");
    }
}

#[test]
fn a_body_of_known_length_arrives_whatever_the_method() {
    let backend = telling();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        for method in METHODS {
            let mut client = proxy.client();
            client.send(format!("{method} /x {version}\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
            assert_eq!(client.response(method).header("x-body"), Some("\"abc\""), "{method} {version}");
            let requests = backend.requests();
            let request = requests.last().expect("a request");
            assert_eq!(request.values("content-length"), ["3"], "{method} {version}");
            assert_eq!(request.header("transfer-encoding"), None, "{method} {version}");
        }
    }
}

#[test]
fn a_chunked_body_arrives_in_each_attempt() {
    let bad = Backend::start(|exchange| {
        exchange.read_body();
        exchange.reset();
    });
    let good = telling();
    let pool = "ejection = { enabled = false }";
    let proxy = Setup { workers: 1, pool, ..Setup::default() }.start(&[&bad, &good]);
    let mut client = proxy.client();
    let mut count = 0;
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"] {
        for _ in 0..2 {
            let head = format!("{method} /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.send(format!("{head}3\r\nabc\r\n0\r\n\r\n"));
            assert_eq!(client.response(method).header("x-body"), Some("\"abc\""), "{method}");
            count += 1;
        }
    }
    assert_eq!((good.count(), bad.count() > 0), (count, true));
    let requests = [good.requests(), bad.requests()].concat();
    assert!(requests.iter().all(|request| request.values("transfer-encoding") == ["chunked"]));
}
