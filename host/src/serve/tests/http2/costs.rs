//! What a request costs in memory.

use super::super::world::{Limits, World, event_loop};
use super::frames::{self, PREFACE};
use crate::config::RequestIdUse;

/// With a date: so none is made.
const ONE: &[u8] =
    b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT\r\nServer: x\r\nContent-Length: 1\r\n\r\n1";

/// Requests before those that are counted: by then all that is kept for the next one is there.
const FIRST: usize = 8;
const COUNTED: usize = 32;

/// Allocations of a request. Four are the callback by which hyper tells of early hints.
const MOST: u64 = 16;

#[test]
fn a_request_allocates_no_more_than_h2_makes_it() {
    let event_loop = event_loop();
    let (world, client) = event_loop.block_on(async {
        let world = World::new(Limits { backends: 1, ..Limits::with_ids(RequestIdUse::Pass) });
        let client = world.connect();
        (world, client)
    });
    client.send(PREFACE);
    event_loop.block_on(world.settle());
    let mut backend = None;
    let mut stream = 1;
    let mut serve_one = || {
        client.send(&frames::get(stream));
        stream += 2;
        let sent = allocation_counter::measure(|| event_loop.block_on(world.settle()));
        let backend = backend.get_or_insert_with(|| world.net.accept().expect("the backend is asked").1);
        assert!(backend.receive().starts_with(b"GET / "));
        backend.send(ONE);
        let answered = allocation_counter::measure(|| event_loop.block_on(world.settle()));
        assert!(client.receive().ends_with(b"1"));
        sent.count_total + answered.count_total
    };
    for _ in 0..FIRST {
        serve_one();
    }
    // What the event loop itself allocates each time that it is entered.
    let idle = allocation_counter::measure(|| event_loop.block_on(world.settle())).count_total;
    let counted: u64 = (0..COUNTED).map(|_| serve_one() - 2 * idle).sum();
    assert!(counted / COUNTED as u64 <= MOST, "{counted} allocations in {COUNTED} requests");
}
