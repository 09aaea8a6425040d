//! A request for another protocol that isn't one: no tunnel comes of it, and its connection stays with HTTP.

use std::io::Read;

use harness::{Backend, Proxy, Setup};

const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A backend that changes the protocol for each client that asks, then sends what it gets on to the test.
fn willing() -> (Backend, std::sync::mpsc::Receiver<Vec<u8>>) {
    let (tell, told) = std::sync::mpsc::channel();
    let backend = Backend::start(move |exchange| {
        if exchange.request.header("upgrade").is_none() {
            exchange.read_body();
            return exchange.respond("plain");
        }
        exchange.send(AGREE);
        exchange.keep_alive = false;
        let mut bytes = Vec::new();
        let _ = exchange.reader.read_to_end(&mut bytes);
        let _ = tell.send(bytes);
    });
    (backend, told)
}

#[test]
fn a_request_of_http_1_0_asks_for_nothing() {
    let (backend, told) = willing();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let ask = |connection: &str| {
        format!("GET /ws HTTP/1.0\r\nHost: a\r\nConnection: {connection}\r\nUpgrade: websocket\r\n\r\n")
    };
    let early: [&[u8]; 3] = [b"", b"\x81\x05hello", b"GET /x HTTP/1.1\r\n\r\n"];
    for bytes in early {
        let mut client = proxy.client();
        client.send([ask("Upgrade").as_bytes(), bytes].concat());
        assert_eq!(client.response("GET").text(), "plain", "{bytes:?}");
        assert!(client.is_closed(), "{bytes:?}");

        // Where the connection stays, what follows is a request, good or bad.
        let mut client = proxy.client();
        client.send([ask("Upgrade, keep-alive").as_bytes(), bytes].concat());
        assert_eq!(client.response("GET").text(), "plain", "{bytes:?}");
        if !bytes.is_empty() {
            assert_eq!(client.response("GET").status(), 400, "{bytes:?}");
            assert!(client.is_closed(), "{bytes:?}");
        }
    }
    let requests = backend.requests();
    assert!(requests.iter().all(|request| request.target() == "/ws" && request.header("upgrade").is_none()));
    assert!(told.try_recv().is_err(), "no tunnel");
}

#[test]
fn an_unrequested_agreement_is_a_failure() {
    let backend = Backend::start(|exchange| {
        exchange.send(AGREE);
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for head in [
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: , ,\r\n\r\n\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n\x01",
    ] {
        let mut client = proxy.client();
        client.send(head);
        let response = client.response("GET");
        assert_eq!((response.status(), response.error_label()), (502, Some("unwanted-upgrade")), "{head}");
    }
}

#[test]
fn nothing_of_an_unfinished_body_gets_into_the_tunnel() {
    let (backend, told) = willing();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    // The backend agrees with the head; what the client still sends of the body would be taken for the other protocol.
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 10\r\n\r\nhello",
    );
    let response = client.response("POST");
    assert_eq!((response.status(), response.error_label()), (502, Some("early-upgrade")));
    assert_eq!(told.recv().expect("the end of the connection"), b"hello");
}

#[test]
fn a_tunnel_begins_after_a_whole_body() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.send(format!("{AGREE}body: {seen};"));
        exchange.keep_alive = false;
        let mut bytes = [0; 5];
        let _ = exchange.reader.read_exact(&mut bytes);
        exchange.send(bytes);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for body in
        ["Content-Length: 5\r\n\r\nstart", "Transfer-Encoding: chunked\r\n\r\n5\r\nstart\r\n0\r\n\r\n"]
    {
        let mut client = proxy.client();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n{body}after"
        ));
        assert_eq!(client.response("POST").status(), 101);
        assert_eq!(client.read_exactly(17), b"body: start;after");
    }
}

#[test]
fn several_lines_ask_for_one_list() {
    let (backend, told) = willing();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: other/1.0\r\n\r\nearly",
    );
    assert_eq!(client.response("GET").header("upgrade"), Some("websocket"));
    assert_eq!(backend.requests()[0].values("upgrade"), ["websocket, other/1.0"]);
    drop(client);
    assert_eq!(told.recv().expect("a tunnel"), b"early");
}

#[test]
fn a_declined_request_with_a_body_gives_its_connection_to_no_other() {
    // A backend that takes a request for another protocol for one without a body.
    let backend = Backend::start(|exchange| exchange.respond("declined"));
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = proxy.client();
    client.send(format!(
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    ));
    assert_eq!(client.response("GET").text(), "declined");
    assert_eq!(proxy.client().get("/next").text(), "declined");
    assert_eq!(backend.connections(), 2, "the next request came on a connection of its own");
}
