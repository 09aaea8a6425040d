//! Backends of mirrors that do what no backend should.

use harness::{Backend, Client, Latch, Proxy, own_address, wait_until};

use super::{proxy, text, wait_for};

/// A backend that answers once the latch is open.
fn held(release: &Latch) -> Backend {
    let release = release.clone();
    Backend::start(move |exchange| {
        release.wait();
        exchange.read_body();
        exchange.respond("shadow");
    })
}

#[test]
fn one_that_does_not_answer_delays_nobody_and_gets_few() {
    let release = Latch::default();
    let (main, shadow) = (Backend::named("main"), held(&release));
    let proxy =
        proxy(", max_requests = 3, timeout = \"1h\"", "response_timeout = \"1h\"", "", [&main, &shadow]);
    // On one connection, one after the other: none of them waits for a copy.
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").text(), "main");
    }
    shadow.wait_for_requests(3);
    wait_for(&proxy, &[("no-room", 47)]);
    release.open();
    wait_for(&proxy, &[("no-room", 47), ("answered", 3)]);
    assert_eq!(client.get("/").text(), "main");
    wait_for(&proxy, &[("no-room", 47), ("answered", 4)]);
}

#[test]
fn a_copy_outlives_its_client() {
    let release = Latch::default();
    let (main, shadow) = (Backend::named("main"), held(&release));
    let proxy = proxy("", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    assert_eq!(client.post("/", b"body").text(), "main");
    shadow.wait_for_requests(1);
    drop(client);
    // The proxy has seen it leave.
    assert_eq!(proxy.client().get_with("/", "Connection: close\r\n").text(), "main");
    release.open();
    wait_for(&proxy, &[("answered", 2)]);
}

#[test]
fn one_that_is_silent_has_a_time() {
    let main = Backend::named("main");
    let shadow = Backend::start(|exchange| match exchange.request.target() {
        "/head" => exchange.wait_for_close(),
        "/body" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            exchange.wait_for_close();
        }
        _ => {
            // A byte at a time, for ever.
            exchange.keep_alive = false;
            exchange.send("HTTP/1.1 200 OK\r\n\r\n");
            while exchange.try_send("x").is_ok() {
                harness::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
    let proxy = proxy(", timeout = \"200ms\"", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    for target in ["/head", "/body", "/slow"] {
        assert_eq!(client.get(target).text(), "main");
    }
    wait_for(&proxy, &[("timeout", 3)]);
    wait_until("its connections are closed", || shadow.open_connections() == 0);
}

#[test]
fn one_that_sends_for_ever_is_not_read_for_ever() {
    let main = Backend::named("main");
    let shadow = Backend::start(|exchange| {
        exchange.keep_alive = false;
        exchange.send("HTTP/1.1 200 OK\r\n\r\n");
        let much = vec![b'x'; 64 << 10];
        while exchange.try_send(&much).is_ok() {}
    });
    let proxy = proxy(", timeout = \"1h\"", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "main");
    }
    wait_for(&proxy, &[("answered", 5)]);
    wait_until("its connections are closed", || shadow.open_connections() == 0);
}

#[test]
fn one_that_is_gone_or_speaks_nonsense_costs_nothing() {
    let main = Backend::named("main");
    let shadow = Backend::start_on(own_address(), |exchange| match exchange.request.target() {
        "/reset" => exchange.reset(),
        _ => {
            exchange.send("nonsense\r\n\r\n");
            exchange.keep_alive = false;
        }
    });
    let running = proxy("", "[pool.shadow.ejection]\nenabled = false", "", [&main, &shadow]);
    let mut client = running.client();
    for target in ["/reset", "/nonsense"] {
        assert_eq!(client.get(target).text(), "main");
    }
    wait_for(&running, &[("failed", 2)]);
    drop(shadow);
    assert_eq!(client.get("/").text(), "main");
    wait_for(&running, &[("failed", 3)]);
}

#[test]
fn a_drain_does_not_wait_for_copies() {
    let release = Latch::default();
    let (main, shadow) = (Backend::named("main"), held(&release));
    let mut proxy =
        proxy(", timeout = \"1h\"", "response_timeout = \"1h\"", "drain_timeout = \"1h\"", [&main, &shadow]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "main");
    shadow.wait_for_requests(1);
    drop(client);
    proxy.signal("TERM");
    assert!(proxy.wait_for_exit().success());
    release.open();
}

#[test]
fn a_pool_without_room_gets_no_more() {
    let release = Latch::default();
    let (main, shadow) = (Backend::named("main"), held(&release));
    let proxy =
        Proxy::start(&text("mirror = { pool = \"shadow\" }", "max_requests = 1", "", [&main, &shadow]));
    let mut client = Client::connect(proxy.address());
    assert_eq!(client.get("/").text(), "main");
    shadow.wait_for_requests(1);
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "main");
    }
    wait_for(&proxy, &[("no-backend", 5)]);
    release.open();
    wait_for(&proxy, &[("no-backend", 5), ("answered", 1)]);
}

#[test]
fn one_that_reads_nothing_holds_back_no_upload() {
    let (main, shadow) = (
        Backend::start(|exchange| {
            exchange.read_body();
            exchange.respond("main");
        }),
        Backend::start(|exchange| exchange.wait_for_close()),
    );
    let more = ", max_body = \"16MiB\", max_requests = 1, timeout = \"300ms\"";
    let proxy = proxy(more, "", "", [&main, &shadow]);
    let mut client = proxy.client();
    let body = vec![b'x'; 8 << 20];
    assert_eq!(client.post("/", &body).text(), "main");
    assert_eq!(client.post("/", &body).text(), "main");
    wait_until("the one that began has ended", || {
        super::results(&proxy).get("timeout").is_some_and(|count| *count >= 1)
    });
    assert_eq!(client.get("/").text(), "main");
}
