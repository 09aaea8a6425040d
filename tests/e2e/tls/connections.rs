//! What happens to a connection after its handshake.

use std::io::Read;

use harness::{Backend, LONG_ENOUGH_TO_PARK, Leaf, sleep};

use super::Site;

#[test]
fn a_connection_is_ended_as_tls_wants_it() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    for tls in [site.tls.clone(), site.tls.clone().only_12()] {
        let mut client = tls.connect(site.proxy.address(), "test");
        assert_eq!(client.get_with("/", "Connection: close\r\n").status(), 200);
        assert!(client.is_closed(), "with a farewell");

        let mut client = tls.connect(site.proxy.address(), "test");
        client.send("GET / HTTP/1.1\nHost: test\n\n");
        assert_eq!(client.response("GET").error_label(), Some("bare-lf"));
        assert!(client.is_closed(), "with a farewell, also when the proxy refuses");
    }
}

#[test]
fn an_idle_connection_is_ended_as_tls_wants_it() {
    let backend = Backend::named("b");
    let (authority, folder) = (harness::Authority::new("root"), super::folder());
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    let listener = format!("keepalive_timeout = '600ms'\n{}", super::SITE);
    let proxy = super::start_in(folder, &backend, &listener);
    let mut client = harness::Tls::trusting(&authority).connect(proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    proxy.log.wait_for("connection-parked");
    assert!(client.is_closed(), "with a farewell");
}

#[test]
fn a_parked_connection_goes_on() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    for _ in 0..2 {
        assert_eq!(client.get("/").status(), 200);
        sleep(LONG_ENOUGH_TO_PARK);
    }
    site.proxy.log.wait_for_many("connection-parked", 2);
    // Two requests at once: the second one waits as plaintext.
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((client.response("GET").status(), client.response("GET").status()), (200, 200));
    assert_eq!(backend.count(), 4);
}

#[test]
fn what_is_no_request_wakes_nothing() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    site.proxy.log.wait_for("connection-parked");
    let stream = client.stream();
    stream.conn.refresh_traffic_keys().expect("TLS 1.3");
    stream.conn.complete_io(&mut stream.sock).expect("the proxy takes it");
    sleep(LONG_ENOUGH_TO_PARK);
    assert_eq!(site.proxy.log.events("connection-parked").len(), 1, "it rests on");
    assert_eq!(client.get("/").status(), 200, "with the new keys");
}

#[test]
fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 8 << 20;
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let sum: u64 = exchange.request.body.iter().map(|byte| u64::from(*byte)).sum();
        exchange.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nX-Sum: {sum}\r\n\r\n"));
        let block: Vec<u8> = (0..=250).cycle().take(LENGTH).collect();
        exchange.send(block);
    });
    let site = Site::start(&backend);
    let body: Vec<u8> = (0..=252).cycle().take(LENGTH).collect();
    let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
    let mut client = site.tls.connect(site.proxy.address(), "test");
    client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {LENGTH}\r\n\r\n")).send(&body);
    // Nothing is read for a while, so that the proxy has to hold what it can't send.
    sleep(LONG_ENOUGH_TO_PARK);
    let response = client.response("POST");
    assert_eq!(response.header("x-sum"), Some(sum.to_string().as_str()));
    assert_eq!(response.body.len(), LENGTH);
    assert!(response.body.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251));
    assert_eq!(client.get("/").status(), 200, "and the connection goes on");
}

#[test]
fn a_response_that_is_cut_off_does_not_end_as_if_it_were_whole() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.0 200 OK\r\n\r\nhalf of it");
        exchange.reset();
    });
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert!(client.read_to_end().is_err(), "no farewell");

    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.0 200 OK\r\n\r\nall of it");
        exchange.keep_alive = false;
    });
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    client.send("GET / HTTP/1.0\r\n\r\n");
    let response = client.read_to_end().expect("a farewell");
    assert!(response.ends_with(b"all of it"));
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
        let _ = exchange.try_send(vec![0; 64 << 20]);
    });
    let (authority, folder) = (harness::Authority::new("root"), super::folder());
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    let listener = format!("send_timeout = '300ms'\n{}", super::SITE);
    let proxy = super::start_in(folder, &backend, &listener);
    let mut client = harness::Tls::trusting(&authority).connect(proxy.address(), "test");
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    proxy.log.wait_for("connection-ended");
    let mut rest = Vec::new();
    let read = client.stream().read_to_end(&mut rest);
    assert!(read.is_err() && rest.len() < 64 << 20, "it is cut off");
}

#[test]
fn a_client_that_leaves_without_a_word_is_no_error() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    drop(client);
    assert_eq!(site.tls.connect(site.proxy.address(), "test").get("/").status(), 200);
    assert!(site.proxy.log.events("connection-ended").is_empty());
}
