//! What is on record of a request, at a time that is known.

use std::time::Duration;

use super::script::{GET, ONE};
use super::world::{Limits, World, run};
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
