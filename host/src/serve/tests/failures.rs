//! Attempts that fail, and those that follow.

use std::time::Duration;

use super::script::Step::{
    Accept, Answer, Asked, BackendCloses, Gets, InFlight, NothingAsked, Pass, Refuse, Send, Waits, With,
};
use super::script::{GET, OK, ONE, check};
use super::world::Limits;

const POST: &str = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

#[test]
fn a_refused_connection_is_the_next_backends_turn() {
    for request in [GET, POST] {
        let start: &'static str = if request == GET { "GET /a " } else { "POST /a " };
        for refused in [1, 2] {
            check(
                "whichever it is",
                Limits::default(),
                &[
                    Refuse(refused),
                    Send(request),
                    Asked(start),
                    Answer(ONE),
                    Gets(OK, "1"),
                    Send(request),
                    Asked(start),
                    Answer(ONE),
                    Gets(OK, "1"),
                    InFlight(0),
                    Waits,
                ],
            );
        }
    }
    check(
        "until there is none left",
        Limits::default(),
        &[
            Refuse(1),
            Refuse(2),
            Send(GET),
            Pass(1_000),
            Gets("HTTP/1.1 503 Service Unavailable", "cannot connect to the backend\n"),
            With("x-pointsman-error: connect-failed"),
            InFlight(0),
            Waits,
            Accept(1),
            Send(GET),
            Asked("GET /a "),
        ],
    );
}

#[test]
fn what_may_have_been_done_is_repeated_only_if_that_is_safe() {
    check(
        "GET",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            BackendCloses,
            Pass(500),
            Asked("GET /a "),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "POST",
        Limits::default(),
        &[
            Send(POST),
            Asked("POST /a "),
            BackendCloses,
            Pass(500),
            NothingAsked,
            Gets("HTTP/1.1 502 Bad Gateway", "the backend closed the connection early\n"),
            InFlight(0),
        ],
    );
    check(
        "PUT with its body",
        Limits::default(),
        &[
            Send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
            Asked("PUT /a "),
            BackendCloses,
            Pass(500),
            Asked("PUT /a "),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    check(
        "not once a response has begun",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 "),
            BackendCloses,
            Pass(500),
            NothingAsked,
            Gets("HTTP/1.1 502 Bad Gateway", "the backend closed the connection early\n"),
        ],
    );
}

#[test]
fn nonsense_is_no_response() {
    for nonsense in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\x00\x01\x02\x03\r\n\r\n"] {
        check(
            nonsense,
            Limits::default(),
            &[
                Send(GET),
                Asked("GET /a "),
                Answer(nonsense),
                Pass(500),
                Gets("HTTP/1.1 502 Bad Gateway", "the backend's response is malformed\n"),
                With("x-pointsman-error: bad-response"),
                InFlight(0),
                Waits,
            ],
        );
    }
    check(
        "two lengths",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12"),
            Pass(500),
            Gets("HTTP/1.1 502 Bad Gateway", ""),
            With("x-pointsman-error: bad-response"),
        ],
    );
}

#[test]
fn time_is_limited() {
    let limits = || {
        let mut limits = Limits::default();
        limits.upstream.response_timeout = Duration::from_secs(2);
        limits.upstream.retry.attempts = 0;
        limits
    };
    check(
        "a backend that doesn't answer",
        limits(),
        &[
            Send(GET),
            Asked("GET /a "),
            Pass(1_900),
            Waits,
            Pass(300),
            Gets("HTTP/1.1 504 Gateway Timeout", "the backend took too long to respond\n"),
            With("x-pointsman-error: response-timeout"),
            InFlight(0),
            Waits,
        ],
    );
    let mut total = Limits::default();
    total.upstream.exchange.total_timeout = Some(Duration::from_secs(3));
    check(
        "the whole request",
        total,
        &[
            Send(GET),
            Asked("GET /a "),
            Pass(2_900),
            Waits,
            Pass(300),
            Gets("HTTP/1.1 504 Gateway Timeout", "the request took too long in all\n"),
            With("x-pointsman-error: total-timeout"),
            InFlight(0),
            Send(GET),
            Asked("GET /a "),
            Pass(2_900),
            Answer(ONE),
            Gets(OK, "1"),
        ],
    );
    let mut total = Limits::default();
    total.upstream.exchange.total_timeout = Some(Duration::from_secs(3));
    check(
        "its response as well",
        total,
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"),
            Gets(OK, "1"),
            Pass(2_900),
            InFlight(1),
            Pass(400),
            InFlight(0),
        ],
    );
}

#[test]
fn full_backends_are_waited_for() {
    let limits = || {
        let mut limits = Limits::default();
        limits.upstream.max_requests = 1;
        limits.upstream.queue.timeout = Duration::from_secs(2);
        limits
    };
    super::world::run(async {
        let world = super::world::World::new(Limits { backends: 1, ..limits() });
        let clients: Vec<_> = (0..3).map(|_| world.connect()).collect();
        for client in &clients {
            client.send(GET.as_bytes());
            world.settle().await;
        }
        let (_, backend) = world.net.accept().expect("the backend is asked");
        assert_eq!((world.in_flight(), world.net.accept().is_none()), (1, true));
        backend.receive();
        backend.send(ONE.as_bytes());
        world.settle().await;
        assert!(clients[0].receive().ends_with(b"1"));
        assert!(backend.receive().starts_with(b"GET /a "), "it is the second one's turn");
        world.pass(Duration::from_millis(2_200)).await;
        let timed_out = clients[2].receive();
        assert!(timed_out.starts_with(b"HTTP/1.1 503 "), "{}", timed_out.escape_ascii());
        assert_eq!((clients[1].receive().len(), world.in_flight()), (0, 1));
    });
}
