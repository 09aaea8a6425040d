//! WebSockets to a backend that chooses HTTP/2 by ALPN, and takes none there.

use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use harness::{Client, Http2Backend, Issued, Then, TlsBackend};

use super::over_tls::{start, trusted};

/// What a client asks with, and the answer to its key (RFC 6455 section 1.3).
const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// One address in front of two backends with one certificate: connections that offer HTTP/2 go to the first, and the others to the second.
fn one_address(over_http2: SocketAddr, over_http1: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut hello = [0; 16 << 10];
                // Up to the last protocol of the offer, which is a length and a name.
                let offered = loop {
                    let Ok(come @ 1..) = socket.peek(&mut hello) else { return };
                    let has = |text: &[u8]| hello[..come].windows(text.len()).any(|window| window == text);
                    if has(b"\x08http/1.1") {
                        break has(b"\x02h2\x08http/1.1");
                    }
                };
                let backend = if offered { over_http2 } else { over_http1 };
                let backend = TcpStream::connect(backend).expect("a backend");
                let (up, down) = (socket.try_clone(), backend.try_clone());
                std::thread::spawn(move || join(up.expect("a socket"), backend));
                join(down.expect("a socket"), socket);
            });
        }
    });
    address
}

fn join(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// A backend that echoes what it gets in a WebSocket, and answers nothing else.
fn echoing(certificate: &Issued) -> TlsBackend {
    TlsBackend::start_choosing(certificate, &["http/1.1"], |request, reader| {
        assert_eq!((request.target(), request.header("upgrade")), ("/chat", Some("websocket")));
        harness::send(reader, SWITCH);
        let mut bytes = [0; 4];
        let _ = reader.read_exact(&mut bytes);
        harness::send(reader, bytes);
        Then::Close
    })
}

fn echoed(client: &mut Client) -> Vec<u8> {
    client.send(ASK);
    let response = client.response("GET");
    assert_eq!(response.status(), 101, "{}", response.text());
    client.send(b"\x01\0\xffx");
    client.read_exactly(4)
}

#[test]
fn a_websocket_goes_over_http1_and_the_rest_over_http2() {
    let (certificate, folder) = trusted();
    let (shared, sockets) = (Http2Backend::over_tls(&certificate, "over HTTP/2"), echoing(&certificate));
    let proxy = start(folder, "auto", &[one_address(shared.address(), sockets.address())]);
    for round in 1..=2 {
        assert_eq!(proxy.client().get("/").text(), "over HTTP/2");
        assert_eq!(echoed(&mut proxy.client()), b"\x01\0\xffx");
        assert_eq!((shared.connections(), sockets.count()), (1, round));
    }
    // The first request of all may be one for a WebSocket.
    let (_, folder) = trusted();
    std::fs::copy(proxy.path("ca.crt"), folder.path().join("ca.crt")).expect("a copy");
    let proxy = start(folder, "auto", &[one_address(shared.address(), sockets.address())]);
    assert_eq!(echoed(&mut proxy.client()), b"\x01\0\xffx");
    assert_eq!(proxy.client().get("/").text(), "over HTTP/2");
}

#[test]
fn a_backend_that_speaks_nothing_but_http2_fails_it() {
    let (certificate, folder) = trusted();
    let shared = Http2Backend::over_tls(&certificate, "over HTTP/2");
    let no_other = TlsBackend::start_choosing(&certificate, &["h2"], |_, _| Then::Close);
    let proxy = start(folder, "auto", &[one_address(shared.address(), no_other.address())]);
    let mut client = proxy.client();
    client.send(ASK);
    let response = client.response("GET");
    assert_eq!((response.status(), response.error_label()), (502, Some("tls-failed")));
    assert_eq!(proxy.client().get("/").text(), "over HTTP/2");
    assert_eq!((shared.heads().len(), no_other.count()), (1, 0), "nobody has seen the first one");
}
