//! Active health checks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Backend, Proxy, Setup, own_address, wait_until};

use super::{CHECK, Wellness, served, share};

/// A backend with this name and address dies and comes back, and its check notices both.
fn dies_and_comes_back(check: &str) {
    let start = |address: SocketAddr| Backend::start_on(address, |exchange| exchange.respond("a"));
    let (a, b) = (start(own_address()), Backend::named("b"));
    let address = a.address();
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&a, &b]);
    assert_eq!(share(&served(&mut proxy.client(), 20), 'a'), 10);

    drop(a);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.level() == "WARN" && line.has(&[("pool", "test"), ("backend", "b0")]), "{line}");
    assert!(line.field("reason").is_some_and(|reason| reason.starts_with("cannot connect")), "{line}");
    assert_eq!(served(&mut proxy.client(), 200), "b".repeat(200), "no request fails once it is down");

    let a = start(address);
    let line = proxy.log.wait_for("backend-healthy");
    assert!(line.level() == "INFO" && line.has(&[("pool", "test"), ("backend", "b0")]), "{line}");
    assert_eq!(share(&served(&mut proxy.client(), 200), 'a'), 100);
    drop(a);
    proxy.log.wait_for_many("backend-unhealthy", 2);
    assert_eq!(proxy.log.events("backend-healthy").len(), 1, "each change is logged once");
}

#[test]
fn a_dead_backend_gets_nothing_until_it_is_back() {
    dies_and_comes_back(CHECK);
}

#[test]
fn a_connection_is_enough_for_a_tcp_check() {
    let check = "health_check = { type = \"tcp\", interval = \"1s\", fast_interval = \"100ms\" }\nejection = { enabled = false }\n";
    dies_and_comes_back(check);
}

#[test]
fn a_wrong_status_takes_a_backend_down() {
    let wellness = Wellness::good();
    let (a, b) = (wellness.backend("a"), Backend::named("b"));
    let proxy = Setup { pool: CHECK, ..Setup::default() }.start(&[&a, &b]);
    wellness.set(false);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.has(&[("backend", "b0"), ("reason", "status 503")]), "{line}");
    assert_eq!(served(&mut proxy.client(), 50), "b".repeat(50));
    wellness.set(true);
    proxy.log.wait_for("backend-healthy");
    assert_eq!(share(&served(&mut proxy.client(), 50), 'a'), 25);
}

#[test]
fn a_body_without_the_text_takes_a_backend_down() {
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ready);
    let a = Backend::start(move |exchange| {
        // In pieces, as a body may come; the rest never does, and isn't waited for.
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nI am rea\r\n");
        if seen.load(Ordering::SeqCst) {
            exchange.send("2\r\ndy\r\n");
            exchange.wait_for_close();
        } else {
            exchange.send("5\r\nlly n\r\n0\r\n\r\n");
        }
    });
    let b = Backend::named("ready");
    let check = "health_check = { type = \"http\", body_contains = \"ready\", interval = \"1s\", \
                 fast_interval = \"100ms\" }\n";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&a, &b]);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.has(&[("backend", "b0"), ("reason", "the expected text isn't in the body")]), "{line}");
    ready.store(true, Ordering::SeqCst);
    assert_eq!(proxy.log.wait_for("backend-healthy").field("backend"), Some("b0"));
    assert_eq!(proxy.log.events("backend-unhealthy").len(), 1, "the other one is well");
}

#[test]
fn a_backend_that_never_answers_is_down() {
    let a = Backend::start(|exchange| exchange.wait_for_close());
    let check = "health_check = { type = \"http\", interval = \"200ms\" }";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&a]);
    assert_eq!(proxy.log.wait_for("backend-unhealthy").field("reason"), Some("no answer in time"));
}

#[test]
fn a_check_asks_what_is_configured() {
    let a = Backend::named("a");
    let check = "[pool.test.health_check]\ntype = \"http\"\nmethod = \"HEAD\"\npath = \"/z?deep=1\"\n\
                 host = \"api.example.com\"\nheaders = { X-Probe = \"yes\" }\ninterval = \"50ms\"\n";
    let _proxy = Setup { pool: check, ..Setup::default() }.start(&[&a]);
    a.wait_for_requests(3);
    for request in a.requests() {
        assert_eq!(request.first_line(), "HEAD /z?deep=1 HTTP/1.1");
        assert_eq!(request.values("host"), ["api.example.com"]);
        assert_eq!(request.values("connection"), ["close"]);
        assert_eq!(request.values("x-probe"), ["yes"]);
        assert!(
            request.header("user-agent").is_some_and(|agent| agent.starts_with("pointsman-health-check/"))
        );
    }
    assert!(a.connections() >= 3, "each on a connection of its own");
    wait_until("connections of checks are closed", || a.open_connections() <= 1);
}

#[test]
fn health_can_be_asked_elsewhere() {
    let checked = |more: &str, backends: String| {
        Proxy::start(&format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [{backends}]\n\
             [pool.test.health_check]\ntype = \"http\"\ninterval = \"500ms\"\n{more}"
        ))
    };
    // For one backend at an address of its own.
    let (a, b, health) =
        (Backend::named("a"), Backend::named("b"), Backend::start_on(own_address(), |e| e.respond("")));
    let proxy = checked(
        "",
        format!(
            "{{ name = \"a\", address = \"{}\", check_address = \"{}\" }}, \"{}\"",
            a.address(),
            health.address(),
            b.address()
        ),
    );
    health.wait_for_requests(3);
    b.wait_for_requests(3);
    assert_eq!(a.count(), 0);
    assert_eq!(share(&served(&mut proxy.client(), 20), 'a'), 10);
    drop(health);
    assert_eq!(proxy.log.wait_for("backend-unhealthy").field("backend"), Some("a"));
    assert_eq!(served(&mut proxy.client(), 20), "b".repeat(20));

    // For the whole pool at a port of its own.
    let health = Backend::named("well");
    let proxy = checked(&format!("port = {}", health.address().port()), format!("\"{}\"", a.address()));
    health.wait_for_requests(3);
    let count = a.count();
    assert_eq!(served(&mut proxy.client(), 5), "aaaaa");
    assert_eq!(a.count(), count + 5, "nothing but requests");
}
