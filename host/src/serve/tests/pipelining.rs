//! Requests that follow each other, and those that don't wait for their turn.

use super::script::Step::{
    Answer, Asked, AskedExactly, Closed, Gets, InFlight, NothingAsked, Pass, Send, Served, Waits, With,
    Without,
};
use super::script::{GET, OK, ONE, check};
use super::world::Limits;

const B: &str = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
const TWO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2";

#[test]
fn one_after_the_other() {
    check(
        "a request and its response",
        Limits::default(),
        &[
            Send(GET),
            AskedExactly(concat!(
                "GET /a HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\n",
                "x-forwarded-host: h\r\nvia: 1.1 pointsman\r\n\r\n"
            )),
            InFlight(1),
            Answer(ONE),
            Gets(OK, "1"),
            With("via: 1.1 pointsman"),
            Without("connection"),
            InFlight(0),
            Waits,
        ],
    );
    check(
        "a second request on the same connections",
        Limits::default(),
        &[Served, Send(B), Asked("GET /b "), Answer(TWO), Gets(OK, "2"), Waits],
    );
    check(
        "a head in pieces",
        Limits::default(),
        &[
            Send("GET /a HT"),
            NothingAsked,
            Send("TP/1.1\r\nHost: h\r"),
            NothingAsked,
            Send("\n\r\n"),
            Asked("GET /a "),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    check(
        "empty lines between requests",
        Limits::default(),
        &[
            Send("\r\n\r\n"),
            NothingAsked,
            Served,
            Send("\r\n"),
            Send(B),
            Asked("GET /b "),
            Answer(TWO),
            Gets(OK, "2"),
        ],
    );
    check(
        "a response in pieces",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Le"),
            Waits,
            Answer("ngth: 3\r\n\r\n1"),
            Gets(OK, "1"),
            InFlight(1),
            Answer("23"),
            Pass(0),
            InFlight(0),
        ],
    );
    check(
        "interim responses are passed over",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
}

#[test]
fn all_at_once() {
    check(
        "two in one packet are served in order",
        Limits::default(),
        &[
            Send(concat!("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")),
            Asked("GET /a "),
            NothingAsked,
            Answer(ONE),
            Gets(OK, "1"),
            Asked("GET /b "),
            Answer(TWO),
            Gets(OK, "2"),
            Waits,
        ],
    );
    check(
        "a body and the next request in one packet",
        Limits::default(),
        &[
            Send(concat!(
                "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
                "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
            )),
            Asked("POST /a "),
            Answer(ONE),
            Gets(OK, "1"),
            Asked("GET /b "),
            Answer(TWO),
            Gets(OK, "2"),
        ],
    );
    check(
        "one that is refused behind one in progress is answered in its turn",
        Limits::default(),
        &[
            Send(concat!("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /b HTTP/1.1\r\nNo Host\r\n\r\n")),
            Asked("GET /a "),
            Waits,
            Answer(ONE),
            Gets(OK, "1"),
            Gets("HTTP/1.1 400 Bad Request", "malformed request head\n"),
            With("x-pointsman-error: malformed-head"),
            With("connection: close"),
            Closed,
        ],
    );
    check(
        "nothing passes behind one that was refused",
        Limits::default(),
        &[
            Send(concat!("GET /a HTTP/1.1\r\nBad\r\n\r\n", "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")),
            Gets("HTTP/1.1 400 Bad Request", "malformed request head\n"),
            NothingAsked,
            Closed,
        ],
    );
    check(
        "one that asks to close is the last",
        Limits::default(),
        &[
            Send(concat!(
                "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
            )),
            Asked("GET /a "),
            Answer(ONE),
            Gets(OK, "1"),
            With("connection: close"),
            NothingAsked,
            Closed,
        ],
    );
}

#[test]
fn keepalive_requests_end_the_connection() {
    let mut limits = Limits::default();
    limits.downstream.keepalive_requests = 2;
    check(
        "the last response says so",
        limits,
        &[
            Served,
            Without("connection"),
            Send(B),
            Asked("GET /b "),
            Answer(TWO),
            Gets(OK, "2"),
            With("connection: close"),
            Closed,
        ],
    );
}

#[test]
fn old_clients_have_to_ask() {
    check(
        "HTTP/1.0 ends with the response",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.0\r\n\r\n"),
            Asked("GET /a HTTP/1.1\r\n"),
            Answer(ONE),
            Gets("HTTP/1.0 200 OK", "1"),
            With("connection: close"),
            Closed,
        ],
    );
    check(
        "unless it asks for more",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            Asked("GET /a HTTP/1.1\r\n"),
            Answer(ONE),
            Gets("HTTP/1.0 200 OK", "1"),
            With("connection: keep-alive"),
            Waits,
        ],
    );
    check(
        "a body of unknown length ends with the connection",
        Limits::default(),
        &[
            Send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            Gets("HTTP/1.0 200 OK", "ab"),
            With("connection: close"),
            Without("transfer-encoding"),
            Closed,
        ],
    );
}
