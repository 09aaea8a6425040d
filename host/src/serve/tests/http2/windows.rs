//! Windows: what they hold comes back, whatever becomes of its stream. Inputs are those of faults that other proxies had.

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderValue};

use super::super::script::ONE;
use super::super::world::{Limits, run};
use super::frames::{self, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, frame, take_frames};
use super::{Client, head, post, rest};
use crate::serve::tests::world::World;

/// A stream's window, as the proxy sets it.
const STREAM_WINDOW: usize = 256 << 10;

#[test]
fn cancelled_uploads_give_back_the_windows_that_they_filled() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        client.world.settle().await;
        for round in 0..3 {
            // Nobody reads at the backends: the four of them fill the connection's window, or what the path holds of it.
            let mut streams = Vec::new();
            for _ in 0..4 {
                let (response, mut body) = client.send(post("/stuck"), false);
                body.reserve_capacity(STREAM_WINDOW);
                for _ in 0..30 {
                    client.world.settle().await;
                    let capacity = body.capacity();
                    if capacity > 0 {
                        body.send_data(Bytes::from(vec![7; capacity]), false).expect("an open window");
                        body.reserve_capacity(STREAM_WINDOW);
                    }
                }
                streams.push((response, body));
            }
            while client.world.net.accept().is_some() {}
            for (_, body) in &mut streams {
                body.send_reset(Reason::CANCEL);
            }
            drop(streams);
            client.world.settle().await;
            assert_eq!(client.world.in_flight(), 0, "{round}");
            while client.world.net.accept().is_some() {}
            let (response, mut body) = client.send(post("/after"), false);
            body.reserve_capacity(STREAM_WINDOW);
            client.world.settle().await;
            assert!(body.capacity() >= STREAM_WINDOW / 2, "{round}: {} bytes of window", body.capacity());
            body.send_data(Bytes::from_static(b"abc"), true).expect("an open window");
            client.backends.clear();
            assert!(client.asked().await.starts_with("POST /after "));
            client.backend().send(ONE.as_bytes());
            assert_eq!(rest(head(response).await).await.0, "1");
        }
    });
}

#[test]
fn what_comes_for_streams_that_are_over_is_credited() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        let fields = [(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "h")];
        let (mut credited, mut sent) = (0, 0);
        for stream in (1..40).step_by(2) {
            client.send(&frame(HEADERS, END_HEADERS, stream, &frames::fields(&fields)));
            world.settle().await;
            let (_, backend) = world.net.accept().expect("a backend is asked");
            backend.send(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            world.settle().await;
            // More than the connection's window in all, after the responses: half of it after the resets, too.
            for late in [false, true] {
                if late {
                    world.pass(std::time::Duration::from_millis(1_200)).await;
                }
                for _ in 0..4 {
                    client.send(&frame(0, 0, stream, &[7; 16_000]));
                    sent += 16_000;
                }
                world.settle().await;
                let mut received = client.receive();
                for frame in take_frames(&mut received) {
                    if frame.kind == frames::WINDOW_UPDATE && frame.stream == 0 {
                        credited += u32::from_be_bytes(frame.payload.try_into().expect("a number"));
                    }
                }
            }
        }
        assert!(sent > 2 << 20 && !client.has_ended());
        // The first window update makes the window what it is.
        let window = (1 << 20) - 65_535;
        assert!(credited + (512 << 10) >= window + sent, "{credited} of {sent} bytes and {window} of window");
        client.send(&frames::get(41));
        world.settle().await;
        let (_, backend) = world.net.accept().expect("a backend is asked");
        backend.send(ONE.as_bytes());
        world.settle().await;
        let mut received = client.receive();
        let frames = take_frames(&mut received);
        assert!(frames.iter().any(|frame| frame.stream == 41 && frame.flags & END_STREAM != 0), "{frames:?}");
        assert!(!frames.iter().any(|frame| frame.stream == 41 && frame.kind == RST_STREAM), "{frames:?}");
    });
}

#[test]
fn a_response_larger_than_the_window_follows_a_request_with_trailers() {
    run(async {
        const LENGTH: usize = 300_000;
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, mut body) = client.send(post("/a"), false);
        body.send_data(Bytes::from_static(b"abc"), false).expect("an open window");
        body.send_trailers(HeaderMap::from_iter([(
            "x".parse().expect("a name"),
            HeaderValue::from_static("y"),
        )]))
        .expect("an open stream");
        assert!(client.asked().await.ends_with("\r\n3\r\nabc\r\n0\r\n\r\n"));
        let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        client.backend().send(&[large.as_bytes(), &[b'x'; LENGTH]].concat());
        assert_eq!(rest(head(response).await).await.0.len(), LENGTH);
    });
}
