//! What is counted of HTTP/2 and of calls.

use std::time::Duration;

use pointsman_core::counts::ResetSide;

use super::super::world::{Limits, World, run};
use super::frames::{self, PREFACE, RST_STREAM, frame};

/// Connections and streams at the moment, resets and GOAWAYs so far: those that aren't 0.
#[derive(Debug, PartialEq, Default)]
struct Counted {
    open: (u64, u64),
    by_client: Vec<(&'static str, u64)>,
    by_proxy: Vec<(&'static str, u64)>,
    goaways: Vec<(&'static str, u64)>,
}

fn counted(world: &World) -> Counted {
    world.reports.worker().tell();
    let counts = &world.reports.counts().http2;
    let resets = |side| counts.resets(side).filter(|(_, count)| *count > 0).collect();
    Counted {
        open: (counts.connections(), counts.streams()),
        by_client: resets(ResetSide::Client),
        by_proxy: resets(ResetSide::Proxy),
        goaways: counts.goaways().filter(|(_, count)| *count > 0).collect(),
    }
}

#[test]
fn what_is_open_and_how_streams_and_connections_end() {
    run(async {
        let world = World::new(Limits::one_backend());
        let (client, other) = (world.connect(), world.connect());
        client.send(PREFACE);
        other.send(PREFACE);
        client.send(&[frames::get(1), frames::get(3)].concat());
        world.settle().await;
        assert_eq!(counted(&world), Counted { open: (2, 2), ..Counted::default() });

        client.send(&frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]));
        world.settle().await;
        let by_client = vec![("cancel", 1)];
        assert_eq!(counted(&world), Counted { open: (2, 1), by_client, ..Counted::default() });

        // Its response breaks off.
        let (_, _first) = world.net.accept().expect("a backend is asked");
        let (_, second) = world.net.accept().expect("it is asked again");
        second.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        world.settle().await;
        drop(second);
        world.settle().await;
        let counts = counted(&world);
        assert_eq!((counts.open, counts.by_proxy), ((2, 0), vec![("internal-error", 1)]));

        world.drain.start();
        world.pass(Duration::from_secs(5)).await;
        let counts = counted(&world);
        assert_eq!((counts.open, counts.goaways), ((0, 0), vec![("drain", 2)]));
    });
}

#[test]
fn connections_that_go_too_far_by_their_fault() {
    run(async {
        let pings = vec![frame(6, 0, 0, &[0; 8]).repeat(100); 400];
        let resets = (0..300)
            .map(|number| 2 * number + 1)
            .flat_map(|stream| [frames::get(stream), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]);
        for (greeting, pieces, cause) in [
            (PREFACE, pings, "ping-flood"),
            // Data that belongs to no stream.
            (PREFACE, vec![frame(0, 0, 0, b"x")], "protocol-error"),
            (&PREFACE[..24], vec![frames::get(1)], "no-settings"),
            (PREFACE, resets.collect(), "rapid-reset"),
        ] {
            let world = World::new(Limits::one_backend());
            let client = world.connect();
            client.send(greeting);
            for piece in pieces {
                client.send(&piece);
                world.settle().await;
                client.receive();
                if client.has_ended() {
                    break;
                }
            }
            // One that is told why gets some time to read it.
            world.pass(Duration::from_secs(2)).await;
            let counts = counted(&world);
            assert_eq!(counts.goaways, [(cause, 1)], "{counts:?}");
        }
    });
}

/// The fields that make a request a call.
fn call(stream: u32) -> Vec<u8> {
    let fields = frames::fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a.B/C"),
        (":authority", "h"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]);
    frame(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, stream, &fields)
}

#[test]
fn calls_that_the_proxy_answers_have_a_status() {
    run(async {
        let mut limits = Limits::one_backend();
        limits.upstream.retry.attempts = 0;
        let world = World::new(limits);
        let client = world.connect();
        client.send(PREFACE);
        for stream in [1, 3] {
            client.send(&call(stream));
            world.settle().await;
            drop(world.net.accept().expect("a backend is asked"));
            world.settle().await;
        }
        world.reports.worker().tell();
        let calls: Vec<_> = world.pool.counts.calls().filter(|(_, count)| *count > 0).collect();
        assert_eq!(calls, [("UNAVAILABLE", 2)]);
    });
}
