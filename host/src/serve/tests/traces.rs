//! Trace context on its way to backends, and what is told of traced requests.

use std::time::Duration;

use pointsman_core::trace::TraceParent;
use tokio::sync::mpsc::Receiver;

use super::script::{GET, ONE};
use super::world::{Limits, World, address, run};
use crate::insight::SharedInsight;
use crate::insight::trace::{FinishedTrace, Tracer, attempt_span};

/// In a trace that is sampled by its sender.
const TRACED: &str = "GET /a?b HTTP/1.1\r\nHost: h\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
                      tracestate: rojo=1\r\nTracestate: congo=2\r\n\r\n";
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

/// A world that samples this share of requests, and what it tells of them.
fn traced(sample: f64, trusted: bool) -> (World, Receiver<FinishedTrace>) {
    let (tracer, finished) = Tracer::new(sample);
    let insight = SharedInsight { tracer: Some(tracer), ..SharedInsight::default() };
    (World::new(Limits { insight, trusted, ..Limits::default() }), finished)
}

/// The values of a field in a message.
fn values(message: &[u8], name: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(message).into_owned();
    let named = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    named.map(str::to_owned).collect()
}

/// The one context in a message.
fn parent(message: &[u8]) -> TraceParent {
    let all = values(message, "traceparent");
    assert_eq!(all.len(), 1, "{all:?}");
    TraceParent::parse(all[0].as_bytes()).expect("a valid one")
}

/// What a request's backend gets.
async fn asked(world: &World, request: &str) -> Vec<u8> {
    let client = world.connect();
    client.send(request.as_bytes());
    world.settle().await;
    let (_, backend) = world.net.accept().expect("a backend is asked");
    backend.send(ONE.as_bytes());
    world.settle().await;
    assert!(client.receive().starts_with(b"HTTP/1.1 200 "));
    backend.receive()
}

#[test]
fn without_tracing_the_context_passes() {
    run(async {
        let world = World::new(Limits::default());
        let asked = asked(&world, TRACED).await;
        assert_eq!(
            values(&asked, "traceparent"),
            ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]
        );
        assert_eq!(values(&asked, "tracestate"), ["rojo=1", "congo=2"]);
    });
}

#[test]
fn a_trusted_proxys_trace_goes_on() {
    run(async {
        let (world, mut finished) = traced(0.0, true);
        let first = asked(&world, TRACED).await;
        assert_eq!(
            (parent(&first).ids.trace, parent(&first).sampled),
            (TRACE, true),
            "its sampled flag counts"
        );
        assert_eq!(values(&first, "tracestate"), ["rojo=1", "congo=2"]);
        let told = finished.try_recv().expect("a trace");
        assert_eq!((told.ids.trace, told.parent), (TRACE, Some(0x00f0_67aa_0ba9_02b7)));
        assert_eq!(parent(&first).ids.span, attempt_span(told.ids.span, 1));
        assert_eq!((&*told.request.path, &*told.request.host, told.status), ("/a", "h", Some(200)));
        assert_eq!((told.attempts.len(), told.attempts[0].status, told.error), (1, Some(200), None));
        let unsampled = asked(&world, &TRACED.replace("b7-01", "b7-00")).await;
        assert_eq!((parent(&unsampled).ids.trace, parent(&unsampled).sampled), (TRACE, false));
        assert!(finished.try_recv().is_err());
    });
}

#[test]
fn anyone_elses_trace_begins_anew() {
    run(async {
        let invalid = TRACED.replace("4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F3577B34DA6A3CE929D0E0E4736");
        let two = TRACED.replace(
            "tracestate: rojo=1",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        for (request, trusted) in [(TRACED, false), (GET, false), (GET, true), (&invalid, true), (&two, true)]
        {
            // A stranger's sampled flag doesn't count.
            let (world, mut finished) = traced(0.0, trusted);
            let asked_first = asked(&world, request).await;
            assert!(parent(&asked_first).ids.trace != TRACE && !parent(&asked_first).sampled, "{request}");
            assert!(values(&asked_first, "tracestate").is_empty(), "{request}");
            assert!(finished.try_recv().is_err());
            let (world, mut finished) = traced(1.0, trusted);
            let asked_first = asked(&world, request).await;
            assert!(parent(&asked_first).sampled);
            let told = finished.try_recv().expect("a trace");
            assert_eq!((told.ids.trace, told.parent), (parent(&asked_first).ids.trace, None));
        }
    });
}

/// However long the proxy was stopped before.
#[test]
fn the_span_of_an_attempt_lies_within_that_of_its_request() {
    run(async {
        let (world, mut finished) = traced(1.0, false);
        world.hands.advance(Duration::from_secs(10));
        world.pass(Duration::from_millis(100)).await;
        asked(&world, GET).await;
        let told = finished.try_recv().expect("a trace");
        let (request, attempt) = (told.span, told.attempts[0].span);
        assert!(request.0 <= attempt.0 && attempt.1 <= request.1, "{attempt:?} of {request:?}");
    });
}

#[test]
fn each_attempt_is_a_span_of_its_own() {
    run(async {
        let (world, mut finished) = traced(1.0, false);
        world.net.refuse(address(1), true);
        let client = world.connect();
        client.send(GET.as_bytes());
        world.settle().await;
        let (_, first) = world.net.accept().expect("the other backend is asked");
        let reached = parent(&first.receive());
        // Both have had their turn, in whichever order.
        drop(first);
        world.pass(Duration::from_secs(1)).await;
        let told = finished.try_recv().expect("a trace");
        let errors: Vec<_> = told.attempts.iter().filter_map(|attempt| attempt.error).collect();
        let place = errors.iter().position(|error| *error == "upstream-reset").expect("one was reached");
        assert!(errors.len() == 2 && errors[1 - place] == "connect-failed", "{errors:?}");
        let span = attempt_span(told.ids.span, place as u64 + 1);
        assert_eq!((reached.ids.trace, reached.ids.span), (told.ids.trace, span));
    });
}

#[test]
fn what_nobody_exports_is_bounded_and_counted() {
    run(async {
        let (tracer, finished) = Tracer::new(1.0);
        let insight =
            SharedInsight { tracer: Some(std::sync::Arc::clone(&tracer)), ..SharedInsight::default() };
        let world = World::new(Limits { insight, backends: 1, ..Limits::default() });
        let client = world.connect();
        let refused = "GET /a HTTP/1.1\r\nHost: h\r\nVia: 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman\r\n\r\n";
        for _ in 0..2_100 {
            client.send(refused.as_bytes());
            world.settle().await;
            client.receive();
        }
        assert_eq!((finished.len(), tracer.dropped()), (2_048, 52));
    });
}
