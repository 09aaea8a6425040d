//! Mirrors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness::{Backend, Client, Proxy};

use crate::mirror::{text, wait_for};

fn mirrored(more: &str, top: &str, both: [&Backend; 2]) -> Proxy {
    Proxy::start(&text(&format!("mirror = {{ pool = \"shadow\"{more} }}"), "", top, both))
}

/// A backend that answers with the length of the body.
fn measures() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        exchange.respond(&exchange.request.body.len().to_string());
    })
}

#[test]
fn a_large_body_comes_whole_to_both() {
    // envoyproxy/envoy 18364: what was larger than a buffer came to one of them only, and nothing said so.
    let read = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&read);
    let shadow = Backend::start(move |exchange| {
        exchange.read_body();
        seen.store(exchange.request.body.len(), Ordering::Relaxed);
        exchange.respond("shadow");
    });
    let main = measures();
    let proxy = mirrored(", max_body = \"16MiB\"", "", [&main, &shadow]);
    let (mut client, body) = (proxy.client(), vec![b'x'; 10 << 20]);
    client.send(format!("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert_eq!(client.response("PUT").text(), body.len().to_string());
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!(read.load(Ordering::Relaxed), body.len());
}

#[test]
fn what_becomes_of_copies_spoils_no_retry() {
    // traefik/traefik 12988: an answer to the copy counted as one to the request, which was sent again, and clients got parts of both.
    let count = AtomicUsize::new(0);
    let main = Backend::start(move |exchange| {
        exchange.read_body();
        if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
        } else {
            exchange.respond(&format!("main {}", exchange.request.target()));
        }
    });
    let shadow = Backend::start(|exchange| {
        exchange.read_body();
        exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\n\r\nInternal Server Error");
    });
    let config = text("mirror = { pool = \"shadow\", max_requests = 1000 }", "", "", [&main, &shadow]);
    let other = Backend::start(|exchange| exchange.respond(&format!("main {}", exchange.request.target())));
    let both = format!(
        "backends = [\"{}\", \"{}\"]\npolicy = \"round-robin\"\nretry = {{ attempts = 2, statuses = [503], budget_percent = 100, budget_per_second = 1000 }}",
        main.address(),
        other.address()
    );
    let config = config.replacen(&format!("backends = [\"{}\"]", main.address()), &both, 1);
    let proxy = Proxy::start(&config);
    thread::scope(|scope| {
        for thread in 0..4 {
            let proxy = &proxy;
            scope.spawn(move || {
                let mut client = proxy.client();
                for request in 0..50 {
                    let target = format!("/{thread}/{request}");
                    let response = client.get(&target);
                    assert_eq!((response.status(), response.text()), (200, format!("main {target}")));
                }
            });
        }
    });
    wait_for(&proxy, &[("answered", 200)]);
    assert_eq!(shadow.count(), 200);
}

#[test]
fn without_bodies_what_has_none_is_copied() {
    // traefik/traefik 13292, 8045: bodies that weren't to be copied, and those that were empty, failed at the mirror.
    let (main, shadow) = (measures(), measures());
    let proxy = mirrored(", max_body = \"0B\"", "", [&main, &shadow]);
    let mut client = proxy.client();
    assert_eq!(client.post("/", b"").text(), "0");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.response("POST").text(), "0");
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response("HEAD").status(), 200);
    wait_for(&proxy, &[("answered", 3)]);
    assert_eq!(client.post("/", b"x").text(), "1");
    wait_for(&proxy, &[("answered", 3), ("large-body", 1)]);
    assert_eq!(shadow.count(), 3);
}

#[test]
fn a_copy_from_a_trusted_proxy_is_not_copied_again() {
    // Two proxies that mirror to each other would multiply each request.
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let config = text("mirror = { pool = \"shadow\" }", "", "", [&main, &shadow]);
    let config =
        config.replacen("keepalive_requests", "trusted_proxies = [\"127.0.0.1\"]\nkeepalive_requests", 1);
    let proxy = Proxy::start(&config);
    let mut client = proxy.client();
    assert_eq!(client.get_with("/copy", "X-Pointsman-Mirror: 1\r\n").text(), "main");
    assert_eq!(client.get("/first").text(), "main");
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!(shadow.requests()[0].target(), "/first");
    assert_eq!(main.requests()[0].header("x-pointsman-mirror"), Some("1"));
}

#[test]
fn copies_go_over_a_unix_socket_with_the_host_that_was_asked_for() {
    // ledgetech/lua-resty-http 60, 62: the socket's path came as the host, which backends refuse.
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let folder = tempfile::tempdir().expect("a directory");
    let socket = format!("unix:{}", folder.path().join("shadow.sock").display());
    let behind = Proxy::start(&format!(
        "[[listener]]\naddress = \"{socket}\"\n[pool.test]\nbackends = [\"{}\"]\n",
        shadow.address()
    ));
    let config = text("mirror = { pool = \"shadow\" }", "", "", [&main, &shadow]);
    let config = config.replacen(&shadow.address().to_string(), &socket, 1);
    let proxy = Proxy::start(&config);
    let mut client = Client::connect(proxy.address());
    client.send("GET /x HTTP/1.1\r\nHost: asked.test\r\n\r\n");
    assert_eq!(client.response("GET").text(), "main");
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!(shadow.requests()[0].header("host"), Some("asked.test"));
    drop(behind);
}
