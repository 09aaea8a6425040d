//! A request whose body isn't framed plainly is refused by name, so that no two servers see different requests in it.

use std::sync::{Arc, Mutex};

use harness::{Backend, Client, Proxy};

use crate::refused::{Case, case, check, shown};

fn post(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{lines}\r\n\r\n{body}")
}

#[test]
fn a_length_beside_a_transfer_coding_is_refused_in_any_order() {
    let chunked = "0\r\n\r\n";
    check(&[
        case(post("Content-Length: 5\r\nTransfer-Encoding: chunked", chunked), 400, "conflicting-length"),
        case(post("Transfer-Encoding: chunked\r\nContent-Length: 5", chunked), 400, "conflicting-length"),
        case(
            post("content-length: 0\r\nX: y\r\nTRANSFER-ENCODING: CHUNKED", chunked),
            400,
            "conflicting-length",
        ),
    ]);
}

#[test]
fn a_length_that_is_no_single_plain_number_is_refused() {
    let length = |lines: &str| case(post(lines, "hello"), 400, "content-length");
    check(&[
        length("Content-Length: 5\r\nContent-Length: 6"),
        length("Content-Length: 5\r\nContent-Length: 5"),
        length("Content-Length: 5, 5"),
        length("Content-Length: 5,6"),
        length("Content-Length: +5"),
        length("Content-Length: -5"),
        length("Content-Length: 0x5"),
        length("Content-Length: 5 5"),
        length("Content-Length: 5;"),
        length("Content-Length: 5.0"),
        length("Content-Length:"),
        length("Content-Length: five"),
        length("Content-Length: \u{ff15}"),
        length("Content-Length: 18446744073709551616"),
        length("Content-Length: 18446744073709551615"),
    ]);
}

#[test]
fn a_transfer_coding_other_than_one_chunked_is_refused() {
    let coding = |lines: &str| case(post(lines, "0\r\n\r\n"), 400, "transfer-encoding");
    let mut cases: Vec<Case> = [
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunke",
        "Transfer-Encoding: \x0bchunked",
    ]
    .map(coding)
    .into();
    // A control character makes it a malformed head before it is anything else.
    cases.last_mut().expect("a case").2 = "malformed-head";
    cases.push(case(
        "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "transfer-encoding",
    ));
    check(&cases);
}

/// Chunked bodies that break the rules, the sound part before the break apart from the rest.
const BROKEN: [(&str, &str); 27] = [
    ("", "x\r\n"),
    ("", "\r\n"),
    ("", "-1\r\n"),
    ("", "+5\r\nhello\r\n0\r\n\r\n"),
    ("", " 5\r\nhello\r\n0\r\n\r\n"),
    ("", "5 5\r\nhello\r\n0\r\n\r\n"),
    ("", "5 \nhello\r\n0\r\n\r\n"),
    ("", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("", "5\nhello\r\n0\r\n\r\n"),
    ("", "5\rhello\r\n0\r\n\r\n"),
    ("", "11111111111111111\r\n"),
    ("5", ";a\nb\r\nhello\r\n0\r\n\r\n"),
    ("5", ";a=\0b\r\nhello\r\n0\r\n\r\n"),
    ("5\r\nhello", "!\r\n0\r\n\r\n"),
    ("5\r\nhello", "\n0\r\n\r\n"),
    ("5\r\nhello\r\n", "\r\n0\r\n\r\n"),
    ("5\r\nhello\r\n", "GET / HTTP/1.1\r\n\r\n"),
    ("5\r\nhello\r\n0\r\n", "x\r\n\r\n"),
    ("5\r\nhello\r\n0\r\n", "x : y\r\n\r\n"),
    ("5\r\nhello\r\n0\r\n", " x: y\r\n\r\n"),
    ("5\r\nhello\r\n0\r\n", "x: \0\r\n\r\n"),
    ("5\r\nhello\r\n0\r\nx: y", "\n\r\n"),
    ("5\r\nhello\r\n0\r\n", "\rx\r\n"),
    // h2oserver/h2o 3390, graygnuorg/pound 28: a chunk's line without its line feed.
    ("1", "\r0\r\n\r\n"),
    // CVE-2025-55315 (Kestrel) and its kind: a line feed within an extension; data beyond its chunk.
    ("2;", "\n;\r\nxx\r\n0\r\n\r\n"),
    ("2;", "\nxx\r\n0\r\n\r\n"),
    ("5\r\nAAAAA", "XX2d\r\n0\r\n\r\n"),
];

fn is_refused(client: &mut Client, how: &str) {
    let response = client.response("POST");
    let answer = (response.status(), response.error_label(), response.header("connection"));
    assert_eq!(answer, (400, Some("malformed-chunk"), Some("close")), "{how}");
    assert!(client.is_closed(), "{how}");
}

#[test]
fn a_broken_chunk_beside_its_head_keeps_the_request_from_being_forwarded() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(2000));
    let broken = BROKEN.map(|(sound, rest)| format!("{sound}{rest}"));
    for body in broken.into_iter().chain([long_extension]) {
        let mut client = proxy.client();
        client.send(post("Transfer-Encoding: chunked", &body));
        is_refused(&mut client, &shown(body.as_bytes()));

        let mut client = proxy.client();
        let request = post("Transfer-Encoding: chunked", &body);
        client.send(format!("GET /good HTTP/1.1\r\nHost: test\r\n\r\n{request}"));
        assert_eq!(client.response("GET").text(), "backend", "before {}", shown(body.as_bytes()));
        is_refused(&mut client, &format!("{} behind a good request", shown(body.as_bytes())));
    }
    assert!(backend.requests().iter().all(|request| request.target() == "/good"));
    assert_eq!(proxy.client().get("/").status(), 200);
}

#[test]
fn a_chunk_that_breaks_later_breaks_the_request_off() {
    let whole = Arc::new(Mutex::new(0));
    let count = Arc::clone(&whole);
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.whole {
            *count.lock().expect("no panic") += 1;
            exchange.respond("whole");
        }
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for (forwarded, (sound, rest)) in BROKEN.iter().enumerate() {
        let mut client = proxy.client();
        client.send(post("Transfer-Encoding: chunked", sound));
        // The head has passed: what is wrong comes too late to keep it back.
        backend.wait_for_requests(forwarded + 1);
        client.send(rest);
        is_refused(&mut client, &shown(format!("{sound} then {rest}").as_bytes()));
    }
    assert_eq!(*whole.lock().expect("no panic"), 0, "a broken body was sent on as a whole one");
    assert_eq!(proxy.client().post("/", b"hello").text(), "whole");
}

#[test]
fn what_follows_a_body_is_the_next_request_and_nothing_else() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let seen = format!(
            "{} {:?}",
            exchange.request.first_line(),
            String::from_utf8_lossy(&exchange.request.body)
        );
        exchange.respond(&seen);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut client = proxy.client();
    client.send(post(&format!("Content-Length: {}", smuggled.len()), smuggled));
    client.send(post(
        "Transfer-Encoding: chunked",
        &format!("{:X}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len()),
    ));
    client.send("GET /next HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    for expected in [format!("POST / HTTP/1.1 {smuggled:?}"), format!("POST / HTTP/1.1 {smuggled:?}")] {
        assert_eq!(client.response("POST").text(), expected);
    }
    assert_eq!(client.response("GET").text(), "GET /next HTTP/1.1 \"\"");
}
