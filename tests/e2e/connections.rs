//! Client connections: many at a time, for many requests, and never more than allowed.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Latch, Proxy, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
    client.stream().set_read_timeout(Some(harness::DEADLINE)).expect("a timeout");
    waiting
}

/// A backend that answers `/held` only once it may.
fn backend(held: &Latch) -> Backend {
    let held = held.clone();
    Backend::start(move |exchange| {
        if exchange.request.target() == "/held" {
            held.wait();
        }
        exchange.respond("backend");
    })
}

#[test]
fn over_the_limit_a_client_waits_until_another_one_leaves() {
    for limit in [1, 3] {
        let release = Latch::default();
        let backend = backend(&release);
        let listener = format!("max_connections = {limit}");
        let proxy = Setup { listener: &listener, ..Setup::default() }.start(&[&backend]);
        let mut busy: Vec<Client> = Vec::new();
        // So many rounds that every worker has had its turn.
        for round in 0..12 {
            let mut client = proxy.client();
            client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
            if busy.len() == limit {
                assert!(is_kept_waiting(&client), "limit {limit}, round {round}");
                drop(busy.remove(0));
            }
            backend.wait_for_requests(round + 1);
            busy.push(client);
        }
        release.open();
        for client in &mut busy {
            assert_eq!(client.response("GET").status(), 200, "who was let in is served");
        }
    }
}

#[test]
fn over_the_limit_the_client_that_was_idle_the_longest_makes_room() {
    let backend = Backend::named("backend");
    let setup = Setup { workers: 4, listener: "max_connections = 8", ..Setup::default() };
    let proxy = setup.start(&[&backend]);
    // More than a keep-alive timeout later they would leave by themselves.
    let began = Instant::now();
    let mut idle: VecDeque<Client> = VecDeque::new();
    for round in 0..16 {
        let mut client = proxy.client();
        assert_eq!(client.get("/").text(), "backend", "round {round}");
        idle.push_back(client);
        if idle.len() > 8 {
            assert!(idle.pop_front().expect("the oldest").is_closed(), "round {round}");
            // Those after it are as they were.
            assert!(idle.iter_mut().step_by(5).all(|client| is_kept_waiting(client)), "round {round}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(55), "{:?}", began.elapsed());
    for client in &mut idle {
        assert_eq!(client.get("/").text(), "backend");
    }
    assert_eq!(proxy.log.events("connection-limit-reached").len(), 1, "told once");
}

#[test]
fn a_client_that_has_sent_nothing_yet_makes_room_as_well() {
    let backend = Backend::named("backend");
    let listener = "max_connections = 4\nheader_timeout = \"60s\"";
    let proxy = Setup { listener, ..Setup::default() }.start(&[&backend]);
    let silent: Vec<Client> = (0..4).map(|_| proxy.client()).collect();
    let began = Instant::now();
    assert_eq!(proxy.client().get("/").text(), "backend");
    assert!(
        began.elapsed() < Duration::from_secs(40),
        "not only after header_timeout: {:?}",
        began.elapsed()
    );
    drop(silent);
}

#[test]
fn a_client_within_a_request_does_not_make_room() {
    let release = Latch::default();
    let backend = backend(&release);
    let proxy = Setup { listener: "max_connections = 3", ..Setup::default() }.start(&[&backend]);
    let (mut held, mut half, mut idle) = (proxy.client(), proxy.client(), proxy.client());
    held.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
    half.send("GET / HTTP/1.1\r\nHo");
    assert_eq!(idle.get("/").text(), "backend");
    let mut new = proxy.client();
    assert_eq!(new.get("/").text(), "backend");
    assert!(idle.is_closed());
    half.send("st: test\r\n\r\n");
    release.open();
    assert_eq!((half.response("GET").status(), held.response("GET").status()), (200, 200));
}

#[test]
fn without_open_files_left_accepting_pauses_and_idle_clients_make_room() {
    let backend = Backend::named("backend");
    // The connection to the backend stays: there is no file for another one.
    let pool = "idle_connection_timeout = \"5m\"";
    let proxy = Setup { workers: 1, pool, ..Setup::default() }.start(&[&backend]);
    let mut served = proxy.client();
    assert_eq!(served.get("/").text(), "backend");
    proxy.leave_open_files(10);
    let _crowd: Vec<Client> = (0..40).map(|_| proxy.client()).collect();
    proxy.log.wait_for("accept-failed");
    // What is connected already has all it needs.
    for _ in 0..10 {
        assert_eq!(served.get("/").text(), "backend");
    }
    assert_eq!(proxy.client().get("/").text(), "backend", "though nobody leaves");
    assert_eq!(proxy.log.events("accept-failed").len(), 1, "told once");
}

#[test]
fn without_open_files_left_an_idle_connection_to_another_backend_makes_room() {
    let backends = [Backend::named("first"), Backend::named("second")];
    let pool = "[pool.test.retry]\nattempts = 0";
    let proxy = Setup { workers: 1, pool, ..Setup::default() }.start(&backends.each_ref());
    let mut client = proxy.client();
    assert_eq!(client.get("/").status(), 200);
    proxy.leave_open_files(0);
    for _ in 0..4 {
        let response = client.get("/");
        assert_eq!(response.status(), 200, "{response:?}");
    }
    assert!(backends.iter().all(|backend| backend.count() >= 2));
}

#[test]
fn without_open_files_left_a_request_waits_for_one() {
    let release = Latch::default();
    let backend = backend(&release);
    // Each request needs a connection of its own.
    let pool = "idle_connections = 0\nconnect_timeout = \"1m\"";
    let proxy = Setup { workers: 1, pool, ..Setup::default() }.start(&[&backend]);
    let mut held = proxy.client();
    assert_eq!(held.get("/").text(), "backend");
    // One for the backend's connection, and one for another client, which has none for its backend then.
    proxy.leave_open_files(2);
    held.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(2);
    let mut last = proxy.client();
    last.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut refused = proxy.client();
    refused.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    proxy.log.wait_for("accept-failed");
    release.open();
    assert_eq!(held.response("GET").status(), 200);
    let response = last.response("GET");
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(refused.response("GET").status(), 200);
}
