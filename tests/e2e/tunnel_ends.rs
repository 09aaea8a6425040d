//! The ends of a tunnel of which one side has closed, and the other neither closes nor goes on.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Exchange, Latch, Proxy, Setup, sleep};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// One place for requests, and a queue that waits for longer than a tunnel may last.
fn with_one_place(backend: &Backend, listener: &str) -> Proxy {
    let pool = "max_requests = 1\n[pool.test.queue]\ntimeout = \"50s\"";
    Setup { workers: 1, listener, pool, ..Setup::default() }.start(&[backend])
}

fn tunnel(proxy: &Proxy) -> Client {
    let mut client = proxy.client();
    client.send(ASK);
    assert_eq!(client.response("GET").status(), 101);
    client
}

/// A backend whose tunnels end like this.
fn ending(end: fn(&mut Exchange<'_>)) -> Backend {
    Backend::start(move |exchange| {
        if exchange.request.header("upgrade").is_some() {
            exchange.send(AGREE);
            exchange.keep_alive = false;
            end(exchange);
        } else {
            exchange.respond("plain");
        }
    })
}

/// Writes until the proxy takes no more.
fn fill(exchange: &mut Exchange<'_>) {
    let stream = exchange.reader.get_mut();
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    while stream.write_all(&[b'x'; 65_536]).is_ok() {}
}

/// The place of a tunnel is free again after less than this.
fn check_that_it_ends(proxy: &Proxy, within: Duration) {
    let began = Instant::now();
    assert_eq!(proxy.client().get("/").text(), "plain");
    assert!(began.elapsed() < within, "{:?}", began.elapsed());
}

#[test]
fn a_backend_that_has_closed_is_let_go() {
    let ends: [fn(&mut Exchange<'_>); 4] = [
        |_| {},
        |exchange| exchange.send("some last words"),
        |exchange| {
            let _ = exchange.reader.get_ref().shutdown(Shutdown::Write);
            exchange.wait_for_close();
        },
        // The client doesn't take it all, so nobody reads what comes behind it.
        |exchange| {
            fill(exchange);
            exchange.reset();
        },
    ];
    for end in ends {
        let backend = ending(end);
        let proxy = with_one_place(&backend, "tunnel_close_timeout = \"500ms\"");
        // It neither reads on nor closes.
        let _client = tunnel(&proxy);
        check_that_it_ends(&proxy, Duration::from_secs(30));
    }
}

#[test]
fn a_client_that_has_closed_is_let_go() {
    // Neither reads, nor sends, nor closes.
    let held = Latch::default();
    let holding = held.clone();
    let backend = Backend::start(move |exchange| {
        if exchange.request.header("upgrade").is_some() {
            exchange.send(AGREE);
            holding.wait();
            exchange.keep_alive = false;
        } else {
            exchange.respond("plain");
        }
    });
    let proxy = with_one_place(&backend, "tunnel_close_timeout = \"500ms\"");
    for leave in [Shutdown::Write, Shutdown::Both] {
        let client = tunnel(&proxy);
        client.stream().shutdown(leave).expect("an open socket");
        check_that_it_ends(&proxy, Duration::from_secs(30));
    }
    // Also behind what the backend doesn't take.
    let client = tunnel(&proxy);
    let stream = client.stream();
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let full = loop {
        if let Err(error) = { stream }.write_all(&[b'x'; 65_536]) {
            break error;
        }
    };
    assert!(matches!(full.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{full}");
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("an open socket");
    drop(client);
    check_that_it_ends(&proxy, Duration::from_secs(30));
    held.open();
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    // That the backend closes shows to nobody: it stands behind what the proxy can't take.
    for end in [(|exchange| fill(exchange)) as fn(&mut Exchange<'_>), |exchange| {
        fill(exchange);
        exchange.wait_for_close();
    }] {
        let backend = ending(end);
        let proxy = with_one_place(&backend, "send_timeout = \"1s\"");
        let _client = tunnel(&proxy);
        check_that_it_ends(&proxy, Duration::from_secs(30));
    }
}

#[test]
fn a_half_that_continues_is_not_cut() {
    let backend = ending(|exchange| {
        exchange.wait_for_close();
        for number in 0..8 {
            // Each within the limit, and all together not.
            sleep(Duration::from_millis(250));
            exchange.send(number.to_string());
        }
    });
    let proxy = with_one_place(&backend, "tunnel_close_timeout = \"1s\"");
    let mut client = tunnel(&proxy);
    client.stream().shutdown(Shutdown::Write).expect("an open socket");
    assert_eq!(client.read_exactly(8), b"01234567");
    assert!(client.is_closed());
}

#[test]
fn open_tunnels_may_be_silent_for_longer() {
    let backend = ending(|exchange| {
        let mut line = String::new();
        let _ = std::io::BufRead::read_line(exchange.reader, &mut line);
        exchange.send(line);
    });
    let proxy = with_one_place(&backend, "tunnel_close_timeout = \"200ms\"");
    let mut client = tunnel(&proxy);
    // Five times as long as half a tunnel may be silent.
    sleep(Duration::from_secs(1));
    client.send("still there\n");
    assert_eq!(client.read_exactly(12), b"still there\n");
}
