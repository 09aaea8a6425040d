//! Changes of protocol over TLS.

use std::io::{BufRead, Read, Write};

use harness::{Backend, Exchange};

use super::Site;

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

fn echo(exchange: &mut Exchange<'_>) {
    exchange.send(AGREE);
    exchange.keep_alive = false;
    while let Ok(bytes) = exchange.reader.fill_buf().map(<[u8]>::to_vec)
        && !bytes.is_empty()
        && exchange.try_send(&bytes).is_ok()
    {
        exchange.reader.consume(bytes.len());
    }
}

#[test]
fn a_tunnel_carries_bytes_both_ways_and_ends_for_both() {
    let backend = Backend::start(echo);
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    client.send(format!("{ASK}early"));
    assert_eq!(client.response("GET").status(), 101);
    assert_eq!(client.read_exactly(5), b"early");
    for size in [1, 100, 16_384, 200_000] {
        let sent: Vec<u8> = (0..=250).cycle().take(size).collect();
        client.send(&sent);
        assert_eq!(client.read_exactly(size), sent, "of {size} bytes");
    }
    let stream = client.stream();
    stream.conn.send_close_notify();
    stream.flush().expect("the proxy takes it");
    assert!(client.is_closed(), "the backend sees the end, and its own end comes back");
}

#[test]
fn what_the_client_does_not_take_at_once_arrives_all_the_same() {
    const TOTAL: usize = 16 << 20;
    let backend = Backend::start(|exchange| {
        exchange.send(AGREE);
        let block: Vec<u8> = (0..=250).cycle().take(TOTAL).collect();
        exchange.send(block);
        // Nothing more comes that could push the rest out.
        exchange.wait_for_close();
    });
    let site = Site::start(&backend);
    let mut client = site.tls.connect(site.proxy.address(), "test");
    client.send(ASK);
    assert_eq!(client.response("GET").status(), 101);
    harness::sleep(harness::LONG_ENOUGH_TO_PARK);
    let received = client.read_exactly(TOTAL);
    assert!(received.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251));
    client.stream().conn.send_close_notify();
    client.stream().flush().expect("the proxy takes it");
    let mut rest = Vec::new();
    client.stream().read_to_end(&mut rest).expect("a farewell");
    assert!(rest.is_empty());
}
