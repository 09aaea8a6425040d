//! A change of protocol (RFC 9110 section 7.8): bytes both ways once both sides want it, and HTTP as ever if not.

use std::io::{BufRead, Read, Write};
use std::net::Shutdown;

use harness::{Backend, Client, Exchange, Proxy, Setup, wait_until};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: x\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: y\r\n\r\n";

/// Sends back what comes, until it ends.
fn echo(exchange: &mut Exchange<'_>) {
    exchange.keep_alive = false;
    while let Ok(bytes) = exchange.reader.fill_buf().map(<[u8]>::to_vec)
        && !bytes.is_empty()
        && exchange.try_send(&bytes).is_ok()
    {
        exchange.reader.consume(bytes.len());
    }
}

/// A backend that changes the protocol when it is asked to, and sends everything back.
fn echoing() -> Backend {
    Backend::start(|exchange| {
        if exchange.request.header("upgrade").is_some() {
            exchange.send(AGREE);
            echo(exchange);
        } else {
            exchange.respond("plain");
        }
    })
}

fn agreed(client: &mut Client) {
    let response = client.response("GET");
    assert_eq!(response.status(), 101);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert!(response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    assert_eq!(response.header("sec-websocket-accept"), Some("y"));
}

#[test]
fn early_bytes_of_both_sides_arrive() {
    let backend = Backend::start(|exchange| {
        exchange.send(format!("{AGREE}early from the backend;"));
        echo(exchange);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    // What follows isn't HTTP, even if it looks like it.
    let early = "GET /smuggled HTTP/1.1\r\n\r\n";
    client.send(format!("{ASK}{early}"));
    agreed(&mut client);
    assert_eq!(client.read_exactly(23), b"early from the backend;");
    assert_eq!(client.read_exactly(early.len()), early.as_bytes());
    assert_eq!(backend.count(), 1);
    let request = &backend.requests()[0];
    assert_eq!(
        (request.header("upgrade"), request.header("sec-websocket-key")),
        (Some("websocket"), Some("x"))
    );
    assert!(request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
}

#[test]
fn many_bytes_pass_both_ways_at_once() {
    const TOTAL: usize = 16 * 1024 * 1024;
    let backend = echoing();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(ASK);
    agreed(&mut client);
    let mut writer = client.stream().try_clone().expect("a socket");
    let sender = std::thread::spawn(move || {
        let block: Vec<u8> = (0..=250).cycle().take(251 * 256).collect();
        let mut left = TOTAL;
        while left > 0 {
            let step = left.min(block.len());
            writer.write_all(&block[..step]).expect("the proxy takes the bytes");
            left -= step;
        }
    });
    let mut at = 0;
    let mut buffer = vec![0; 64 * 1024];
    while at < TOTAL {
        let count = client.reader().read(&mut buffer).expect("bytes");
        assert!(count > 0, "ended after {at} bytes");
        assert!(
            buffer[..count].iter().enumerate().all(|(n, byte)| usize::from(*byte) == (at + n) % 251),
            "at {at}"
        );
        at += count;
    }
    sender.join().expect("no panic");
}

#[test]
fn either_side_ends_it_for_both() {
    let backend = Backend::start(|exchange| {
        exchange.send(AGREE);
        let mut line = String::new();
        while exchange.reader.read_line(&mut line).is_ok_and(|count| count > 0) && line != "end\n" {
            exchange.send(std::mem::take(&mut line));
        }
        exchange.send("bye\n");
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");

    let mut client = proxy.client();
    client.send(ASK);
    agreed(&mut client);
    client.send("hello\nend\n");
    assert_eq!(client.read_exactly(10), b"hello\nbye\n");
    assert!(client.is_closed(), "the backend has closed");

    let mut client = proxy.client();
    client.send(ASK);
    agreed(&mut client);
    client.stream().shutdown(Shutdown::Write).expect("an open socket");
    assert_eq!(client.read_exactly(4), b"bye\n");
    assert!(client.is_closed(), "the client has closed its side, and the backend all");

    let mut client = proxy.client();
    client.send(ASK);
    agreed(&mut client);
    drop(client);
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
}

#[test]
fn a_silent_tunnel_is_closed() {
    let backend = echoing();
    let proxy = Setup { listener: "tunnel_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send(ASK);
    agreed(&mut client);
    client.send("x");
    assert_eq!(client.read_exactly(1), b"x");
    assert!(client.is_closed());
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
}

#[test]
fn a_backend_that_declines_leaves_the_connection_to_http() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let target = exchange.request.target().to_owned();
        exchange.respond(&target);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for _ in 0..3 {
        // The next request has been sent already, and waits for the decision.
        client.send(format!("{ASK}GET /next HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.response("GET").text(), "/chat");
        assert_eq!(client.response("GET").text(), "/next");
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_change_to_http2_is_not_passed_on() {
    let backend = echoing();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for upgrade in ["h2c", "H2C", "websocket, h2c"] {
        let lines = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n"
        );
        assert_eq!(client.get_with("/", &lines).text(), "plain", "{upgrade}");
        assert_eq!(client.get("/").text(), "plain", "after {upgrade}");
    }
    for request in backend.requests() {
        assert_eq!((request.header("upgrade"), request.header("http2-settings")), (None, None));
    }
    // Without a word in Connection it isn't a request for anything.
    assert_eq!(client.get_with("/", "Upgrade: websocket\r\n").text(), "plain");
    assert_eq!(client.get("/").text(), "plain");
}

#[test]
fn a_failure_in_place_of_the_answer_leaves_the_connection_to_http() {
    let backend = echoing();
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npath = \"/dead\"\npool = \"dead\"\n[[route]]\n\
         path = \"/live\"\npool = \"live\"\n[pool.dead]\nbackends = [\"127.0.0.1:1\"]\n[pool.live]\n\
         backends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start(&config);
    let mut client = proxy.client();
    for (path, status) in [("/nowhere", 404), ("/dead", 503)] {
        let response = client.get_with(path, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(client.get("/live").text(), "plain", "after {path}");
    }
}

#[test]
fn a_client_that_leaves_before_the_answer_is_noticed() {
    let backend = Backend::start(|exchange| exchange.wait_for_close());
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for early in ["", "early"] {
        let mut client = proxy.client();
        client.send(format!("{ASK}{early}"));
        wait_until("the backend has it", || backend.open_connections() == 1);
        drop(client);
        wait_until("the backend is rid of it", || backend.open_connections() == 0);
    }
}
