//! Backends that end an idle connection with a 408, which may cross the next request (RFC 9110 section 15.5.9).

use std::collections::HashSet;
use std::sync::Mutex;

use harness::{Backend, Setup};

/// Answers the first request of a connection, and any other with a 408; on requests for `/late` always.
fn impatient(connection: &'static str) -> Backend {
    let seen = Mutex::new(HashSet::new());
    Backend::start(move |exchange| {
        exchange.read_body();
        let peer = exchange.reader.get_ref().peer_addr().expect("an open socket");
        let is_fresh = seen.lock().expect("no panic").insert(peer);
        if is_fresh && exchange.request.target() != "/late" {
            exchange.respond("served");
        } else {
            exchange.send(format!("HTTP/1.1 408 Request Timeout\r\n{connection}Content-Length: 0\r\n\r\n"));
            exchange.keep_alive = false;
        }
    })
}

#[test]
fn a_request_that_may_be_sent_again_is() {
    let backend = impatient("Connection: close\r\n");
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for round in 0..5 {
        assert_eq!(client.get("/").text(), "served", "round {round}");
    }
    client.send("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.response("PUT").text(), "served");
    // Once, and only where it can't have been meant.
    assert_eq!(client.get("/late").status(), 408);
    assert_eq!(client.get("/late").status(), 408);
}

#[test]
fn any_other_gets_what_was_said() {
    let backend = impatient("Connection: close\r\n");
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "served");
    assert_eq!(client.post("/", b"body").status(), 408);

    // Without a close it isn't about the connection.
    let backend = impatient("");
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "served");
    assert_eq!(client.get("/").status(), 408);
}
