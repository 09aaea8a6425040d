//! Connections to backends serve many requests, and none is lost with one that has gone stale.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;

use harness::{Backend, Client, Exchange, Latch, Setup, wait_until};

/// Which connection of the backend an exchange is on.
fn connection(exchange: &Exchange<'_>) -> SocketAddr {
    exchange.reader.get_ref().peer_addr().expect("an open socket")
}

/// One worker, so that all requests find the same connections.
const ONE_WORKER: Setup<'_> =
    Setup { workers: 1, top: "", listener: "", policy: "\"round-robin\"", pool: "" };

/// A backend that answers with the connection's address; to `/burst` only once the latch is open.
fn revealing(release: &Latch) -> Backend {
    let release = release.clone();
    Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.target() == "/burst" {
            release.wait();
        }
        let connection = connection(exchange).to_string();
        exchange.respond(&connection);
    })
}

/// Has this many requests in flight at a time, and then lets them end.
fn burst(clients: &mut [Client], backend: &Backend, release: &Latch) {
    let before = backend.count();
    for client in &mut *clients {
        client.send("GET /burst HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    backend.wait_for_requests(before + clients.len());
    release.open();
    for client in clients {
        assert_eq!(client.response("GET").status(), 200);
    }
}

#[test]
fn there_are_as_many_connections_as_requests_at_a_time() {
    let release = Latch::default();
    let backend = revealing(&release);
    let proxy = ONE_WORKER.start(&[&backend]);
    for _ in 0..20 {
        let mut client = proxy.client();
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(client.post("/", b"body").status(), 200);
    }
    assert_eq!(backend.connections(), 1);
    let mut clients: Vec<Client> = (0..8).map(|_| proxy.client()).collect();
    burst(&mut clients, &backend, &release);
    assert_eq!(backend.connections(), 8);

    // The one used last is used next: the others can go.
    let used: HashSet<String> = (0..20).map(|_| clients[0].get("/").text()).collect();
    assert_eq!((used.len(), backend.connections()), (1, 8));
}

#[test]
fn idle_connections_are_closed_in_time_and_number() {
    let release = Latch::default();
    let backend = revealing(&release);
    let proxy = Setup { pool: "idle_connections = 3", ..ONE_WORKER }.start(&[&backend]);
    let mut clients: Vec<Client> = (0..8).map(|_| proxy.client()).collect();
    burst(&mut clients, &backend, &release);
    wait_until("three are left", || backend.open_connections() == 3);
    assert_eq!(clients[0].get("/").status(), 200);
    assert_eq!(backend.connections(), 8);

    let proxy = Setup { pool: "idle_connection_timeout = \"200ms\"", ..ONE_WORKER }.start(&[&backend]);
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(backend.open_connections(), 4);
        wait_until("the idle one is closed", || backend.open_connections() == 3);
    }
}

#[test]
fn a_connection_that_the_backend_has_closed_costs_nothing() {
    let backend = revealing(&Latch::default());
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut client = proxy.client();
    for round in 1..=50 {
        assert_eq!(client.get("/").status(), 200, "round {round}");
        backend.close_connections();
        wait_until("the connection is closed", || backend.open_connections() == 0);
    }
    assert_eq!((backend.count(), backend.connections()), (50, 50));
}

#[test]
fn a_backend_that_closes_after_each_response_costs_nothing() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        exchange.respond("without a word");
        exchange.keep_alive = false;
    });
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut client = proxy.client();
    for round in 0..100 {
        assert_eq!(client.get("/").status(), 200, "round {round}");
    }
}

/// A backend that answers the first request of each connection and closes on the second without a word; on requests for
/// `/never` always.
fn dying() -> Backend {
    let seen = Mutex::new(HashSet::new());
    Backend::start(move |exchange| {
        exchange.read_body();
        let fresh = seen.lock().expect("no panic").insert(connection(exchange));
        if fresh && exchange.request.target() != "/never" {
            let target = exchange.request.target().to_owned();
            exchange.respond(&target);
        } else {
            exchange.keep_alive = false;
        }
    })
}

#[test]
fn what_died_on_a_reused_connection_is_sent_again_if_that_is_safe() {
    for (request, served) in [
        ("GET /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\n\r\n", true),
        ("HEAD /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\n\r\n", true),
        ("DELETE http://test/x HTTP/1.1\r\nHost: spoofed\r\nX-Mark: 1\r\n\r\n", true),
        ("PUT /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\nContent-Length: 0\r\n\r\n", true),
        ("PUT /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\nContent-Length: 4\r\n\r\nbody", true),
        ("POST /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\nContent-Length: 4\r\n\r\nbody", false),
        ("POST /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\nContent-Length: 0\r\n\r\n", false),
        ("PATCH /x HTTP/1.1\r\nHost: test\r\nX-Mark: 1\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let method = request.split(' ').next().expect("a method");
        let backend = dying();
        let proxy = ONE_WORKER.start(&[&backend]);
        let mut client = proxy.client();
        assert_eq!(client.get("/first").status(), 200);
        client.send(request);
        let response = client.response(method);
        let label = (!served).then_some("upstream-reset");
        let status = if served { 200 } else { 502 };
        assert_eq!((response.status(), response.error_label()), (status, label), "{request}");
        let requests = backend.requests();
        assert_eq!(requests.len(), if served { 3 } else { 2 }, "{request}");
        for sent in &requests[1..] {
            assert_eq!((sent.method(), sent.target()), (method, "/x"));
            assert_eq!((sent.values("host"), sent.values("x-mark")), (vec!["test"], vec!["1"]));
            assert_eq!(sent.headers(), requests[1].headers(), "the second time as the first");
        }
        assert_eq!(proxy.client().get("/next").status(), 200, "after {request}");
    }
}

#[test]
fn it_is_sent_again_once_and_only_if_nothing_came_back() {
    let backend = dying();
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/first").status(), 200);
    let response = client.get("/never");
    assert_eq!((response.status(), response.error_label()), (502, Some("upstream-reset")));
    assert_eq!(backend.count(), 3, "/first, and /never twice");
    // On a connection that is new there is nothing to blame on its age.
    assert_eq!(client.get("/never").status(), 502);
    assert_eq!(backend.count(), 4);

    let backend = Backend::start(|exchange| match exchange.request.target() {
        "/first" => exchange.respond("first"),
        _ => {
            exchange.send("HTTP/1.1 2");
            exchange.keep_alive = false;
        }
    });
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/first").status(), 200);
    assert_eq!(client.get("/half").status(), 502);
    assert_eq!(backend.count(), 2);
}

#[test]
fn the_right_one_of_pipelined_requests_is_sent_again() {
    let backend = dying();
    let proxy = ONE_WORKER.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/first").status(), 200);
    let targets = ["/a", "/b", "/c"];
    client.send(targets.map(|target| format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")).concat());
    for target in targets {
        assert_eq!(client.response("GET").text(), target);
    }
}
