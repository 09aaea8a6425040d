//! The end: nothing new, nothing lost, and in time.

use std::net::TcpStream;

use harness::{Backend, Client, Latch, Proxy, Setup, wait_until};

const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]";

/// A backend that answers `/slow` once the latch is open, and `/stream` in two parts, the second then.
fn slow(release: &Latch) -> Backend {
    let release = release.clone();
    Backend::start(move |exchange| {
        exchange.read_body();
        match exchange.request.target() {
            "/slow" => {
                release.wait();
                exchange.respond("slow");
            }
            "/stream" => {
                exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                release.wait();
                exchange.send("world");
            }
            "/upgrade" => {
                exchange
                    .send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
                exchange.wait_for_close();
            }
            _ => exchange.respond("good"),
        }
    })
}

/// Sends a request and waits until the backend has it.
fn begin(proxy: &Proxy, backend: &Backend, request: &str) -> Client {
    let before = backend.count();
    let mut client = proxy.client();
    client.send(request);
    backend.wait_for_requests(before + 1);
    client
}

fn is_refused(proxy: &Proxy) -> bool {
    TcpStream::connect(proxy.address()).is_err()
}

#[test]
fn what_runs_is_finished_and_nothing_new_begun() {
    for signal in ["TERM", "INT"] {
        let release = Latch::default();
        let backend = slow(&release);
        let mut proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let mut idle = proxy.client();
        assert_eq!(idle.get("/").text(), "good");
        let mut slow = begin(&proxy, &backend, "GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut stream = begin(&proxy, &backend, "GET /stream HTTP/1.1\r\nHost: test\r\n\r\n");
        let head = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n";
        let mut upload = begin(&proxy, &backend, head);
        let mut silent = proxy.client();
        let mut late = proxy.client();
        let served = proxy.client().get("/");
        assert_eq!(served.header("connection"), None);

        proxy.signal(signal);
        proxy.log.wait_for("drain-started");
        // This one is older than the drain: its first request may have been on the way.
        late.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        let response = late.response("GET");
        assert_eq!((response.text().as_str(), response.header("connection")), ("good", Some("close")));
        assert!(silent.is_closed() && idle.is_closed(), "what stays idle is of no use any more");
        wait_until("nobody is let in", || is_refused(&proxy));

        release.open();
        upload.send("hello");
        for (client, text) in [(&mut slow, "slow"), (&mut stream, "helloworld"), (&mut upload, "good")] {
            let response = client.response("GET");
            assert_eq!((response.status(), response.text().as_str(), response.whole), (200, text, true));
            assert!(client.is_closed());
        }
        assert_eq!(proxy.wait_for_exit().code(), Some(0), "{signal}");
        assert_eq!(proxy.log.events("drain-finished").len(), 1);
    }
}

#[test]
fn a_proxy_without_connections_ends_at_once() {
    let backend = Backend::named("backend");
    let mut proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    proxy.signal("TERM");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
}

#[test]
fn what_takes_longer_than_the_drain_may_is_cut_off() {
    let backend = slow(&Latch::default());
    let mut proxy = Setup { top: "drain_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut waiting = begin(&proxy, &backend, "GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    let upgrade = "GET /upgrade HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let mut tunnel = begin(&proxy, &backend, upgrade);
    assert_eq!(tunnel.response("GET").status(), 101);
    proxy.signal("TERM");
    assert!(waiting.is_closed() && tunnel.is_closed());
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert_eq!(proxy.log.wait_for("drain-timed-out").field("connections"), Some("2"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("TERM", "TERM"), ("TERM", "INT"), ("INT", "TERM")] {
        let backend = slow(&Latch::default());
        let mut proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let mut client = begin(&proxy, &backend, "GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
        proxy.signal(first);
        proxy.log.wait_for("drain-started");
        // Not a wish to end.
        proxy.signal("HUP");
        proxy.signal(second);
        assert_eq!(proxy.wait_for_exit().code(), Some(1), "{first} {second}");
        assert!(client.is_closed());
    }
}

#[test]
fn with_a_delay_new_clients_are_served_for_a_while_though_it_is_not_ready() {
    let backend = Backend::named("backend");
    let top = format!("drain_delay = \"1s\"\n{ADMIN}");
    let mut proxy = Setup { top: &top, ..Setup::default() }.start(&[&backend]);
    let (mut early, mut admin) = (proxy.client(), Client::connect(proxy.admin()));
    assert_eq!(early.get("/").header("connection"), None);

    proxy.signal("TERM");
    proxy.log.wait_for("drain-delayed");
    assert_eq!(admin.get("/ready").status(), 503);
    assert_eq!(admin.get("/live").status(), 200);
    let fresh = (0..20).map(|_| proxy.client());
    for mut client in std::iter::once(early).chain(fresh) {
        let response = client.get("/");
        assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
        assert!(client.is_closed());
    }
    assert!(proxy.log.events("drain-started").is_empty(), "all this took longer than the delay");

    proxy.log.wait_for("drain-started");
    wait_until("nobody is let in", || is_refused(&proxy));
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_delay_and_the_process() {
    let backend = Backend::named("backend");
    let top = format!("drain_delay = \"10m\"\n{ADMIN}");
    let mut proxy = Setup { top: &top, ..Setup::default() }.start(&[&backend]);
    // Its start is over: a signal during that would end it at once.
    assert_eq!(Client::connect(proxy.admin()).get("/ready").status(), 200);
    proxy.signal("TERM");
    proxy.log.wait_for("drain-delayed");
    // Not a wish to end.
    proxy.signal("HUP");
    proxy.signal("TERM");
    assert_eq!(proxy.wait_for_exit().code(), Some(1));
    assert!(proxy.log.events("drain-started").is_empty());
}
