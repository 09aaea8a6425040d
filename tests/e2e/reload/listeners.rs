//! Listeners that come, change and go.

use std::net::TcpStream;
use std::time::Duration;

use harness::{Backend, Client, DEADLINE, Latch, Proxy, wait_until};

use super::pool;

fn listener(address: &str, more: &str) -> String {
    format!("[[listener]]\naddress = \"{address}\"\n{more}\n")
}

#[test]
fn listeners_come_and_go_and_the_others_stay() {
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.target() == "/slow" {
            opened.wait();
        }
        exchange.respond("good");
    });
    let rest = pool("p", &[&backend], "");
    let both = format!("{}{rest}", listener("127.0.0.1:0", "") + &listener("127.0.0.2:0", ""));
    let proxy = Proxy::start(&format!("{}{rest}", listener("127.0.0.1:0", "")));
    let mut stays = proxy.client();
    assert_eq!(stays.get("/").text(), "good");

    proxy.reload(&both);
    proxy.log.wait_for_many("listener-bound", 2);
    let second = proxy.addresses()[1];
    let mut running = Client::connect(second);
    running.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut idle = Client::connect(second);
    assert_eq!(idle.get("/").header("connection"), None);
    let mut silent = Client::connect(second);
    let mut unused = Client::connect(second);
    assert_eq!(unused.get("/").header("connection"), None);
    backend.wait_for_requests(4);

    let changes = proxy.reload(&format!("{}{rest}", listener("127.0.0.1:0", "")));
    // Their requests may have been on the way.
    for late in [&mut idle, &mut silent] {
        late.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(late.response("GET").header("connection"), Some("close"));
        assert!(late.is_closed());
    }
    assert!(unused.is_closed());
    assert!(changes.contains("-listener 127.0.0.2:0"), "{changes}");
    assert_eq!(proxy.log.wait_for("listener-closed").field("address"), Some(&*second.to_string()));
    wait_until("nobody is let in", || TcpStream::connect(second).is_err());
    release.open();
    let response = running.response("GET");
    assert_eq!((response.text().as_str(), response.header("connection")), ("good", Some("close")));
    assert!(running.is_closed());
    assert_eq!(stays.get("/").header("connection"), None, "nothing has happened to this one");
    assert_eq!(proxy.client().get("/").text(), "good");
}

#[test]
fn open_connections_end_where_requests_would_be_taken_otherwise() {
    let backend = Backend::named("good");
    let rest = |more: &str| format!("{}{}", listener("127.0.0.1:0", more), pool("p", &[&backend], ""));
    let as_others = "GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
    let trusting = "trusted_proxies = [\"127.0.0.1\"]\n";
    for (before, after, ends) in [
        (trusting, "", true),
        ("", trusting, true),
        ("", "max_body = \"1KiB\"", true),
        ("", "max_hops = 1", true),
        ("", "path_normalization = \"refuse\"", true),
        ("", "max_headers = 50", true),
        ("", "keepalive_timeout = \"30s\"", false),
        ("", "max_connections = 50", false),
    ] {
        let proxy = Proxy::start(&rest(before));
        let (mut idle, mut late) = (proxy.client(), proxy.client());
        for client in [&mut idle, &mut late] {
            client.send(as_others);
            assert_eq!(client.response("GET").header("connection"), None);
        }
        proxy.reload(&rest(after));
        late.send(as_others);
        let expected = ends.then_some("close");
        assert_eq!(late.response("GET").header("connection"), expected, "{before} {after}");
        if ends {
            assert!(late.is_closed() && idle.is_closed(), "{before} {after}");
        }
        let mut new = proxy.client();
        new.send(as_others);
        assert_eq!(new.response("GET").status(), 200);
        let seen = backend.requests().pop().expect("a request");
        let whole = if after == trusting { "192.0.2.9, 127.0.0.1" } else { "127.0.0.1" };
        assert_eq!(seen.header("x-forwarded-for"), Some(whole), "{before} {after}");
    }
}

#[test]
fn limits_of_a_listener_hold_for_connections_to_come() {
    let release = Latch::default();
    let held = release.clone();
    let backend = Backend::start(move |exchange| {
        if exchange.request.target() == "/held" {
            held.wait();
        }
        exchange.respond("good");
    });
    let rest = pool("p", &[&backend], "");
    let start = |more: &str| format!("{}{rest}", listener("127.0.0.1:0", more));
    let proxy = Proxy::start(&start("max_uri_bytes = \"256B\""));
    let long = format!("/{}", "x".repeat(300));
    let mut old = proxy.client();
    assert_eq!(old.get("/").status(), 200);
    let changes = proxy.reload(&start(""));
    assert!(changes.contains("~listener 127.0.0.1:0"), "{changes}");
    // It was told to end with this response.
    assert_eq!(old.get(&long).status(), 414);
    assert!(old.is_closed());
    let mut other = proxy.client();
    assert_eq!(other.get(&long).status(), 200);

    // One connection is there; so one more is let in, and the next has to wait for its end.
    proxy.reload(&start("max_connections = 2"));
    let seen = backend.count();
    let mut last = proxy.client();
    for busy in [&mut other, &mut last] {
        busy.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    backend.wait_for_requests(seen + 2);
    let mut waiting = proxy.client();
    waiting.send("GET /waiting HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut third = [0];
    waiting.stream().set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    assert!(waiting.stream().peek(&mut third).is_err() && backend.count() == seen + 2);
    waiting.stream().set_read_timeout(Some(DEADLINE)).expect("a timeout");
    drop(other);
    assert_eq!(waiting.response("GET").status(), 200);
    release.open();
    assert_eq!(last.response("GET").status(), 200);
}

#[test]
fn a_listener_on_one_address_takes_the_place_of_one_on_all() {
    let backend = Backend::named("good");
    let rest = pool("p", &[&backend], "");
    let proxy = Proxy::start(&format!("{}{rest}", listener("127.0.0.1:0", "")));
    // A port that is free, as far as one can know.
    let port = std::net::TcpListener::bind("0.0.0.0:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    for (address, line) in [(format!("0.0.0.0:{port}"), 2), (format!("127.0.0.1:{port}"), 3)] {
        proxy.reload(&format!("{}{rest}", listener(&address, "")));
        proxy.log.wait_for_many("listener-bound", line);
        assert_eq!(Client::connect(([127, 0, 0, 1], port).into()).get("/").text(), "good");
    }
}
