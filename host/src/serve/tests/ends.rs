//! Clients and backends that leave.

use std::time::Duration;

use super::script::Step::{
    Answer, Asked, BackendCloses, Closed, Gets, InFlight, NothingAsked, Pass, Send, Served, ShutDown, Waits,
    With,
};
use super::script::{GET, OK, ONE, check};
use super::world::{Limits, World, run};

#[test]
fn clients_leave() {
    check("before a request", Limits::default(), &[ShutDown, Pass(0), Closed]);
    check(
        "in the middle of a head",
        Limits::default(),
        &[Send("GET / HT"), ShutDown, Pass(0), NothingAsked, Closed],
    );
    check("after a response", Limits::default(), &[Served, ShutDown, Pass(0), Closed]);
    check(
        "in the middle of a body",
        Limits::default(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"),
            Asked("POST /a "),
            ShutDown,
            Pass(0),
            InFlight(0),
        ],
    );
}

#[test]
fn a_client_that_is_gone_ends_its_request() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(GET.as_bytes());
        world.settle().await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        assert_eq!(world.in_flight(), 1);
        drop(client);
        world.settle().await;
        assert_eq!((world.in_flight(), world.drain.connections()), (0, 0));
        assert!(backend.has_ended(), "the backend sees that nobody waits");
    });
}

#[test]
fn idle_backend_connections_close() {
    check("the next request finds another one", Limits::one_backend(), &[Served, BackendCloses, Served]);
    check(
        "a reset after the request was sent is no failure either",
        Limits::one_backend(),
        &[Served, Send(GET), Asked("GET /a "), BackendCloses, Asked("GET /a "), Answer(ONE), Gets(OK, "1")],
    );
    check(
        "but not for one that may do harm twice",
        Limits::one_backend(),
        &[
            Served,
            Send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
            Asked("POST /a "),
            BackendCloses,
            Gets("HTTP/1.1 502 Bad Gateway", "the backend closed the connection early\n"),
            With("x-pointsman-error: upstream-reset"),
            NothingAsked,
            InFlight(0),
            Waits,
        ],
    );
}

#[test]
fn what_a_backend_leaves_unanswered_is_counted() {
    run(async {
        let world = World::new(Limits::one_backend());
        let counted = || {
            world.reports.worker().tell();
            let topology = world.pool.topology();
            let answers = &topology.stats()[0].counts.answers;
            (answers.awaited(), answers.outcomes(), answers.given_up())
        };
        let client = world.connect();
        client.send(GET.as_bytes());
        world.settle().await;
        assert_eq!(counted(), (1, 0, 0));
        let (_, backend) = world.net.accept().expect("the backend is asked");
        backend.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        world.settle().await;
        assert_eq!(counted(), (0, 1, 0), "its head is the answer");
        drop(client);
        world.settle().await;
        assert_eq!(counted(), (0, 1, 0));
        const UPLOAD: &str = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
        for (request, seconds, awaited, given_up) in [
            (GET.to_owned(), 0, 1, 0),
            (GET.to_owned(), 2, 1, 1),
            (format!("{UPLOAD}abc"), 2, 0, 1),
            (format!("{UPLOAD}123456789"), 2, 0, 2),
        ] {
            let client = world.connect();
            client.send(request.as_bytes());
            world.pass(Duration::from_secs(seconds)).await;
            assert_eq!(counted().0, awaited, "{request}");
            drop(client);
            world.settle().await;
            assert_eq!(counted(), (0, 1, given_up), "{request} for {seconds} s");
        }
        let client = world.connect();
        client.send(GET.as_bytes());
        world.pass(Duration::from_secs(31)).await;
        assert_eq!(counted(), (0, 2, 2), "a timeout is a failure, which is seen");
        drop(client);
    });
}
