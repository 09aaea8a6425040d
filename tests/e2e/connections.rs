//! Client connections: many at a time, for many requests, and never more than allowed.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Backend, Client, Proxy, Setup};

#[test]
fn a_thousand_connections_are_served_at_a_time() {
    // Both ends of the clients' and half of the backend's connections are in this process.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("more open files");

    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let target = exchange.request.target().to_owned();
        exchange.respond(&target);
    });
    let proxy = Proxy::with_pool("\"least-conn\"", &[&backend], "");
    let mut clients: Vec<Client> = (0..1000).map(|_| proxy.client()).collect();
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("GET /{round}/{number} HTTP/1.1\r\nHost: test\r\n\r\n"));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let response = client.response("GET");
            assert_eq!((response.status(), response.text()), (200, format!("/{round}/{number}")));
        }
    }
    assert_eq!(backend.count(), 3000);
}

#[test]
fn a_proxy_takes_all_the_open_files_it_may() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let limits = proxy.system_file("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("the limit");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[3], words[4], "soft and hard limit");
}

#[test]
fn a_connection_ends_after_its_last_request() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "keepalive_requests = 3", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    // One more has been sent already when the last one is answered.
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(4));
    for left in [2, 1, 0] {
        let response = client.response("GET");
        let last = (left == 0).then_some("close");
        assert_eq!((response.status(), response.header("connection")), (200, last), "{left} left");
    }
    assert!(client.is_closed());
    assert_eq!(backend.count(), 3);

    let mut client = proxy.client();
    let response = client.get_with("/", "Connection: close\r\n");
    assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
    assert!(client.is_closed());
}

/// Whether the proxy leaves the client waiting for a response.
fn is_kept_waiting(client: &Client) -> bool {
    client.stream().set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let waiting =
        client.stream().peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    client.stream().set_read_timeout(Some(crate::harness::DEADLINE)).expect("a timeout");
    waiting
}

#[test]
fn over_the_limit_a_client_waits_until_another_one_leaves() {
    for limit in [1, 3] {
        let backend = Backend::named("backend");
        let listener = format!("max_connections = {limit}");
        let proxy = Setup { listener: &listener, ..Setup::default() }.start(&[&backend]);
        let mut served: Vec<Client> = Vec::new();
        // So many rounds that every worker has had its turn.
        for round in 0..12 {
            let mut client = proxy.client();
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
            if served.len() == limit {
                assert!(is_kept_waiting(&client), "limit {limit}, round {round}");
                drop(served.remove(0));
            }
            assert_eq!(client.response("GET").status(), 200, "limit {limit}, round {round}");
            served.push(client);
        }
    }
}

#[test]
fn without_open_files_left_accepting_pauses_and_goes_on() {
    let backend = Backend::named("backend");
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut served = proxy.client();
    assert_eq!(served.get("/").text(), "backend");
    proxy.leave_open_files(10);
    let crowd: Vec<Client> = (0..40).map(|_| proxy.client()).collect();
    proxy.wait_for_log("cannot accept; pausing");
    // What is connected already has all it needs.
    for _ in 0..10 {
        assert_eq!(served.get("/").text(), "backend");
    }
    let pauses = proxy.wait_for_logs("cannot accept; pausing", 3).len();
    assert!(pauses < 200, "it doesn't spin");
    drop(crowd);
    assert_eq!(proxy.client().get("/").text(), "backend");
}
