//! Bodies of requests and responses.

use std::time::Duration;

use super::script::Step::{
    Answer, Asked, AskedExactly, BackendCloses, Closed, Gets, InFlight, Pass, Reset, Room, Send, Waits, With,
};
use super::script::{GET, OK, ONE, check};
use super::world::Limits;

const POST: &str = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";
const EXPECTS: &str = "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";

#[test]
fn requests_are_streamed() {
    check(
        "a body in pieces",
        Limits::default(),
        &[Send(POST), Asked("POST /a "), Send("def"), AskedExactly("def"), Answer(ONE), Gets(OK, "1"), Waits],
    );
    check(
        "an answer before the body ends the connection behind it",
        Limits::default(),
        &[Send(POST), Asked("POST /a "), Answer(ONE), Gets(OK, "1"), With("connection: close"), InFlight(0)],
    );
    check(
        "chunks, and trailers without those that end here",
        Limits::default(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            Asked("POST /a "),
            Send("0\r\nX-Sum: 1\r\nConnection: x\r\n\r\n"),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
}

#[test]
fn trailers_hold_nothing_that_counts_before_the_content() {
    check(
        "both ways, announced or not",
        Limits::default(),
        &[
            Send(concat!(
                "POST /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n",
                "Trailer: X-Sum, Content-Length, HTTP2-Settings, If-Match, Cookie\r\n\r\n3\r\nabc\r\n"
            )),
            Asked("POST /a "),
            Send(concat!(
                "0\r\nX-Sum: 1\r\nContent-Length: 5\r\nHTTP2-Settings: AAMAAABk\r\nIf-Match: x\r\n",
                "Cookie: a\r\nHost: b\r\n\r\n"
            )),
            AskedExactly("0\r\nx-sum: 1\r\n\r\n"),
            Answer(concat!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
                "Trailer: X-Sum, Set-Cookie, Location, Content-Encoding, Connection\r\n\r\n1\r\n1\r\n0\r\nX-Sum: 1\r\n",
                "Set-Cookie: a\r\nLocation: /\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
            )),
            Gets(OK, "1\r\n1\r\n0\r\nx-sum: 1\r\n\r\n"),
            Waits,
        ],
    );
}

#[test]
fn a_late_client_of_a_whole_response_is_not_out_of_its_time() {
    let mut limits = Limits::default();
    limits.upstream.exchange.total_timeout = Some(Duration::from_secs(2));
    check(
        "and the next request has its own",
        limits,
        &[
            Send(GET),
            Asked("GET /a "),
            Room(0),
            Answer(ONE),
            Pass(5_000),
            Room(9_999),
            Gets(OK, "1"),
            Send(GET),
            Asked("GET /a "),
            Pass(1_900),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
}

#[test]
fn permission_is_the_backends() {
    check(
        "100 from the backend",
        Limits::default(),
        &[
            Send(EXPECTS),
            Asked("POST /a "),
            Waits,
            Answer("HTTP/1.1 100 Continue\r\n\r\n"),
            Gets("HTTP/1.1 100 Continue", ""),
            Send("abc"),
            AskedExactly("abc"),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "a backend that knows nothing of it gets the body after a second",
        Limits::default(),
        &[
            Send(EXPECTS),
            Asked("POST /a "),
            Pass(900),
            Waits,
            Pass(200),
            Gets("HTTP/1.1 100 Continue", ""),
            Send("abc"),
            AskedExactly("abc"),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    check(
        "a client that doesn't wait",
        Limits::default(),
        &[Send(EXPECTS), Asked("POST /a "), Send("abc"), Pass(100), AskedExactly("abc"), Answer(ONE)],
    );
    check(
        "a refusal in its place",
        Limits::default(),
        &[
            Send(EXPECTS),
            Asked("POST /a "),
            Answer("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n"),
            Gets("HTTP/1.1 413 Payload Too Large", ""),
            With("connection: close"),
        ],
    );
}

#[test]
fn responses_that_break_off_never_look_whole() {
    check(
        "with a length",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            Gets(OK, "abc"),
            BackendCloses,
            Closed,
        ],
    );
    check(
        "in chunks",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            Gets(OK, "3\r\nabc\r\n"),
            BackendCloses,
            Closed,
        ],
    );
    check(
        "up to the close, for a client that can't tell otherwise",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.0\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            Gets("HTTP/1.0 200 OK", "abc"),
            BackendCloses,
            Reset,
        ],
    );
}

#[test]
fn slow_readers_are_given_up() {
    let mut limits = Limits::default();
    limits.downstream.send_timeout = Duration::from_secs(2);
    check(
        "a client that takes nothing",
        limits,
        &[
            Room(16),
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
            InFlight(1),
            Room(0),
            Pass(2_300),
            InFlight(0),
        ],
    );
}

#[test]
fn silent_backends_are_given_up() {
    let mut limits = Limits::default();
    limits.upstream.idle_timeout = Duration::from_secs(2);
    check(
        "within a body",
        limits,
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            Gets(OK, "abc"),
            Pass(1_900),
            InFlight(1),
            Pass(300),
            InFlight(0),
            Closed,
        ],
    );
    check(
        "a body that nobody framed ends with its connection",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\n\r\nabc"),
            Gets(OK, "3\r\nabc\r\n"),
            BackendCloses,
            Pass(0),
            InFlight(0),
            Send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /b "),
        ],
    );
}
