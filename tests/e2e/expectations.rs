//! `Expect: 100-continue`: the backend decides whether the client sends its body.

use std::io::Read;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Latch, Proxy, Response, wait_until};

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

/// A backend that reads the request and answers with its body.
fn ignorant() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    })
}

/// The least time of several that something took: the machine may be busy.
fn least_time(mut action: impl FnMut()) -> Duration {
    let times = (0..5).map(|_| {
        let began = Instant::now();
        action();
        began.elapsed()
    });
    times.min().expect("several")
}

fn last_response(client: &mut Client) -> Response {
    let response = client.response("POST");
    if response.status() == 100 { client.response("POST") } else { response }
}

#[test]
fn a_body_that_comes_at_once_is_sent_on_at_once() {
    let backend = ignorant();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for body in
        ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    {
        let mut client = proxy.client();
        let time = least_time(|| {
            client.send(format!("{EXPECTING}{body}"));
            assert_eq!(last_response(&mut client).text(), "hello");
        });
        assert!(time < Duration::from_millis(900), "{time:?}");
    }
}

#[test]
fn a_body_that_comes_before_permission_is_sent_on_when_it_comes() {
    let backend = ignorant();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    let mut count = 0;
    let time = least_time(|| {
        client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\n"));
        count += 1;
        backend.wait_for_requests(count);
        client.send("hel").send("lo");
        assert_eq!(last_response(&mut client).text(), "hello");
    });
    assert!(time < Duration::from_millis(900), "{time:?}");
    // What follows such a body is a request like any.
    client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!(last_response(&mut client).text(), "hello");
    assert_eq!(client.response("GET").text(), "");
}

#[test]
fn a_body_in_part_is_enough() {
    let backend = Backend::start(|exchange| {
        let mut part = [0; 3];
        exchange.reader.read_exact(&mut part).expect("a part of the body");
        exchange.respond(&String::from_utf8_lossy(&part));
        exchange.wait_for_close();
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let time = least_time(|| {
        let mut client = proxy.client();
        client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\nhel"));
        assert_eq!(last_response(&mut client).text(), "hel");
    });
    assert!(time < Duration::from_millis(900), "{time:?}");
}

#[test]
fn an_old_client_expects_nothing() {
    let backend = ignorant();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let time = least_time(|| {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.0\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        client.send("hello");
        // It wouldn't know what a 100 is.
        let response = client.response("POST");
        assert_eq!((response.status(), response.text().as_str()), (200, "hello"));
    });
    assert!(time < Duration::from_millis(900), "{time:?}");
    for request in backend.requests() {
        assert_eq!(request.header("expect"), None);
    }
}

#[test]
fn a_client_that_leaves_before_permission_is_noticed() {
    let backend = Backend::start(|exchange| exchange.wait_for_close());
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let time = least_time(|| {
        let mut client = proxy.client();
        let count = backend.count();
        client.send(format!("{EXPECTING}Content-Length: 5\r\n\r\n"));
        backend.wait_for_requests(count + 1);
        drop(client);
        wait_until("the backend is rid of it", || backend.open_connections() == 0);
    });
    assert!(time < Duration::from_millis(900), "{time:?}");
}
