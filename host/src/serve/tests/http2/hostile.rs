//! Clients that mean no good.

use std::time::Duration;

use super::super::world::{Limits, World, run};
use super::frames::{
    self, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, frame, take_frames,
};

#[test]
fn early_resets_are_few_or_slow() {
    run(async {
        // A browser cancels a page's requests together.
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        let mut stream = 1;
        for _ in 0..5 {
            for _ in 0..100 {
                client.send(&frames::get(stream));
                client.send(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
                stream += 2;
            }
            world.pass(Duration::from_secs(10)).await;
            let mut received = client.receive();
            assert!(!take_frames(&mut received).iter().any(|frame| frame.kind == GOAWAY));
            assert_eq!(world.in_flight(), 0);
        }
        // One after the other, each time as soon as the backend is asked.
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        let (mut asked, mut stream) = (0, 1);
        while !client.has_ended() && stream < 10_000 {
            client.send(&frames::get(stream));
            world.settle().await;
            client.send(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            world.pass(Duration::from_millis(5)).await;
            while world.net.accept().is_some() {
                asked += 1;
            }
            stream += 2;
        }
        let mut received = client.receive();
        let last = take_frames(&mut received).pop().expect("a farewell");
        assert_eq!((last.kind, last.reason()), (GOAWAY, Some(11)));
        assert!((200..300).contains(&asked), "backends were asked {asked} times");
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(world.drain.connections(), 0);
    });
}

#[test]
fn thousands_of_fields_of_one_byte_are_refused() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        let mut fields =
            frames::fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h")]);
        // `accept-encoding: gzip, deflate` of the static table (RFC 7541 appendix A).
        fields.extend([0x90; 4_000]);
        for stream in 0..100 {
            client.send(&frame(HEADERS, END_STREAM | END_HEADERS, 2 * stream + 1, &fields));
        }
        world.settle().await;
        let mut received = client.receive();
        let frames = take_frames(&mut received);
        assert!(frames.iter().any(|frame| frame.kind == HEADERS), "{frames:?}");
        assert!(world.net.accept().is_none() && world.in_flight() == 0);
    });
}

#[test]
fn connects_end_on_their_streams() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        client.send(&frames::get(1));
        world.settle().await;
        let connect = |stream, more: &[(&'static str, &'static str)]| {
            let all = [&[(":method", "CONNECT"), (":authority", "h:443")][..], more].concat();
            frame(HEADERS, END_HEADERS, stream, &frames::fields(&all))
        };
        client.send(&connect(3, &[]));
        client.send(&connect(5, &[("content-length", "5")]));
        client.send(&connect(7, &[(":protocol", "connect-udp"), (":scheme", "http"), (":path", "/")]));
        world.settle().await;
        let mut received = client.receive();
        let frames = take_frames(&mut received);
        for stream in [3, 5, 7] {
            assert!(frames.iter().any(|frame| frame.stream == stream), "{stream}: {frames:?}");
        }
        assert!(!frames.iter().any(|frame| frame.kind == GOAWAY), "{frames:?}");
        let (_, backend) = world.net.accept().expect("a backend is asked");
        backend.send(super::super::script::ONE.as_bytes());
        world.settle().await;
        let mut received = client.receive();
        assert!(take_frames(&mut received).iter().any(|frame| frame.stream == 1 && frame.kind == HEADERS));
        assert!(world.net.accept().is_none());
    });
}
