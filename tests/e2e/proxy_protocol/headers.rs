//! Which headers are taken, and what becomes of the others.

use std::time::Duration;

use harness::{Backend, Client, sleep};

use super::{EXPECTED, GET, LOCAL, V1, V2, connect_from, refused, start, tells_client};

/// Version 2 with these addresses and fields, of a client over TCP and IPv4.
fn v2(block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("a short block").to_be_bytes();
    [&V2[..14], &length, block].concat()
}

#[test]
fn strangers_are_closed_unread() {
    let backend = Backend::named("b");
    let proxy = start(EXPECTED, &backend);
    for (number, bytes) in [&[V1, GET].concat()[..], &[V2, GET].concat(), GET, b"x"].iter().enumerate() {
        let mut stranger = connect_from(2, proxy.address());
        let _ = stranger.try_send(bytes);
        assert!(stranger.is_closed());
        let line = refused(&proxy, number + 1);
        assert!(line.has(&[("reason", "stranger")]), "{line}");
        assert!(line.field("peer").unwrap().starts_with("127.0.0.2:"), "{line}");
    }
    // Nothing has to come for that.
    assert!(connect_from(2, proxy.address()).is_closed());
    assert_eq!(backend.count(), 0);
}

#[test]
fn a_sender_does_not_come_without_a_header() {
    let backend = Backend::named("b");
    let proxy = start(EXPECTED, &backend);
    for (number, bytes) in
        [GET, b"G", b"\x16\x03\x01\x02\x00\x01", b"\r\n\r\nGET / HTTP/1.1\r\n"].iter().enumerate()
    {
        let mut client = proxy.client();
        client.send(bytes);
        assert!(client.is_closed());
        let line = refused(&proxy, number + 1);
        assert!(line.has(&[("reason", "missing")]), "{line}");
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn a_header_that_is_not_expected_is_a_bad_request() {
    let backend = Backend::named("b");
    let proxy = start("", &backend);
    for header in [V1, V2, LOCAL] {
        let mut client = proxy.client();
        client.send([header, GET].concat());
        let response = client.response("GET");
        assert_eq!(response.status(), 400, "{header:?}");
        assert!(response.error_label().is_some());
        assert!(client.is_closed());
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn headers_that_name_no_client_leave_the_address_of_the_socket() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    for header in [
        LOCAL,
        b"\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x04\x04\x00\x01\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb",
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
    ] {
        let mut client = proxy.client();
        client.send([header, GET].concat());
        assert_eq!(client.response("GET").text(), "127.0.0.1", "{header:?}");
        assert_eq!(client.get("/").text(), "127.0.0.1");
        // A check of a load balancer ends here.
        proxy.client().send(header);
    }
    let mut client = proxy.client();
    client.send([V1, GET].concat());
    assert_eq!(client.response("GET").text(), "192.0.2.1");
    for event in ["proxy-header-refused", "connection-ended", "request-failed"] {
        assert_eq!(proxy.log.events(event).len(), 0, "{event}: {:#?}", proxy.log.lines());
    }
}

#[test]
fn two_kibibytes_of_fields_are_part_of_the_header() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    for bytes in [2048, 4096 - 15] {
        let [high, low] = u16::try_from(bytes).unwrap().to_be_bytes();
        let header = v2(&[&V2[16..], &[4, high, low], &vec![b'G'; bytes]].concat());
        let mut client = proxy.client();
        client.send([&header, GET].concat());
        assert_eq!(client.response("GET").text(), "192.0.2.1", "{bytes}");
    }
}

#[test]
fn a_checksum_is_checked() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    // Computed apart from the program, over the header with zeros in its place.
    let checksum = crc32c(&v2(&[&V2[16..], &[3, 0, 4, 0, 0, 0, 0][..]].concat())).to_be_bytes();
    let right = v2(&[&V2[16..], &[3, 0, 4][..], &checksum].concat());
    let mut client = proxy.client();
    client.send([&right, GET].concat());
    assert_eq!(client.response("GET").text(), "192.0.2.1");
    let mut wrong = right;
    wrong[19] ^= 1;
    let mut client = proxy.client();
    client.send([&wrong, GET].concat());
    assert!(client.is_closed());
    let line = refused(&proxy, 1);
    assert!(line.has(&[("reason", "checksum")]), "{line}");
    assert_eq!(backend.count(), 1);
}

#[test]
fn what_is_no_header_ends_its_connection_and_no_other() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    let mut other = proxy.client();
    other.send([V1, GET].concat());
    assert_eq!(other.response("GET").text(), "192.0.2.1");
    let endless = [b"PROXY UNKNOWN ", &[b'x'; 94][..]].concat();
    let cases: [(&[u8], &str); 8] = [
        (&v2(&V2[16..27]), "malformed"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x0c", "malformed"),
        (b"\r\n\r\n\0\r\nQUIT\n\x11\x11\x00\x0c", "malformed"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\x01", "too-long"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n", "malformed"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n", "malformed"),
        (b"PROXY \n", "malformed"),
        (&endless, "too-long"),
    ];
    for (number, (bytes, reason)) in cases.iter().enumerate() {
        let mut client = proxy.client();
        client.send(bytes);
        assert!(client.is_closed(), "{bytes:?}");
        let line = refused(&proxy, number + 1);
        assert!(line.has(&[("reason", reason)]), "{line}");
    }
    assert_eq!(other.get("/").text(), "192.0.2.1");
    assert_eq!(backend.count(), 2);
}

#[test]
fn a_line_may_have_107_bytes() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(line.len(), 107);
    let mut client = proxy.client();
    client.send([line.as_bytes(), GET].concat());
    assert_eq!(client.response("GET").text(), "127.0.0.1");
}

#[test]
fn a_header_in_pieces_is_a_header() {
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    for header in [V1, V2] {
        let bytes = [header, GET].concat();
        let mut client = proxy.client();
        for byte in &bytes {
            client.send([*byte]);
        }
        assert_eq!(client.response("GET").text(), "192.0.2.1");
        assert_eq!(client.get("/").text(), "192.0.2.1");
        for cut in 1..bytes.len() {
            let mut client = proxy.client();
            client.send(&bytes[..cut]).send(&bytes[cut..]);
            assert_eq!(client.response("GET").text(), "192.0.2.1", "{cut}");
        }
    }
}

#[test]
fn silence_is_closed_in_time() {
    let backend = tells_client();
    let proxy = start("proxy_protocol = { from = ['127.0.0.1'], timeout = '300ms' }", &backend);
    let mut whole = proxy.client();
    whole.send(V2);
    for (number, bytes) in [&b""[..], &V1[..10], &V1[..30], &V2[..5], &V2[..20]].iter().enumerate() {
        let mut client = proxy.client();
        client.send(bytes);
        assert!(client.is_closed());
        let line = refused(&proxy, number + 1);
        assert!(line.has(&[("reason", "timeout")]), "{line}");
    }
    // Its time is over with the header: what comes then has a time of its own.
    sleep(Duration::from_millis(500));
    assert_eq!(whole.get("/").text(), "192.0.2.1");
    // Who leaves is told apart.
    drop(connect_and_send(&proxy.client(), &V1[..10]));
    let line = refused(&proxy, 6);
    assert!(line.has(&[("reason", "closed")]), "{line}");
}

/// Sends something and closes the sending half.
fn connect_and_send(client: &Client, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    client.stream().write_all(bytes)?;
    client.stream().shutdown(std::net::Shutdown::Write)
}

/// CRC32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}
