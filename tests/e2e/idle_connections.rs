//! A client connection between its requests gives back what it doesn't need, and loses nothing by that.

use std::time::{Duration, Instant};

use harness::{Backend, Client, LONG_ENOUGH_TO_PARK, Proxy, Setup, sleep};

/// A proxy that logs when a connection is parked.
fn start(listener: &str, backend: &Backend) -> Proxy {
    let setup = Setup { listener, ..Setup::default() };
    Proxy::start_with_log("info,pointsman=debug", &setup.configuration(&[backend.address()]))
}

/// Waits until connections have been parked this many times in all.
fn wait_until_parked(proxy: &Proxy, times: usize) {
    proxy.log.wait_for_many("connection-parked", times);
}

#[test]
fn a_request_after_a_long_pause_is_served_however_it_comes() {
    let backend = Backend::named("backend");
    let proxy = start("", &backend);
    let mut client = proxy.client();
    // A new connection that is silent for longer than a used one is before it is parked.
    sleep(LONG_ENOUGH_TO_PARK);
    assert_eq!(client.get("/first").text(), "backend");
    wait_until_parked(&proxy, 1);
    let post = "POST /whole HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    client.send(format!("{post}GET /pipelined HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!((client.response("POST").status(), client.response("GET").status()), (200, 200));
    wait_until_parked(&proxy, 2);
    // Longer than it takes to be parked, but a connection within a request isn't.
    for part in
        ["GET /in-", "parts HTTP/1.1\r\nHo", "st: test\r\n\r\nGET /next HTT", "P/1.1\r\nHost: test\r\n\r\n"]
    {
        client.send(part);
        sleep(LONG_ENOUGH_TO_PARK);
    }
    assert_eq!((client.response("GET").status(), client.response("GET").status()), (200, 200));
    wait_until_parked(&proxy, 3);
    client.send("GET /bad HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n");
    assert_eq!(client.response("GET").status(), 400);
    assert!(client.is_closed());
    let targets: Vec<_> = backend.requests().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(targets, ["/first", "/whole", "/pipelined", "/in-parts", "/next"]);
}

#[test]
fn a_response_that_is_not_yet_taken_is_kept() {
    // For some length between these all of the response has come from the backend, but the last of it is not yet in the
    // system's buffers.
    let lengths: Vec<usize> = (1..=60).map(|step| step * 150_000).collect();
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let length = exchange.request.target()[1..].parse().expect("a length");
        exchange.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        exchange.send(vec![b'x'; length]);
    });
    let proxy = start("", &backend);
    let mut clients: Vec<(usize, Client)> = lengths.iter().map(|&length| (length, proxy.client())).collect();
    for (length, client) in &mut clients {
        client.send(format!("GET /{length} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }
    backend.wait_for_requests(lengths.len());
    // Nobody takes the responses for longer than it takes to be parked: those that aren't all sent must not be.
    sleep(2 * LONG_ENOUGH_TO_PARK);
    for (length, client) in &mut clients {
        let response = client.response("GET");
        assert_eq!((response.status(), response.body.len(), response.whole), (200, *length, true));
        assert_eq!(client.get("/5").text(), "xxxxx", "after {length}");
    }
    wait_until_parked(&proxy, lengths.len());
}

#[test]
fn the_time_to_wait_for_a_request_is_not_longer_for_them() {
    let backend = Backend::named("backend");
    let proxy = start("keepalive_timeout = \"1s\"", &backend);
    let mut client = proxy.client();
    for times in 1..=3 {
        assert_eq!(client.get("/").status(), 200);
        wait_until_parked(&proxy, times);
    }
    assert_eq!(client.get("/").status(), 200);
    let began = Instant::now();
    assert!(client.is_closed());
    let lasted = began.elapsed();
    assert!(lasted >= Duration::from_millis(990) && lasted < Duration::from_secs(3), "{lasted:?}");
}

#[test]
fn a_drain_ends_them() {
    let backend = Backend::named("backend");
    let mut proxy = start("", &backend);
    let (mut silent, mut late, mut fresh) = (proxy.client(), proxy.client(), proxy.client());
    assert_eq!((silent.get("/").status(), late.get("/").status()), (200, 200));
    wait_until_parked(&proxy, 2);
    proxy.signal("TERM");
    proxy.log.wait_for("drain-started");
    for client in [&mut late, &mut fresh] {
        let response = client.get("/");
        assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
        assert!(client.is_closed());
    }
    assert!(silent.is_closed());
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
}

#[test]
fn one_with_pipelined_requests_is_not_idle_between_them() {
    let backend = Backend::start(|exchange| {
        // The client has nothing to send for that long.
        sleep(LONG_ENOUGH_TO_PARK);
        exchange.respond("slow");
    });
    for listener in ["", "keepalive_timeout = \"300ms\""] {
        let proxy = start(listener, &backend);
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(5));
        for number in 0..5 {
            assert_eq!(client.response("GET").text(), "slow", "response {number}");
            assert_eq!(proxy.log.events("connection-parked").len(), 0, "response {number}");
        }
        if listener.is_empty() {
            wait_until_parked(&proxy, 1);
        }
    }
}
