//! Handshakes, good and bad.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use harness::{Backend, Client, DEADLINE, TlsClient};

use super::Site;

/// A socket that gives up in time.
fn socket(site: &Site) -> TcpStream {
    let socket = TcpStream::connect(site.proxy.address()).expect("a connection");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    socket.set_nodelay(true).expect("no delay");
    socket
}

#[test]
fn both_versions_and_clients_with_and_without_alpn_are_served() {
    let backend = Backend::start(|exchange| {
        let proto = exchange.request.header("x-forwarded-proto").unwrap_or("none").to_owned();
        exchange.respond(&proto);
    });
    let site = Site::start(&backend);
    for tls in [
        site.tls.clone(),
        site.tls.clone().only_12(),
        site.tls.clone().offering(&["http/1.1"]),
        site.tls.clone().offering(&["spdy/3", "http/1.1"]),
    ] {
        let mut client = tls.afresh().connect(site.proxy.address(), "test");
        assert!(client.session().alpn_protocol().is_none_or(|protocol| protocol == b"http/1.1"));
        for _ in 0..3 {
            let response = client.get("/");
            assert_eq!((response.status(), response.text().as_str()), (200, "https"));
        }
    }
    let error = site.tls.afresh().offering(&["spdy/3"]).try_connect(site.proxy.address(), "test");
    let error = error.expect_err("nothing in common");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    let failed = site.proxy.log.wait_for("handshake-failed");
    assert!(failed.has(&[("reason", "no-protocol")]), "{failed}");
}

#[test]
fn older_versions_can_be_refused() {
    let backend = Backend::named("b");
    let site = Site::start_with(&backend, "min_version = '1.3'\n", |_| {});
    assert_eq!(site.tls.connect(site.proxy.address(), "test").get("/").status(), 200);
    let error = site.tls.only_12().try_connect(site.proxy.address(), "test").expect_err("too old");
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    let failed = site.proxy.log.wait_for("handshake-failed");
    assert!(failed.has(&[("reason", "incompatible")]), "{failed}");
}

#[test]
fn a_hello_in_pieces_is_a_hello() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    let hello = || {
        let mut session = site.tls.clone().afresh().session("test");
        let mut hello = Vec::new();
        session.write_tls(&mut hello).expect("a hello");
        (session, hello)
    };
    let finish = |mut session: rustls::ClientConnection, mut socket: TcpStream| {
        while session.is_handshaking() {
            session.complete_io(&mut socket).expect("a handshake");
        }
        let mut client = TlsClient::over(session, socket);
        assert_eq!((client.serial(), client.get("/").status()), (1, 200));
    };

    let (session, bytes) = hello();
    let mut socket_of_bytes = socket(&site);
    for byte in bytes {
        socket_of_bytes.write_all(&[byte]).expect("the proxy waits for more");
    }
    finish(session, socket_of_bytes);

    let (session, bytes) = hello();
    let (head, body) = bytes.split_at(5);
    let (first, second) = body.split_at(100);
    let mut records = Vec::new();
    for piece in [first, second] {
        let length = u16::try_from(piece.len()).expect("a short piece").to_be_bytes();
        records.extend_from_slice(&head[..3]);
        records.extend_from_slice(&length);
        records.extend_from_slice(piece);
    }
    let mut socket_of_records = socket(&site);
    socket_of_records.write_all(&records).expect("the proxy takes it");
    finish(session, socket_of_records);
}

#[test]
fn http_in_clear_gets_one_answer_that_says_so() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    for (number, request) in ["GET / HTTP/1.1\r\nHost: test\r\n\r\n", "G"].iter().enumerate() {
        let mut client = Client::connect(site.proxy.address());
        client.send(request);
        let response = client.response("GET");
        assert_eq!((response.status(), response.error_label()), (400, Some("plain-http")));
        assert!(response.text().contains("https://"), "{}", response.text());
        assert!(client.is_closed());
        drop(client);
        let failed = site.proxy.log.wait_for_many("handshake-failed", number + 1);
        assert!(failed[number].has(&[("reason", "plain-http")]), "{failed:?}");
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn what_is_no_tls_ends_its_connection_and_no_other() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    let junk: [&[u8]; 4] =
        [&[0; 64], &[0x16, 3, 1, 0xff, 0xff], &[0x16, 3, 1, 0, 4, 1, 0, 0, 0], &[0x80, 0x2e, 1, 0, 2]];
    for bytes in junk {
        let mut socket = socket(&site);
        socket.write_all(bytes).expect("the proxy takes it");
        socket.shutdown(Shutdown::Write).expect("an open socket");
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer[0] == 21, "nothing, or an alert: {answer:?}");
    }
    let failed = site.proxy.log.wait_for_many("handshake-failed", junk.len());
    assert!(
        failed.iter().all(|line| ["malformed", "closed"].contains(&line.field("reason").unwrap())),
        "{failed:?}"
    );
    assert_eq!(client.get("/").status(), 200);
}

#[test]
fn a_handshake_has_its_time() {
    let backend = Backend::named("b");
    let site = Site::start_with(&backend, "handshake_timeout = '300ms'\n", |_| {});
    for beginning in [&b""[..], b"\x16\x03\x01"] {
        let mut socket = socket(&site);
        socket.write_all(beginning).expect("the proxy waits for more");
        assert_eq!(socket.read(&mut [0; 16]).unwrap_or(0), 0, "the proxy ends it");
    }
    let failed = site.proxy.log.wait_for_many("handshake-failed", 2);
    assert!(failed.iter().all(|line| line.has(&[("reason", "timeout")])), "{failed:?}");
    // It is over with the handshake.
    let mut client = site.tls.connect(site.proxy.address(), "test");
    harness::sleep(Duration::from_millis(500));
    assert_eq!(client.get("/").status(), 200);
}

#[test]
fn handshakes_count_as_connections_and_make_room() {
    let backend = Backend::named("b");
    let site = Site::start_in_listener(&backend, "max_connections = 2\n");
    let mut silent: Vec<TcpStream> = (0..2).map(|_| socket(&site)).collect();
    silent.iter_mut().for_each(|socket| socket.write_all(b"\x16\x03\x01").expect("the proxy waits for more"));
    // They have 5 s, as others that haven't sent anything.
    assert_eq!(site.tls.connect(site.proxy.address(), "test").get("/").status(), 200);
    assert_eq!(site.proxy.log.wait_for("connection-limit-reached").field("limit"), Some("2"));
    let line = site.proxy.log.wait_for("handshake-failed");
    assert!(line.has(&[("reason", "ended")]), "{line}");
}

#[test]
fn a_drain_ends_handshakes_soon() {
    let backend = Backend::named("b");
    let mut site = Site::start(&backend);
    let mut socket = socket(&site);
    socket.write_all(b"\x16\x03\x01").expect("the proxy waits for more");
    // The proxy has accepted it: it serves another one that came later.
    assert_eq!(site.tls.connect(site.proxy.address(), "test").get("/").status(), 200);
    site.proxy.signal("TERM");
    assert_eq!(socket.read(&mut [0; 16]).unwrap_or(0), 0, "the proxy ends it");
    assert!(site.proxy.wait_for_exit().success());
    assert_eq!(site.proxy.log.events("drain-finished").len(), 1);
}
