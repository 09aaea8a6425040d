//! Clients of HTTP/1.0: a response says whether their connection goes on, and it is true.

use harness::{Backend, Client, Latch, Proxy, Response, Setup, nobody};

/// A backend that answers with these bytes.
fn answering(answer: &'static str) -> Backend {
    Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send(answer);
        exchange.keep_alive = !answer.contains("Connection: close");
    })
}

fn get(method: &str, more: &str) -> String {
    format!("{method} / HTTP/1.0\r\nHost: test\r\n{more}\r\n")
}

/// All that a response says of the connection.
fn said(response: &Response) -> Vec<&str> {
    let fields = response.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    fields.map(|(_, value)| value.as_str()).collect()
}

const KEEP_ALIVE: &str = "Connection: keep-alive\r\n";

/// What is said of the connection after such an answer, and whether it is true.
fn check(method: &str, answer: &'static str, body: &str, expected: &str) {
    let backend = answering(answer);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(get(method, KEEP_ALIVE));
    let response = client.response(method);
    assert_eq!(
        (response.text().as_str(), said(&response)),
        (body, vec![expected]),
        "{method} {answer}: {response:?}"
    );
    if expected.contains("close") {
        assert!(client.is_closed(), "{method} {answer}");
        return;
    }
    client.send(get(method, KEEP_ALIVE));
    assert_eq!(client.response(method).text(), body, "{method} {answer}");
    // And one that doesn't ask has had its answer with the end of it.
    client.send(get(method, ""));
    let response = client.response(method);
    assert_eq!(said(&response), [expected.replace("keep-alive", "close")], "{method} {answer}");
    assert!(client.is_closed(), "{method} {answer}");
}

#[test]
fn a_response_without_a_length_ends_the_connection() {
    check("GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "hello", "close");
    check("GET", "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello", "hello", "close");
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "hello",
        "close",
    );
}

#[test]
fn a_response_of_known_length_keeps_it() {
    check("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", "keep-alive");
    check("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", "keep-alive");
    check("GET", "HTTP/1.1 204 No Content\r\n\r\n", "", "keep-alive");
    check("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "", "keep-alive");
    check("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", "keep-alive");
    check("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", "keep-alive");
}

#[test]
fn a_required_upgrade_is_said_beside_it() {
    check(
        "GET",
        "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        "",
        "upgrade, keep-alive",
    );
}

#[test]
fn the_last_request_that_a_connection_may_have_ends_it() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "keepalive_requests = 2", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for expected in ["keep-alive", "close"] {
        client.send(get("GET", KEEP_ALIVE));
        let response = client.response("GET");
        assert_eq!((response.text().as_str(), said(&response)), ("backend", vec![expected]));
    }
    assert!(client.is_closed());
}

#[test]
fn a_drain_ends_it() {
    let release = Latch::default();
    let held = release.clone();
    let backend = Backend::start(move |exchange| {
        held.wait();
        exchange.respond("backend");
    });
    let mut proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(get("GET", KEEP_ALIVE));
    backend.wait_for_requests(1);
    proxy.signal("TERM");
    proxy.log.wait_for("drain-started");
    release.open();
    let response = client.response("GET");
    assert_eq!((response.text().as_str(), said(&response)), ("backend", vec!["close"]));
    assert!(client.is_closed() && proxy.wait_for_exit().success());
}

#[test]
fn a_response_of_the_proxy_says_it_too() {
    let proxy = Setup::default().start_at(&[nobody()]);
    let ask = |client: &mut Client, request: &str| {
        client.send(request);
        let response = client.response("GET");
        assert_eq!(response.status(), 503, "{response:?}");
        said(&response).join(" and ")
    };
    let mut client = proxy.client();
    assert_eq!(ask(&mut client, &get("GET", KEEP_ALIVE)), "keep-alive");
    assert_eq!(
        ask(&mut client, &get("POST", "Connection: keep-alive\r\nContent-Length: 0\r\n")),
        "keep-alive"
    );
    // What is left of the body isn't waited for.
    assert_eq!(ask(&mut client, &get("POST", "Connection: keep-alive\r\nContent-Length: 5\r\n")), "close");
    assert!(client.is_closed());
    let mut client = proxy.client();
    assert_eq!(ask(&mut client, &get("GET", "")), "close");
    assert!(client.is_closed());
}
