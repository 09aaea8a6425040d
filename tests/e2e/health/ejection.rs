//! Backends that are ejected for what requests to them came to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Backend, Setup, own_address, sleep, wait_until};

use super::{served, share};

const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_dead_backend_is_ejected_without_any_configuration() {
    let (a, b) = (Backend::start_on(own_address(), |exchange| exchange.respond("a")), Backend::named("b"));
    let proxy = Setup::default().start(&[&a, &b]);
    drop(a);
    let mut client = proxy.client();
    let mut sent = String::new();
    wait_until("it is ejected", || {
        sent += &served(&mut client, 1);
        !proxy.log.events("backend-ejected").is_empty()
    });
    println!("{} of {} requests failed before", share(&sent, '!'), sent.len());
    let line = proxy.log.wait_for("backend-ejected");
    assert!(line.level() == "WARN" && line.has(&[("pool", "test"), ("backend", "b0")]), "{line}");
    assert_eq!(line.field("time"), Some("30s"), "{line}");
    assert!(line.field("reason").is_some_and(|why| why.ends_with("gateway failures in a row")), "{line}");
    assert_eq!(served(&mut client, 100), "b".repeat(100));
}

#[test]
fn the_only_backend_is_never_ejected() {
    let a = Backend::start(|exchange| exchange.send(BROKEN.replace("500", "503")));
    let proxy = Setup { pool: "ejection = { max_percent = 100 }", ..Setup::default() }.start(&[&a]);
    let mut client = proxy.client();
    for _ in 0..100 {
        assert_eq!(client.get("/").error_label(), None, "it is the backend's own response");
    }
    assert_eq!(a.count(), 100);
}

/// Many requests at a time to a backend that fails at once and one that takes its time. Answers how many failed.
fn failed_of(requests: usize, policy: &str, ejection: &str) -> usize {
    let a = Backend::start(|exchange| exchange.send(BROKEN));
    let b = Backend::start(|exchange| {
        // It takes its time.
        sleep(Duration::from_millis(2));
        exchange.respond("b");
    });
    let proxy = Setup { policy, pool: ejection, ..Setup::default() }.start(&[&a, &b]);
    const CLIENTS: usize = 8;
    let failed = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| share(&served(&mut proxy.client(), requests / CLIENTS), '!')))
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    });
    println!("{policy} {ejection}: {failed} of {requests} requests failed");
    failed
}

#[test]
fn a_backend_that_fails_fast_attracts_no_requests() {
    let (requests, off) = (4_000, "ejection = { enabled = false }");
    assert!(failed_of(requests, "\"round-robin\"", off) > requests / 3, "it has its turns");
    assert!(failed_of(requests, "\"round-robin\"", "") < requests / 4, "it is ejected");
    // It looks idle, but its failures count as if they were in flight.
    assert!(failed_of(requests, "\"least-conn\"", off) < requests / 4);
}

#[test]
fn an_ejected_backend_returns_on_trial() {
    let well = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&well);
    let a = Backend::start(move |exchange| match seen.load(Ordering::SeqCst) {
        true => exchange.respond("a"),
        false => exchange.send(BROKEN),
    });
    let b = Backend::named("b");
    let ejection = "ejection = { consecutive_5xx = 3, base_time = \"500ms\" }";
    let proxy = Setup { pool: ejection, ..Setup::default() }.start(&[&a, &b]);
    let mut client = proxy.client();
    let mut send_until = |event: &str, count: usize| {
        wait_until(event, || {
            served(&mut client, 1);
            proxy.log.events(event).len() >= count
        });
    };
    send_until("backend-ejected", 1);
    // Still broken: the first request that fails ejects it again, for twice as long.
    send_until("backend-returned", 1);
    let before = a.count();
    send_until("backend-ejected", 2);
    assert!(a.count() > before || before >= 4, "{} requests", a.count());
    assert_eq!(proxy.log.events("backend-ejected")[1].field("time"), Some("1s"));

    well.store(true, Ordering::SeqCst);
    send_until("backend-returned", 2);
    assert_eq!(share(&served(&mut client, 100), 'a'), 50);
    assert_eq!(proxy.log.events("backend-ejected").len(), 2);
}
