//! No backend is left.

use std::time::{Duration, Instant};

use harness::{Backend, Setup, own_address, wait_until};

use crate::load::{CONNECTIONS, Method, under_load};

#[test]
fn all_down_is_a_503_at_once_and_over_with_the_first_check() {
    let backends =
        ["a", "b"].map(|name| Backend::start_on(own_address(), move |exchange| exchange.respond(name)));
    let addresses = backends.each_ref().map(Backend::address);
    let proxy = Setup {
        listener: "keepalive_requests = 1000000000",
        pool: "connect_timeout = \"1s\"\n[pool.test.health_check]\ntype = \"tcp\"\ninterval = \"200ms\"\n\
               timeout = \"200ms\"\nfall = 1\nrise = 1\n",
        ..Setup::default()
    }
    .start(&backends.each_ref());
    assert_eq!(proxy.client().get("/").status(), 200);
    drop(backends);
    let mut client = proxy.client();
    for _ in 0..50 {
        let began = Instant::now();
        let response = client.get("/");
        assert_eq!(response.status(), 503, "{response:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        if response.header("connection") == Some("close") {
            client = proxy.client();
        }
    }
    let back = Backend::start_on(addresses[1], |exchange| exchange.respond("back"));
    let began = Instant::now();
    wait_until("the proxy serves again", || {
        let response = client.get("/");
        if response.header("connection") == Some("close") {
            client = proxy.client();
        }
        response.status() == 200
    });
    println!("serves again {:?} after the backend came back", began.elapsed());
    assert!(back.count() > 0);
}

#[test]
fn a_retry_storm_stays_within_the_budget() {
    let failing = [(); 3].map(|()| {
        Backend::start(|exchange| {
            exchange.read_body();
            exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        })
    });
    let proxy = Setup {
        listener: "keepalive_requests = 1000000000",
        pool: "ejection = { enabled = false }\n[pool.test.retry]\nstatuses = [503]\n",
        ..Setup::default()
    }
    .start(&failing.each_ref());
    let began = Instant::now();
    let load = under_load(&proxy, Method::Get, |load| load.wait_for_more(60 * CONNECTIONS));
    let attempts: usize = failing.iter().map(Backend::count).sum();
    let retries = attempts - load.sent();
    // 20 % of the requests and 10 a second, and what a full budget holds at the start.
    let allowed = load.sent() / 5 + 10 * (began.elapsed().as_secs() as usize + 1) + 100;
    println!("{attempts} attempts for {} requests, {retries} retries", load.sent());
    assert!(retries > 0 && retries <= allowed, "{retries} retries, allowed are {allowed}");
}
