//! Bodies of mirrored requests.

use harness::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, ask, frame, literal};
use harness::{Backend, Client, wait_until};

use super::{proxy, wait_for};

/// A backend that answers with the length of the body.
fn counting() -> Backend {
    Backend::start(|exchange| {
        if exchange.request.header("expect").is_some() {
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        exchange.read_body();
        exchange.respond(&exchange.request.body.len().to_string());
    })
}

#[test]
fn a_body_up_to_the_limit_is_copied() {
    let (main, shadow) = (counting(), counting());
    let proxy = proxy(", max_body = \"1KiB\"", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    let (fits, large) = ("x".repeat(1024), "x".repeat(1025));
    let mut ask = |head: &str, body: &str, length: usize| {
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{body}"));
        assert_eq!(client.response("POST").text(), length.to_string(), "{head}");
    };
    ask("Content-Length: 0", "", 0);
    ask("Content-Length: 1024", &fits, 1024);
    ask("Transfer-Encoding: chunked", &format!("400\r\n{fits}\r\n0\r\nX-Trailer: 1\r\n\r\n"), 1024);
    ask("Transfer-Encoding: chunked", "0\r\n\r\n", 0);
    wait_for(&proxy, &[("answered", 4)]);
    // Servers may want to know that there is nothing.
    assert!(shadow.requests().iter().all(|request| request.header("content-length").is_some()));
    let lengths = || shadow.requests().into_iter().map(|it| it.header("content-length").map(str::to_owned));
    assert_eq!(lengths().filter(|length| length.as_deref() == Some("1024")).count(), 2);
    assert!(shadow.requests().iter().all(|request| request.header("transfer-encoding").is_none()));
    ask("Content-Length: 1025", &large, 1025);
    ask("Transfer-Encoding: chunked", &format!("401\r\n{large}\r\n0\r\n\r\n"), 1025);
    wait_for(&proxy, &[("answered", 4), ("large-body", 2)]);
    assert_eq!(shadow.count(), 4);
    // Larger than what is held of other requests for retries, and not idempotent: nothing else of it changes.
    assert_eq!(main.count(), 6);
}

#[test]
fn the_end_of_http2_may_come_behind_a_body_of_known_length() {
    let (main, shadow) = (counting(), counting());
    let proxy = proxy("", "", "", [&main, &shadow]);
    let mut client = Client::connect(proxy.address());
    client.send(PREFACE);
    for (count, (stream, length, body)) in
        (1..).zip([(1, Some("3"), "abc"), (3, Some("0"), ""), (5, None, ""), (7, None, "abc")])
    {
        // POST, http, /
        let mut block = [&[0x83, 0x86, 0x84][..], &literal(":authority", "a")].concat();
        if let Some(length) = length {
            block.extend(literal("content-length", length));
        }
        client.send(frame(HEADERS, END_HEADERS, stream, &block));
        if !body.is_empty() {
            client.send(frame(DATA, 0, stream, body.as_bytes()));
        }
        main.wait_for_requests(count);
        ask(&mut client, &frame(DATA, END_STREAM, stream, b""), stream);
        wait_for(&proxy, &[("answered", count as u64)]);
    }
    let lengths =
        shadow.requests().into_iter().map(|request| request.header("content-length").map(str::to_owned));
    assert_eq!(lengths.collect::<Vec<_>>(), ["3", "0", "0", "3"].map(|length| Some(length.to_owned())));
}

#[test]
fn a_body_that_waits_for_permission_is_whole_in_the_copy() {
    let (main, shadow) = (counting(), counting());
    let proxy = proxy("", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.read_exactly(25), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(client.response("POST").text(), "5");
    wait_for(&proxy, &[("answered", 1)]);
    let requests = shadow.requests();
    assert_eq!((requests[0].header("expect"), requests[0].header("content-length")), (None, Some("5")));
}

#[test]
fn a_body_that_breaks_off_is_not_sent_in_part() {
    let (main, shadow) = (Backend::start(|exchange| exchange.wait_for_close()), counting());
    let proxy = proxy("", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    main.wait_for_requests(1);
    drop(client);
    wait_for(&proxy, &[("broken-body", 1)]);
    wait_until("the backend's connection is closed", || main.open_connections() == 0);
    assert_eq!(shadow.count(), 0);
}

#[test]
fn a_large_upload_goes_on_without_its_copy() {
    const CHUNK: usize = 64 << 10;
    let (main, shadow) = (counting(), counting());
    let proxy = proxy(", max_body = \"100KiB\"", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "x".repeat(CHUNK));
    for _ in 0..128 {
        client.send(&chunk);
    }
    // It is known before the end.
    wait_for(&proxy, &[("large-body", 1)]);
    client.send("0\r\n\r\n");
    assert_eq!(client.response("POST").text(), (128 * CHUNK).to_string());
    assert_eq!((main.count(), shadow.count()), (1, 0));
}

#[test]
fn a_body_that_is_still_coming_has_a_place_among_the_copies() {
    let (main, shadow) = (counting(), counting());
    let proxy = proxy(", max_requests = 1", "", "", [&main, &shadow]);
    let (mut slow, mut other) = (proxy.client(), proxy.client());
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    main.wait_for_requests(1);
    assert_eq!(other.post("/", b"abc").text(), "3");
    wait_for(&proxy, &[("no-room", 1)]);
    slow.send("cd");
    assert_eq!(slow.response("POST").text(), "4");
    wait_for(&proxy, &[("no-room", 1), ("answered", 1)]);
    assert_eq!(other.post("/", b"abc").text(), "3");
    wait_for(&proxy, &[("no-room", 1), ("answered", 2)]);
}
