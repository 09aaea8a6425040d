//! Requests over TLS connections to backends.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use harness::{Then, TlsBackend, respond, send, wait_until};

use super::{TLS, good, start, trusted};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

#[test]
fn a_connection_serves_many_requests() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::start(&good(&authority), None, |mut request, reader| {
        request.read_body(reader);
        respond(reader, &String::from_utf8_lossy(&request.body));
        Then::GoOn
    });
    let proxy = start(folder, TLS, &[backend.address()]);
    let mut client = proxy.client();
    let large = vec![b'x'; 1 << 20];
    for body in [&b"small"[..], &large, b"", &large] {
        let response = client.post("/", body);
        assert!(response.status() == 200 && response.body == body, "{} bytes", body.len());
    }
    assert_eq!((backend.connections(), backend.count()), (1, 4));
    assert_eq!(backend.names(), [Some("test".to_owned())]);
}

#[test]
fn only_a_body_that_the_close_ends_needs_a_farewell() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::start(&good(&authority), None, |request, reader| {
        let framing = match request.target() {
            "/length" | "/gone" => "Content-Length: 4\r\n\r\nbody",
            "/chunked" => "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            _ => "Connection: close\r\n\r\nbody",
        };
        send(reader, format!("HTTP/1.1 200 OK\r\n{framing}"));
        if request.target() == "/closed" { Then::Close } else { Then::CutOff }
    });
    let proxy = start(folder, TLS, &[backend.address()]);
    for (target, whole) in [("/length", true), ("/chunked", true), ("/closed", true), ("/cut", false)] {
        let response = proxy.client().get(target);
        assert_eq!((response.text().as_str(), response.whole), ("body", whole), "{target}");
    }
}

#[test]
fn a_connection_that_ended_while_it_was_idle_is_replaced_for_each_method() {
    let (authority, folder) = trusted();
    for farewell in [Then::Close, Then::CutOff] {
        let backend = TlsBackend::start(&good(&authority), None, move |mut request, reader| {
            request.read_body(reader);
            respond(reader, "good");
            farewell
        });
        let folder = tempfile::tempdir().expect("a directory");
        super::trust(&authority, folder.path());
        let proxy = start(folder, TLS, &[backend.address()]);
        let mut client = proxy.client();
        for ended in 1..=10 {
            assert_eq!(client.post("/", b"body").text(), "good", "{farewell:?}");
            wait_until("the backend has closed", || backend.ended() == ended);
        }
        assert_eq!(backend.count(), 10);
    }
    drop(folder);
}

#[test]
fn a_tunnel_carries_bytes_both_ways() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::start(&good(&authority), None, |_, reader| {
        send(reader, format!("{SWITCHED}early"));
        let mut bytes = [0; 1000];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            send(reader, &bytes[..read]);
        }
        Then::Close
    });
    let proxy = start(folder, TLS, &[backend.address()]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    assert_eq!(client.read_exactly(5), b"early");
    for size in [1, 1000, 200_000] {
        let sent: Vec<u8> = (0..=250).cycle().take(size).collect();
        client.send(&sent);
        assert_eq!(client.read_exactly(size), sent, "of {size} bytes");
    }
    client.stream().shutdown(std::net::Shutdown::Write).expect("an end");
    assert!(client.is_closed(), "the backend sees the end, and its own end comes back");
}

#[test]
fn a_silent_handshake_takes_the_time_of_a_connection() {
    let (authority, folder) = trusted();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let pool = format!("connect_timeout = '300ms'\n{TLS}");
    let proxy = start(folder, &pool, &[address]);
    let began = Instant::now();
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (504, Some("connect-timeout")));
    assert!(began.elapsed() < Duration::from_secs(3));
    let other = TlsBackend::named(&good(&authority), "good");
    proxy.reload(&super::configuration(&pool, &[address, other.address()]));
    assert_eq!(proxy.client().post("/", b"body").text(), "good");
    assert_eq!(proxy.client().post("/", b"body").text(), "good");
}

#[test]
fn a_proxy_header_comes_before_the_handshake() {
    let (_, folder) = trusted();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let pool = format!("proxy_protocol = 'v1'\nconnect_timeout = '500ms'\n{TLS}");
    let proxy = start(folder, &pool, &[listener.local_addr().expect("an address")]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let (mut socket, _) = listener.accept().expect("the proxy connects");
    let mut begin = Vec::new();
    let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
    while !begin.ends_with(b"\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("a header");
        begin.push(byte[0]);
    }
    assert!(begin.starts_with(b"PROXY TCP4 127.0.0.1 127.0.0.1 "), "{begin:?}");
    let mut record = [0];
    socket.read_exact(&mut record).expect("a hello");
    assert_eq!(record, [22], "the first record of a handshake");
}
