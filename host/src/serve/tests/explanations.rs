//! Why requests went where they went: what clients are told, what backends aren't, and what is kept.

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::picks::{NotAsked, PickAnswer};
use pointsman_core::record::{ChosenBy, Connection};

use super::script::ONE;
use super::world::{Limits, World, run};
use crate::config::RequestIdUse;
use crate::insight::explanation::Next;
use crate::insight::{Explanations, SharedInsight};

/// Asks for an explanation.
const ASKS: &str = "GET / HTTP/1.1\r\nHost: h\r\nX-Pointsman-Explain: 1\r\n\r\n";
/// A backend's failure, with a claim that isn't its to make.
const FAILS: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nX-Pointsman-Explain: backend=me\r\n\r\n";

/// Limits under which clients of this network may ask.
fn limits(network: &str) -> (Limits, Arc<Explanations>) {
    let explanations = Arc::new(Explanations::new(&[network.parse().expect("a network")]));
    let insight = SharedInsight { explanations: Some(Arc::clone(&explanations)), ..SharedInsight::default() };
    (Limits { insight, ..Limits::with_ids(RequestIdUse::Replace) }, explanations)
}

/// The value of a field in a message, if it is there once.
fn value(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = values.next().map(str::to_owned);
    assert_eq!(values.next(), None, "{name} twice in {text}");
    value
}

const EXPLAIN: &str = "x-pointsman-explain";

#[test]
fn who_may_ask_is_told_and_finds_the_rest_under_the_id() {
    run(async {
        let (limits, explanations) = limits("192.0.2.0/24");
        let world = World::new(limits);
        let client = world.connect();
        client.send(ASKS.as_bytes());
        world.settle().await;
        let (_, backend) = world.net.accept().expect("a backend is asked");
        assert_eq!(value(&backend.receive(), EXPLAIN), None, "that is no backend's business");
        backend.send(ONE.as_bytes());
        world.settle().await;

        let answer = client.receive();
        let id = value(&answer, "x-request-id").expect("an id");
        let told = value(&answer, EXPLAIN).expect("an explanation");
        let kept = explanations.find(&id).expect("it has ended");
        let chosen = kept.attempts[0].backend.name.clone();
        let version = kept.picks[0].policy.as_ref().expect("a policy").version.clone();
        let expected = format!(
            "pool=web; backend={chosen}; policy=test@{version}; by=abstention; attempts=1; queued=0us; id={id}"
        );
        assert_eq!(told, expected);

        assert_eq!(
            (kept.end.status, kept.end.error, kept.client.to_string()),
            (Some(200), None, "192.0.2.1".into())
        );
        assert_eq!(kept.route.as_ref().map(|route| (route.index, &*route.rule)), Some((0, "/")));
        let [pick] = &kept.picks[..] else { panic!("{:?}", kept.picks) };
        assert_eq!(pick.answer, PickAnswer::Abstained);
        let came_of_it = pick.chosen.as_ref().map(|(backend, by, had_room)| (&*backend.name, *by, *had_room));
        assert_eq!(came_of_it, Some((&*chosen, ChosenBy::Abstention, true)));
        let names: Vec<&str> =
            pick.from.candidates.iter().map(|candidate| &*candidate.backend.name).collect();
        assert_eq!((names, pick.from.total), (vec!["b1", "b2"], 2));
        let [attempt] = &kept.attempts[..] else { panic!("{:?}", kept.attempts) };
        assert_eq!((attempt.answered.map(|(status, _)| status), attempt.next), (Some(200), Next::Answered));
        assert!(matches!(attempt.connection, Connection::Opened(_)));
    });
}

#[test]
fn from_anyone_else_the_field_is_removed_and_nothing_happens() {
    run(async {
        for (network, asks) in [
            ("10.0.0.0/8", ASKS.to_owned()),
            // Only `1` asks.
            ("192.0.2.0/24", ASKS.replace(": 1", ": 0")),
            ("192.0.2.0/24", ASKS.replace(": 1", ": 1, 1")),
        ] {
            let (limits, explanations) = limits(network);
            let world = World::new(limits);
            let client = world.connect();
            client.send(asks.as_bytes());
            world.settle().await;
            let (_, backend) = world.net.accept().expect("a backend is asked");
            assert_eq!(value(&backend.receive(), EXPLAIN), None);
            // Nor can a backend explain itself.
            backend.send(FAILS.as_bytes());
            world.settle().await;
            let answer = client.receive();
            assert_eq!(value(&answer, EXPLAIN), None, "{network} {asks}");
            assert!(explanations.find(&value(&answer, "x-request-id").expect("an id")).is_none());
        }
    });
}

