//! What a request costs in memory.

use std::cell::Cell;

use http::Request;
use hyper::body::Incoming;

use super::super::http1::Http1;
use super::world::{Limits, World, event_loop};
use crate::config::RequestIdUse;
use crate::upstream::Tunnel;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n";
const ONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: x\r\nContent-Length: 1\r\n\r\n1";

/// Requests before those that are counted: by then all that is kept for the next one is there.
const FIRST: usize = 8;
const COUNTED: usize = 32;

/// Bytes of a request's future: what hyper keeps for each connection that isn't parked.
const MOST: usize = 1024;

/// What makes the future of a request.
type Answer<R> = fn(&'static Http1, Request<Incoming>, &'static Cell<Option<Box<Tunnel>>>) -> R;

/// The size of what a function of this kind answers.
fn size_of_answer<R>(_: Answer<R>) -> usize {
    size_of::<R>()
}

#[test]
fn the_future_of_a_request_is_small() {
    let size = size_of_answer(|http, request, tunnel| http.answer(request, tunnel));
    assert!(
        size <= MOST,
        "hyper keeps {size} bytes for each connection, and may move them with each request"
    );
}

#[test]
fn a_request_allocates_eight_times_at_most() {
    let event_loop = event_loop();
    let (world, client) = event_loop.block_on(async {
        let world = World::new(Limits { backends: 1, ..Limits::with_ids(RequestIdUse::Pass) });
        let client = world.connect();
        (world, client)
    });
    let mut backend = None;
    let mut serve_one = || {
        client.send(GET);
        let sent = allocation_counter::measure(|| event_loop.block_on(world.settle()));
        let backend = backend.get_or_insert_with(|| world.net.accept().expect("the backend is asked").1);
        assert!(backend.receive().starts_with(b"GET /a "));
        backend.send(ONE);
        let answered = allocation_counter::measure(|| event_loop.block_on(world.settle()));
        assert!(client.receive().ends_with(b"\r\n\r\n1"));
        sent.count_total + answered.count_total
    };
    for _ in 0..FIRST {
        serve_one();
    }
    // What the event loop itself allocates each time that it is entered.
    let idle = allocation_counter::measure(|| event_loop.block_on(world.settle())).count_total;
    let counted: u64 = (0..COUNTED).map(|_| serve_one() - 2 * idle).sum();
    // hyper's channel takes a new block once in a while.
    assert!(counted / COUNTED as u64 <= 8, "{counted} allocations in {COUNTED} requests");
}
