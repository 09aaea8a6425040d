//! `Expect: 100-continue`: the backend decides whether the client sends its body.

use std::io::Read;

use crate::harness::{Backend, Client, Latch, Proxy};

const EXPECTING: &str = "POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n";

/// What the client has to read now, as far as one call gives it.
fn some_bytes(client: &mut Client) -> String {
    let mut buffer = [0; 1024];
    let count = client.reader().read(&mut buffer).expect("bytes");
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[test]
fn the_client_goes_on_when_the_backend_says_so() {
    let asked = Latch::default();
    let waiting = asked.clone();
    let backend = Backend::start(move |exchange| {
        assert_eq!(exchange.request.header("expect"), Some("100-continue"));
        waiting.wait();
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for framing in ["Content-Length: 5\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"] {
        client.send(format!("{EXPECTING}{framing}"));
        asked.open();
        assert_eq!(some_bytes(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(if framing.starts_with('C') { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" });
        assert_eq!(client.response("POST").text(), "hello");
    }
}

#[test]
fn a_client_that_does_not_wait_loses_nothing() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\nhello"));
    let mut response = client.response("POST");
    if response.status() == 100 {
        response = client.response("POST");
    }
    assert_eq!(response.text(), "hello");
}

#[test]
fn a_backend_that_declines_at_once_is_heard_at_once_and_the_body_never_asked_for() {
    for (status, line) in [(417, "417 Expectation Failed"), (401, "401 Unauthorized"), (200, "200 OK")] {
        let backend = Backend::start(move |exchange| {
            exchange.send(format!("HTTP/1.1 {line}\r\nContent-Length: 2\r\n\r\nno"));
            exchange.wait_for_close();
        });
        let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let mut client = proxy.client();
        client.send(format!("{EXPECTING}Content-Length: 1000000\r\n\r\n"));
        let response = client.response("POST");
        // Not 100: this is the first thing the client hears.
        assert_eq!((response.status(), response.text().as_str()), (status, "no"));
        assert_eq!(response.header("connection"), Some("close"));
        // The body may or may not come now, so nothing after it could be told from it.
        assert!(client.is_closed());
    }
}

#[test]
fn a_backend_that_knows_nothing_of_expectations_gets_the_body_all_the_same() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\n"));
    assert_eq!(client.response("POST").status(), 100);
    client.send("hello");
    assert_eq!(client.response("POST").text(), "hello");
}
