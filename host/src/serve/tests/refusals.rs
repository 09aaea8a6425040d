//! What doesn't pass, and what becomes of what stands around it.

use super::script::Step::{
    Answer, Asked, Closed, Gets, InFlight, NothingAsked, Pass, Send, SendMany, Waits, With,
};
use super::script::check;
use super::world::Limits;

#[test]
fn each_is_answered_with_its_reason() {
    for (request, status, label) in [
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request", "host"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request", "bare-lf"),
        ("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request", "malformed-target"),
        (
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "400 Bad Request",
            "unexpected-proxy-header",
        ),
        (
            "\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c123412341212GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "400 Bad Request",
            "unexpected-proxy-header",
        ),
        ("PROXY / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "400 Bad Request", "malformed-head"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed", "method"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported", "version"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "400 Bad Request", "content-length"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400 Bad Request",
            "conflicting-length",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "400 Bad Request",
            "transfer-encoding",
        ),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417 Expectation Failed", "expectation"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "400 Bad Request",
            "malformed-chunk",
        ),
    ] {
        let status: &'static str = format!("HTTP/1.1 {status}").leak();
        let label: &'static str = format!("x-pointsman-error: {label}").leak();
        check(
            request,
            Limits::default(),
            &[
                Send(request),
                Gets(status, ""),
                With(label),
                With("connection: close"),
                NothingAsked,
                InFlight(0),
            ],
        );
    }
}

#[test]
fn sizes_are_limited() {
    let limits = || {
        let mut limits = Limits::default();
        limits.downstream.max_header_bytes = 1024;
        limits.downstream.max_uri_bytes = 100;
        limits.downstream.max_body = 10;
        limits
    };
    check(
        "a long target",
        limits(),
        &[
            Send("GET /"),
            SendMany(b'a', 1_100),
            Gets("HTTP/1.1 414 URI Too Long", "request target too long\n"),
        ],
    );
    check(
        "a large head",
        limits(),
        &[
            Send("GET / HTTP/1.1\r\nHost: a\r\nX: "),
            SendMany(b'a', 2000),
            Gets("HTTP/1.1 431 Request Header Fields Too Large", "request head too large\n"),
        ],
    );
    check(
        "a body that says that it is too large",
        limits(),
        &[
            Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"),
            Gets("HTTP/1.1 413 Payload Too Large", "request body too large\n"),
            NothingAsked,
        ],
    );
    check(
        "a body that turns out too large",
        limits(),
        &[
            Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
            Asked("POST / "),
            Send("6\r\nabcdef\r\n"),
            Gets("HTTP/1.1 413 Payload Too Large", "request body too large\n"),
            With("connection: close"),
            InFlight(0),
        ],
    );
}

#[test]
fn a_broken_body_breaks_its_request_only() {
    check(
        "the chunk is found broken later",
        Limits::default(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
            Asked("POST /a "),
            Send("zz\r\n"),
            Gets("HTTP/1.1 400 Bad Request", "malformed chunked body"),
            With("x-pointsman-error: malformed-chunk"),
            InFlight(0),
        ],
    );
    check(
        "behind a response that is on its way",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1"),
            Gets("HTTP/1.1 200 OK", "1"),
            Send("nonsense\r\n\r\n"),
            Waits,
            Answer("2"),
            Pass(0),
            InFlight(0),
        ],
    );
}

#[test]
fn slow_clients_are_refused_in_time() {
    let mut limits = Limits::default();
    limits.downstream.header_timeout = std::time::Duration::from_secs(2);
    check(
        "a head that doesn't come",
        limits,
        &[
            Send("GET / HT"),
            Pass(1_900),
            Waits,
            Pass(300),
            Gets("HTTP/1.1 408 Request Timeout", "request took too long\n"),
            With("x-pointsman-error: request-timeout"),
            Closed,
        ],
    );
    let mut limits = Limits::default();
    limits.downstream.header_timeout = std::time::Duration::from_secs(2);
    check(
        "a connection on which nothing comes ends without a word",
        limits,
        &[Pass(1_900), Waits, Pass(300), Closed],
    );
    let mut limits = Limits::default();
    limits.downstream.body_timeout = std::time::Duration::from_secs(3);
    check(
        "a body that stops",
        limits,
        &[
            Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"),
            Asked("POST / "),
            Pass(2_900),
            Waits,
            Pass(300),
            Gets("HTTP/1.1 408 Request Timeout", "request took too long\n"),
            InFlight(0),
        ],
    );
}
