//! Empty lines before a request are no request (RFC 9112 section 2.2): some clients send one after a body.

use std::time::Duration;

use harness::{Backend, Proxy, Setup, sleep, wait_until};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

/// Longer than `header_timeout` here.
const LONG: Duration = Duration::from_millis(700);

fn start(listener: &'static str) -> (Backend, Proxy) {
    let backend = Backend::named("backend");
    let proxy = Setup { listener, ..Setup::default() }.start(&[&backend]);
    (backend, proxy)
}

#[test]
fn a_client_that_sent_nothing_else_is_idle() {
    let (backend, proxy) = start("header_timeout = \"300ms\"");
    let mut clients = Vec::new();
    for (first, then) in [
        ("\r\n", ""),
        ("\r\n\r\n\r\n", ""),
        ("", "\r\n"),
        ("\r", "\n"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", "\r\n"),
    ] {
        let mut client = proxy.client();
        client.send(format!("{POST}{first}"));
        assert_eq!(client.response("POST").text(), "backend");
        if first.contains("GET") {
            assert_eq!(client.response("GET").text(), "backend");
        }
        client.send(then);
        clients.push((client, first, then));
    }
    // They are silent for longer than a head may take.
    sleep(LONG);
    for (mut client, first, then) in clients {
        assert_eq!(client.get("/next").text(), "backend", "{first:?} {then:?}");
        client.send("\r\n");
        assert_eq!(client.get("/again").text(), "backend", "{first:?} {then:?}");
    }
    assert_eq!(backend.count(), 16);
}

#[test]
fn it_doesnt_prolong_what_an_idle_client_may_take() {
    let (_backend, proxy) = start("keepalive_timeout = \"500ms\"");
    let mut client = proxy.client();
    client.send(format!("{POST}\r\n"));
    assert_eq!(client.response("POST").text(), "backend");
    let began = std::time::Instant::now();
    wait_until("the connection is closed", || client.try_send("\r\n").is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // No 408: there was no request.
    assert!(client.is_closed());
}

#[test]
fn a_request_behind_them_has_the_time_of_any_other() {
    let (_backend, proxy) = start("header_timeout = \"300ms\"");
    let mut client = proxy.client();
    client.send(format!("{POST}\r\nGET / HT"));
    assert_eq!(client.response("POST").text(), "backend");
    assert_eq!(client.response("GET").status(), 408);
}

#[test]
fn one_with_a_bare_line_feed_is_refused_at_once() {
    let (backend, proxy) = start("header_timeout = \"1h\"");
    for line in ["\n", "\r\n\n", "\n\n", "\r\r"] {
        let mut client = proxy.client();
        client.send(format!("{POST}{line}"));
        assert_eq!(client.response("POST").text(), "backend");
        assert_eq!(client.response("GET").status(), 400, "{line:?}");
        assert!(client.is_closed());
    }
    assert_eq!(backend.count(), 4);
}
