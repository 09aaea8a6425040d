//! Mirrors that come and go while requests flow.

use harness::{Backend, Client, Latch, Proxy, keep_busy, wait_until};

use super::{text, wait_for};

#[test]
fn reloads_add_and_remove_a_mirror_under_load() {
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let both = [&main, &shadow];
    let with = |more: &str| text(&format!("mirror = {{ pool = \"shadow\"{more} }}"), "", "", both);
    let without = text("", "", "", both);
    let proxy = Proxy::start(&without);
    let send = |post: bool, running: &harness::Running| {
        let (mut client, mut sent) = (proxy.client(), 0_usize);
        while running.goes_on() {
            let response = if post { client.post("/", b"body") } else { client.get("/") };
            assert!(response.status() == 200 && response.whole, "{response:?}");
            assert_eq!(response.text(), "main");
            sent += 1;
        }
        sent
    };
    let during = || {
        for step in 0..6 {
            let before = shadow.count();
            let more = if step % 2 == 0 { "" } else { ", share = \"50%\", max_requests = 2" };
            assert!(proxy.reload(&with(more)).contains("~routes"));
            shadow.wait_for_requests(before + 5);
            assert!(proxy.reload(&without).contains("~routes"));
        }
    };
    let (sent, ()) = keep_busy([false, true, false, true], send, during);
    assert_eq!(main.count(), sent.iter().sum::<usize>());
}

#[test]
fn a_copy_on_its_way_outlives_its_route() {
    let release = Latch::default();
    let held = release.clone();
    let (main, shadow) = (
        Backend::named("main"),
        Backend::start(move |exchange| {
            held.wait();
            exchange.respond("shadow");
        }),
    );
    let both = [&main, &shadow];
    let proxy = Proxy::start(&text("mirror = { pool = \"shadow\" }", "", "", both));
    let mut client = Client::connect(proxy.address());
    assert_eq!(client.get("/").text(), "main");
    shadow.wait_for_requests(1);
    proxy.reload(&text("", "", "", both));
    release.open();
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!(client.get("/").text(), "main");
    assert_eq!(shadow.count(), 1);
}

#[test]
fn a_copy_on_its_way_outlives_its_pool() {
    let release = Latch::default();
    let held = release.clone();
    let (main, shadow) = (
        Backend::named("main"),
        Backend::start(move |exchange| {
            held.wait();
            exchange.respond("shadow");
        }),
    );
    let with = text("mirror = { pool = \"shadow\" }", "", "", [&main, &shadow]);
    let proxy = Proxy::start(&with);
    let mut client = Client::connect(proxy.address());
    assert_eq!(client.get("/").text(), "main");
    shadow.wait_for_requests(1);
    let without = text("", "", "", [&main, &shadow]);
    let start = without.find("[pool.shadow]").expect("the pool");
    assert!(proxy.reload(&without[..start]).contains("-pool shadow"));
    assert_eq!(client.get("/").text(), "main");
    release.open();
    wait_until("its connection has ended", || shadow.open_connections() == 0);
    assert!(proxy.reload(&with).contains("+pool shadow"));
    assert_eq!(client.get("/").text(), "main");
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!((main.count(), shadow.count()), (3, 2));
}
