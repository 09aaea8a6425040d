//! Backends that DNS names: against a real DNS server, which changes its mind and breaks.

mod aliases;
mod reload;
mod service;
mod startup;
mod trouble;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use harness::{Backend, Dns, Latch, Proxy, Running, keep_busy, wait_until};
use hickory_resolver::proto::rr::RecordType;

const NAME: &str = "api.test.";

/// Backends on one port, each on an address of its own that no other test has.
fn on_one_port<const N: usize>(
    behaviour: impl Fn(usize) -> Box<dyn Fn(&mut harness::Exchange<'_>) + Send + Sync>,
) -> ([Backend; N], u16) {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let net = NEXT.fetch_add(1, Ordering::Relaxed);
    let address = |place: usize| IpAddr::from(Ipv4Addr::new(127, 77, net, 10 + place as u8));
    let first = Backend::start_on(SocketAddr::new(address(0), 0), behaviour(0));
    let port = first.address().port();
    let mut first = Some(first);
    let backends = std::array::from_fn(|place| {
        first
            .take()
            .unwrap_or_else(|| Backend::start_on(SocketAddr::new(address(place), port), behaviour(place)))
    });
    (backends, port)
}

/// Backends that answer with their number.
fn numbered<const N: usize>() -> ([Backend; N], u16) {
    on_one_port(|place| {
        Box::new(move |exchange| {
            exchange.read_body();
            exchange.respond(&place.to_string());
        })
    })
}

fn ip(backend: &Backend) -> IpAddr {
    backend.address().ip()
}

/// A proxy with one pool of such entries.
fn proxy(dns: &Dns, entries: &str) -> Proxy {
    Proxy::start(&configuration(dns, entries))
}

fn configuration(dns: &Dns, entries: &str) -> String {
    format!(
        "workers = 2\n{}[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\npolicy = \"round-robin\"\n\
         backends = [{entries}]\n",
        dns.section()
    )
}

fn each(port: u16) -> String {
    format!("{{ address = \"api.test:{port}\", resolve = \"each\" }}")
}

/// Who serves the next requests.
fn served(proxy: &Proxy, requests: usize) -> Vec<String> {
    let mut client = proxy.client();
    let serve = |_| {
        let response = client.get("/");
        assert_eq!(response.status(), 200, "{response:?}");
        response.text()
    };
    (0..requests).map(serve).collect()
}

#[test]
fn who_is_named_serves_and_no_request_fails_when_that_changes() {
    let release = Latch::default();
    let held = release.clone();
    let (backends, port) = on_one_port::<3>(|place| {
        let held = held.clone();
        Box::new(move |exchange| {
            exchange.read_body();
            if exchange.request.target() == "/held" {
                held.wait();
            }
            exchange.respond(&place.to_string());
        })
    });
    let dns = Dns::start();
    dns.set_host(NAME, 0, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &each(port));
    let load = |_, running: &Running| {
        let mut requests = 0_usize;
        while running.goes_on() {
            assert!(served(&proxy, 20).iter().all(|name| name.len() == 1));
            requests += 20;
        }
        requests
    };
    let (requests, ()) = keep_busy(0..8, load, || {
        let mut held = proxy.client();
        held.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
        wait_until("a request is held at the first backend", || {
            backends[0].requests().iter().any(|request| request.target() == "/held")
        });

        dns.set_host(NAME, 0, &[ip(&backends[1]), ip(&backends[0])]);
        backends[1].wait_for_requests(50);
        dns.set_host(NAME, 0, &[ip(&backends[2]), ip(&backends[1])]);
        backends[2].wait_for_requests(50);
        // What was picked before the change may still be on its way.
        let mut quiet = (backends[0].count(), backends[2].count());
        wait_until("the first backend gets nothing new", || {
            if backends[0].count() != quiet.0 {
                quiet = (backends[0].count(), backends[2].count());
            }
            backends[2].count() > quiet.1 + 500
        });
        release.open();
        let response = held.response("GET");
        assert!(response.status() == 200 && response.whole, "who leaves finishes what it has: {response:?}");
        assert_eq!(response.text(), "0");
    });
    println!("{} requests", requests.into_iter().sum::<usize>());
    let changes = proxy.log.events("pool-backends-changed");
    assert_eq!(changes.len(), 3, "one for each change: {changes:#?}");
    let fields = [("pool", "test"), ("came", "1"), ("left", "1"), ("discovered", "2")];
    assert!(changes[2].has(&fields), "{changes:#?}");
}

#[test]
fn an_answer_holds_for_its_time() {
    let (backends, port) = numbered::<1>();
    let dns = Dns::start();
    dns.set_host(NAME, 300, &[ip(&backends[0])]);
    dns.set_host("short.test.", 0, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &format!("{}, {{ address = \"short.test:1\", resolve = \"each\" }}", each(port)));
    wait_until("the short-lived name is asked for again and again", || {
        dns.count("short.test.", RecordType::A) >= 4 && dns.count("short.test.", RecordType::AAAA) >= 4
    });
    assert_eq!(dns.count(NAME, RecordType::A), 1, "{:?}", dns.asked());
    assert_eq!(dns.count(NAME, RecordType::AAAA), 1);
    assert_eq!(
        proxy.log.events("pool-backends-changed").len(),
        1,
        "both at once, and an equal answer is no change"
    );
}

#[test]
fn an_answer_that_is_too_large_for_a_datagram_is_fetched_whole() {
    let (backends, port) = numbered::<3>();
    let dns = Dns::start();
    dns.set_mood(harness::Mood::Verbose);
    dns.set_host(NAME, 60, &backends.each_ref().map(ip));
    let proxy = proxy(&dns, &each(port));
    let mut names = served(&proxy, 3);
    names.sort();
    assert_eq!(names, ["0", "1", "2"]);
    assert!(dns.asked().iter().any(|asked| asked.over_tcp));
}

#[test]
fn an_ipv6_address_is_a_backend_too() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    }
    let six = Backend::start_on("[::1]:0".parse().expect("an address"), |exchange| exchange.respond("six"));
    let dns = Dns::start();
    dns.set_host(NAME, 60, &[ip(&six)]);
    let proxy = proxy(&dns, &each(six.address().port()));
    assert_eq!(served(&proxy, 2), ["six", "six"]);
}

#[test]
fn those_of_the_file_serve_beside_those_of_dns() {
    let (backends, port) = numbered::<2>();
    let fixed = Backend::named("fixed");
    let dns = Dns::start();
    dns.set_host(NAME, 60, &backends.each_ref().map(ip));
    let proxy = proxy(&dns, &format!("{}, \"{}\"", each(port), fixed.address()));
    let mut names = served(&proxy, 3);
    names.sort();
    assert_eq!(names, ["0", "1", "fixed"]);
}
