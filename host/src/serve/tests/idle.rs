//! Connections between two requests: warm, parked, and closed in time.

use std::time::Duration;

use super::script::Step::{
    Answer, Asked, Closed, Drain, Gets, Leave, NothingAsked, Pass, Send, Served, Waits, With,
};
use super::script::{GET, OK, ONE, check};
use super::world::{Limits, World, run};

#[test]
fn a_parked_connection_serves_its_next_request() {
    check("a request after the threshold", Limits::default(), &[Served, Pass(1_000), Waits, Served]);
    check(
        "in pieces, the first of which unparks",
        Limits::default(),
        &[
            Served,
            Pass(1_000),
            Send("G"),
            Pass(1_000),
            Send("ET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            Asked("GET /b "),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "empty lines unpark, and are no request",
        Limits::default(),
        &[Served, Pass(1_000), Send("\r\n"), Pass(1_000), NothingAsked, Waits, Send(GET), Asked("GET /a ")],
    );
}

#[test]
fn idle_connections_end_in_time() {
    let limits = || {
        let mut limits = Limits::default();
        limits.downstream.keepalive_timeout = Duration::from_secs(5);
        limits
    };
    check("warm or parked", limits(), &[Served, Pass(4_900), Waits, Pass(300), Closed]);
    check("empty lines earn no time", limits(), &[Served, Pass(4_000), Send("\r\n"), Pass(1_300), Closed]);
    check(
        "a request that takes longer isn't idle",
        limits(),
        &[Send(GET), Asked("GET /a "), Pass(9_000), Answer(ONE), Gets(OK, "1"), Pass(4_000), Waits],
    );
}

#[test]
fn a_drain_loses_no_request() {
    check(
        "in progress",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Drain,
            Pass(3_000),
            Answer(ONE),
            Gets(OK, "1"),
            With("connection: close"),
            Closed,
        ],
    );
    check(
        "on its way to a warm connection",
        Limits::default(),
        &[Served, Drain, Pass(500), Served, With("connection: close"), Closed],
    );
    check(
        "on its way to a parked one",
        Limits::default(),
        &[Served, Pass(2_000), Drain, Pass(900), Served, With("connection: close"), Closed],
    );
    check(
        "and what waits for nothing ends after a second",
        Limits::default(),
        &[Served, Drain, Pass(900), Waits, Pass(300), Closed],
    );
    check(
        "a pipelined one as well",
        Limits::default(),
        &[
            Send(concat!("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")),
            Asked("GET /a "),
            Drain,
            Answer(ONE),
            Gets(OK, "1"),
            With("connection: close"),
            NothingAsked,
            Closed,
        ],
    );
}

#[test]
fn before_a_drain_responses_say_that_clients_should_leave() {
    check(
        "an idle connection may still be used, once",
        Limits::default(),
        &[Served, Leave, Pass(3_000), Waits, Served, With("connection: close"), Closed],
    );
    check(
        "in progress",
        Limits::default(),
        &[
            Send(GET),
            Asked("GET /a "),
            Leave,
            Pass(3_000),
            Answer(ONE),
            Gets(OK, "1"),
            With("connection: close"),
            Closed,
        ],
    );
    check(
        "and what has said nothing by then drains",
        Limits::default(),
        &[Served, Leave, Drain, Pass(1_200), Closed],
    );
}

/// Parking is what tests that only look at bytes can't see.
#[test]
fn buffers_go_after_the_threshold_and_not_before() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        world.settle().await;
        assert_eq!((world.parked(), world.drain.connections()), (1, 1), "until its first byte");
        client.send(GET.as_bytes());
        world.settle().await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        assert_eq!(world.parked(), 0);
        backend.send(ONE.as_bytes());
        world.pass(Duration::from_millis(250)).await;
        assert_eq!(world.parked(), 0, "it stays warm for 300 ms");
        world.pass(Duration::from_millis(200)).await;
        assert_eq!(world.parked(), 1);
        client.send(b"GET");
        world.settle().await;
        assert_eq!(world.parked(), 0);
    });
}
