//! What is on record of a request, at a time that is known.

use std::sync::Arc;
use std::time::Duration;

use super::script::{GET, ONE};
use super::world::{Limits, World, run};
use crate::access_log::{AccessLog, LogCounts, WorkerLog};
use crate::config::{AccessLogConfig, Detail, LineFormat, LogOutput};
use crate::testing::LastRecord;

#[test]
fn a_request_ends_with_its_response() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(GET.as_bytes());
        world.pass(Duration::from_millis(100)).await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        backend.send(&ONE.as_bytes()[..ONE.len() - 1]);
        world.pass(Duration::from_millis(200)).await;
        backend.send(b"1");
        world.settle().await;
        let total = Duration::from_millis(300);
        assert_eq!(LastRecord::get(), LastRecord { total, attempts: 1, body_bytes: 1 });
    });
}

/// The end of an attempt isn't the end of the request.
#[test]
fn the_pause_before_a_retry_that_finds_no_backend_counts() {
    let mut limits = Limits::default();
    limits.upstream.max_requests = 1;
    limits.upstream.retry.backoff = Duration::from_secs(10);
    run(async {
        let world = World::new(limits);
        // The third one waits for a backend, and gets it when the first one's attempt has failed.
        let clients = [(); 3].map(|()| world.connect());
        for client in &clients {
            client.send(GET.as_bytes());
            world.settle().await;
        }
        drop(world.net.accept().expect("the first one's backend is asked"));
        // However short the pause is, the clock doesn't move before the next sweep.
        world.pass(Duration::from_secs(11)).await;
        assert!(clients[0].receive().starts_with(b"HTTP/1.1 502 "));
        let LastRecord { total, attempts, .. } = LastRecord::get();
        assert_eq!((attempts, world.in_flight()), (1, 2));
        assert!(!total.is_zero());
    });
}

/// 503, 503, 200: the client saw one good response, the operator sees what it took.
#[test]
fn attempts_count_with_the_backend_and_responses_with_the_pool() {
    let mut limits = Limits { backends: 3, ..Limits::default() };
    limits.upstream.retry.statuses = vec![http::StatusCode::SERVICE_UNAVAILABLE];
    limits.upstream.retry.backoff = Duration::ZERO;
    run(async {
        let world = World::new(limits);
        let client = world.connect();
        client.send(GET.as_bytes());
        world.settle().await;
        let (failure, mut asked) = (b"HTTP/1.1 503 S\r\ncontent-length: 0\r\n\r\n", 0);
        for _ in 0..2 {
            let (_, backend) = world.net.accept().expect("a backend is asked");
            asked += backend.receive().len();
            backend.send(failure);
            world.pass(Duration::from_millis(100)).await;
        }
        let (_, backend) = world.net.accept().expect("the third backend is asked");
        asked += backend.receive().len();
        backend.send(ONE.as_bytes());
        world.settle().await;
        let client_bytes = client.receive();
        assert!(client_bytes.starts_with(b"HTTP/1.1 200 "));
        world.reports.worker().tell();
        let counts = &world.pool.counts;
        assert_eq!((counts.requests(), counts.responses(), counts.retries()), (1, [0, 1, 0, 0, 0], 2));
        assert_eq!((counts.whole().count(), counts.head().count(), counts.queued().count()), (1, 1, 0));
        let topology = world.pool.topology();
        let backends = || topology.backends().iter().map(|backend| &backend.stats.counts);
        assert_eq!(backends().map(|counts| counts.responses()[4]).sum::<u64>(), 2);
        assert_eq!(backends().map(|counts| counts.failures()[3]).sum::<u64>(), 2);
        assert_eq!(backends().map(|counts| counts.attempts()).sum::<u64>(), 3);
        assert_eq!(backends().map(|counts| counts.head().count()).sum::<u64>(), 3);
        assert_eq!(backends().map(|counts| counts.connections()).sum::<u64>(), 3);
        assert_eq!(backends().map(|counts| counts.sent_bytes()).sum::<u64>(), asked as u64);
        let received = (2 * failure.len() + ONE.len()) as u64;
        assert_eq!(backends().map(|counts| counts.received_bytes()).sum::<u64>(), received);
        let listener = world.reports.counts();
        let sent = client_bytes.len() as u64;
        assert_eq!((listener.received_bytes(), listener.sent_bytes()), (GET.len() as u64, sent));
    });
}

#[test]
fn what_is_refused_counts_with_the_listener_by_its_reason() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(b"GET / HTTP/1.1\r\n\r\n");
        world.settle().await;
        assert!(client.receive().starts_with(b"HTTP/1.1 400 "));
        world.reports.worker().tell();
        assert_eq!(world.pool.counts.requests(), 0);
        let refused = world.reports.counts().refused().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
        assert_eq!((world.reports.counts().requests(), refused), (1, vec![("host", 1)]));
    });
}

/// The proxy was stopped for ten seconds before the request came: moments of attempts leave that out, and those of requests don't.
#[test]
fn a_pause_of_the_proxy_before_a_request_takes_nothing_from_its_times() {
    run(async {
        let world = World::new(Limits::one_backend());
        world.hands.advance(Duration::from_secs(10));
        world.pass(Duration::from_millis(100)).await;
        let client = world.connect();
        client.send(GET.as_bytes());
        world.pass(Duration::from_millis(200)).await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        backend.send(&ONE.as_bytes()[..ONE.len() - 1]);
        world.pass(Duration::from_millis(100)).await;
        backend.send(b"1");
        world.settle().await;
        world.reports.worker().tell();
        let (pool, topology) = (&world.pool.counts, world.pool.topology());
        let backend = topology.backends()[0].stats.counts.head().sum;
        assert_eq!((pool.whole().sum.as_millis(), pool.head().sum.as_millis()), (300, 200));
        assert_eq!(backend.as_millis(), 200);
    });
}

/// The end of a tunnel may be all that happens for a long time, so its line mustn't wait for a request.
#[test]
fn the_end_of_a_tunnel_is_told_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = AccessLogConfig {
        format: LineFormat::Json,
        output: LogOutput::File(directory.path().join("access.log")),
        sample: 1.0,
        slow: Duration::from_secs(1),
        query: Detail::Keep,
        client: Detail::Keep,
        buffer: 1 << 20,
        line: 1,
    };
    let counts = Arc::<LogCounts>::default();
    let log = AccessLog::open(&config, 1, Arc::clone(&counts)).expect("the file");
    run(async {
        let world = World::new(Limits::one_backend());
        let worker = world.reports.worker();
        worker.set_log(Some(WorkerLog::new(log, Arc::new(config), 0, world.deadlines.clock())));
        let client = world.connect();
        client.send(b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        world.settle().await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        backend.send(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        world.settle().await;
        assert!(client.receive().starts_with(b"HTTP/1.1 101 "));
        assert!(worker.will_tell(), "its beginning is told");
        worker.tell();
        assert!(!worker.will_tell());
        drop((client, backend));
        world.settle().await;
        assert!(worker.will_tell(), "its end is told");
        worker.set_log(None);
    });
}
