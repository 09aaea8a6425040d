//! A client whose windows are wide open, and whose socket takes nothing: how much is read ahead for it, and how it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::world::{Limits, World, run};
use super::frames::{self, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, take_frames};
use crate::testing::MemoryStream;

const STREAMS: u32 = 40;

/// Bytes of each response.
const LENGTH: usize = 200_000;

/// What is read ahead at most: the socket's 64 KiB, what h2 is given in one go, and the beginnings of all responses.
const MOST_AHEAD: usize = (64 << 10) + (512 << 10) + (32 << 10) + STREAMS as usize * (8 << 10);

/// A connection on which large responses wait, with the backends' ends.
async fn large_responses(limits: Limits) -> (World, MemoryStream, Vec<MemoryStream>) {
    let world = World::new(limits);
    let client = world.connect();
    let windows = [&[0, 4][..], &0x7fff_ffff_u32.to_be_bytes()].concat();
    client.send(&[&PREFACE[..24], &frame(SETTINGS, 0, 0, &windows)].concat());
    client.send(&frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes()));
    let mut backends = Vec::new();
    for stream in 0..STREAMS {
        client.send(&frames::get(1 + 2 * stream));
        world.settle().await;
        backends.push(world.net.accept().expect("a backend is asked").1);
    }
    let response =
        [&format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").into_bytes(), &[b'x'; LENGTH][..]];
    for backend in &backends {
        backend.send(&response.concat());
    }
    world.settle().await;
    (world, client, backends)
}

/// What was taken of the responses, their heads apart.
fn taken(backends: &[MemoryStream]) -> usize {
    backends.iter().map(|backend| LENGTH.saturating_sub(backend.untaken())).sum()
}

/// Takes all that comes after what was received; answers how many bytes of data the streams got that have ended, and how many were reset.
async fn take_all(
    world: &World,
    client: &MemoryStream,
    mut received: Vec<u8>,
) -> (BTreeMap<u32, usize>, usize) {
    let mut data = BTreeMap::<u32, usize>::new();
    let (mut whole, mut resets) = (BTreeMap::new(), 0);
    loop {
        let more = client.receive();
        if more.is_empty() {
            return (whole, resets);
        }
        received.extend(more);
        for frame in take_frames(&mut received) {
            resets += usize::from(frame.kind == RST_STREAM);
            if frame.kind == frames::DATA {
                *data.entry(frame.stream).or_default() += frame.payload.len();
            }
            if frame.ends_stream() {
                whole.insert(frame.stream, data[&frame.stream]);
            }
        }
        world.settle().await;
    }
}

#[test]
fn little_is_read_ahead_for_a_socket_that_takes_nothing() {
    run(async {
        let (world, client, backends) = large_responses(Limits::one_backend()).await;
        let mut received = Vec::new();
        for _ in 0..10 {
            let ahead = taken(&backends).saturating_sub(received.len());
            assert!(ahead < MOST_AHEAD, "{ahead} bytes, {MOST_AHEAD} at most");
            received.extend(client.receive());
            world.settle().await;
        }
        // Among those that wait for their turns, some go.
        for stream in (0..STREAMS).step_by(4) {
            client.send(&frame(RST_STREAM, 0, 1 + 2 * stream, &8_u32.to_be_bytes()));
        }
        world.settle().await;
        // Whoever is left gets all when the socket takes something again.
        let (whole, resets) = take_all(&world, &client, received).await;
        let left: Vec<u32> =
            (0..STREAMS).filter(|stream| stream % 4 != 0).map(|stream| 1 + 2 * stream).collect();
        assert_eq!((whole.keys().copied().collect::<Vec<_>>(), resets), (left, 0));
        assert!(whole.values().all(|length| *length == LENGTH), "{whole:?}");
        assert_eq!(world.in_flight(), 0);
    });
}

#[test]
fn who_waits_for_a_turn_is_reset_in_time() {
    run(async {
        let mut limits = Limits::one_backend();
        limits.upstream.exchange.total_timeout = Some(Duration::from_secs(5));
        let (world, client, _backends) = large_responses(limits).await;
        world.pass(Duration::from_secs(4)).await;
        assert_eq!(world.in_flight(), u64::from(STREAMS));
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(world.in_flight(), 0);
        let (whole, resets) = take_all(&world, &client, Vec::new()).await;
        assert_eq!((whole.len(), resets), (0, STREAMS as usize));
    });
}

#[test]
fn a_socket_that_takes_nothing_ends_its_connection() {
    run(async {
        let mut limits = Limits::one_backend();
        limits.downstream.send_timeout = Duration::from_secs(3);
        let (world, client, _backends) = large_responses(limits).await;
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(world.in_flight(), u64::from(STREAMS));
        // A piece is progress: the connection's time begins anew. What none of it was for is reset.
        let _ = client.receive();
        world.pass(Duration::from_secs(2)).await;
        assert!(!client.has_ended());
        world.pass(Duration::from_secs(2)).await;
        assert!(client.has_ended() && world.in_flight() == 0);
    });
}