#[test]
fn a_retry_says_why_it_was_made_and_why_no_other_followed() {
    run(async {
        let (mut limits, explanations) = limits("192.0.2.1/32");
        limits.upstream.retry.attempts = 2;
        limits.upstream.retry.statuses = vec![http::StatusCode::SERVICE_UNAVAILABLE];
        limits.upstream.retry.backoff = Duration::ZERO;
        let world = World::new(limits);
        let client = world.connect();
        client.send(ASKS.as_bytes());
        for _ in 0..2 {
            world.settle().await;
            let (_, backend) = world.net.accept().expect("a backend is asked");
            assert_eq!(value(&backend.receive(), EXPLAIN), None, "neither at the retry");
            backend.send(FAILS.as_bytes());
        }
        world.settle().await;
        let answer = client.receive();
        assert!(answer.starts_with(b"HTTP/1.1 503 "));
        let told = value(&answer, EXPLAIN).expect("an explanation");
        assert!(told.contains("; attempts=2; queued=0us; id="), "{told}");
        let kept = explanations.find(&value(&answer, "x-request-id").expect("an id")).expect("it has ended");
        let nexts: Vec<Next> = kept.attempts.iter().map(|attempt| attempt.next).collect();
        assert_eq!(nexts, [Next::Repeated, Next::NoOther]);
        let first = kept.picks[0].chosen.as_ref().map(|(backend, ..)| backend.name.clone());
        let second = &kept.picks[1];
        let ruled_out = second.from.candidates.iter().find(|candidate| candidate.tried);
        assert_eq!((second.attempt, ruled_out.map(|candidate| candidate.backend.name.clone())), (1, first));
    });
}

#[test]
fn a_request_without_a_backend_is_explained_too() {
    run(async {
        let (mut limits, explanations) = limits("0.0.0.0/0");
        limits.backends = 0;
        let world = World::new(limits);
        let client = world.connect();
        client.send(ASKS.as_bytes());
        world.settle().await;
        let answer = client.receive();
        let told = value(&answer, EXPLAIN).expect("an explanation");
        let expected = "pool=web; backend=-; policy=-; by=-; attempts=0; queued=0us; error=no-backend; id=";
        assert!(told.starts_with(expected), "{told}");
        let kept = explanations.find(&value(&answer, "x-request-id").expect("an id")).expect("it has ended");
        assert_eq!(kept.picks[0].answer, PickAnswer::NotAsked(NotAsked::NoCandidate));
        assert_eq!(
            (kept.end.status, kept.end.error, kept.attempts.len()),
            (Some(503), Some("no-backend"), 0)
        );
    });
}

#[test]
fn a_wait_in_the_queue_is_explained() {
    run(async {
        let (mut limits, explanations) = limits("0.0.0.0/0");
        limits.backends = 1;
        limits.upstream.max_requests = 1;
        let world = World::new(limits);
        let (first, second) = (world.connect(), world.connect());
        first.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        world.settle().await;
        second.send(ASKS.as_bytes());
        world.pass(Duration::from_millis(300)).await;
        let (_, backend) = world.net.accept().expect("a backend is asked");
        backend.send(ONE.as_bytes());
        world.settle().await;
        let backend = world.net.accept().map_or(backend, |(_, other)| other);
        backend.send(ONE.as_bytes());
        world.settle().await;
        let answer = second.receive();
        let told = value(&answer, EXPLAIN).expect("an explanation");
        assert!(told.contains("; queued=300000us; "), "{told}");
        let kept = explanations.find(&value(&answer, "x-request-id").expect("an id")).expect("it has ended");
        let queue = kept.queue.expect("it waited");
        assert_eq!((queue.place, queue.waited), (0, Duration::from_millis(300)));
        let full = kept.picks[0].chosen.as_ref().map(|(_, _, had_room)| *had_room);
        assert_eq!(full, Some(false), "the policy picked it, and it was full: {:?}", kept.picks);
    });
}
