//! How connections and streams end.

use std::time::Duration;

use h2::Reason;

use super::super::script::ONE;
use super::super::world::{Limits, World, run};
use super::frames::{self, GOAWAY, PREFACE, RST_STREAM, SETTINGS, frame, take_frames};
use super::{Client, get, head, post, rest};

#[test]
fn a_reset_cancels_what_was_begun() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, mut body) = client.send(post("/a"), false);
        assert!(client.asked().await.starts_with("POST /a "));
        body.send_reset(Reason::CANCEL);
        drop(response);
        client.world.settle().await;
        assert!(client.backend().has_ended() && client.world.in_flight() == 0);
        // Within its response.
        let (response, mut stream) = client.send(get("/b"), true);
        assert!(client.asked().await.starts_with("GET /b "));
        client.backend().send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        let response = head(response).await;
        stream.send_reset(Reason::CANCEL);
        drop(response);
        client.world.settle().await;
        assert!(client.backend().has_ended() && client.world.in_flight() == 0);
    });
}

#[test]
fn a_broken_response_never_looks_whole() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        for broken in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
            let (response, _) = client.send(get("/a"), true);
            assert!(client.asked().await.starts_with("GET /a "));
            client.backend().send(format!("HTTP/1.1 200 OK\r\n{broken}").as_bytes());
            let mut body = head(response).await.into_body();
            assert_eq!(body.data().await.expect("data").expect("data"), "abc");
            client.backends.clear();
            let error = body.data().await.expect("an end").expect_err("a bad one");
            assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        }
    });
}

#[test]
fn a_body_that_isnt_as_long_as_it_says_breaks_the_request_off() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let mut request = post("/a");
        request.headers_mut().insert("content-length", "100".parse().expect("a value"));
        let (response, mut body) = client.send(request, false);
        body.send_data("0123456789".into(), false).expect("an open window");
        assert!(client.asked().await.ends_with("0123456789"));
        body.send_trailers(
            [("x".parse().expect("a name"), "y".parse().expect("a value"))].into_iter().collect(),
        )
        .expect("an open stream");
        assert_eq!(response.await.expect_err("a fault").reason(), Some(Reason::PROTOCOL_ERROR));
        client.world.settle().await;
        assert!(client.backend().has_ended() && client.world.in_flight() == 0);
        let (response, _) = client.send(get("/b"), true);
        assert!(client.asked().await.starts_with("GET /b "));
        client.backend().send(ONE.as_bytes());
        assert_eq!(rest(head(response).await).await.0, "1");
    });
}

#[test]
fn a_drain_ends_a_connection_with_its_last_response() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, _) = client.send(get("/a"), true);
        assert!(client.asked().await.starts_with("GET /a "));
        client.world.drain.start();
        client.world.pass(Duration::from_secs(5)).await;
        assert_eq!(client.world.drain.connections(), 1);
        client.backend().send(ONE.as_bytes());
        assert_eq!(rest(head(response).await).await.0, "1");
        client.world.settle().await;
        assert_eq!(client.world.drain.connections(), 0);
    });
}

#[test]
fn a_client_that_does_not_close_is_left() {
    run(async {
        for (name, early) in [("a drain", true), ("silence", false)] {
            let world = World::new(Limits::one_backend());
            let client = world.connect();
            client.send(PREFACE);
            client.send(&frames::get(1));
            world.settle().await;
            world.net.accept().expect("a backend is asked").1.send(ONE.as_bytes());
            world.settle().await;
            let mut received = client.receive();
            assert!(take_frames(&mut received).iter().any(|frame| frame.stream == 1), "{name}");
            if early {
                world.drain.start();
            } else {
                world.pass(Duration::from_secs(61)).await;
            }
            world.settle().await;
            // First it is told to send no more, then what was the last.
            let last_streams = |received: &mut Vec<u8>| -> Vec<Vec<u8>> {
                let frames = take_frames(received).into_iter();
                frames.filter(|frame| frame.kind == GOAWAY).map(|frame| frame.payload).collect()
            };
            let mut received = client.receive();
            assert_eq!(last_streams(&mut received), [[0x7f, 255, 255, 255, 0, 0, 0, 0]], "{name}");
            assert!(!client.has_ended(), "{name}");
            world.pass(Duration::from_millis(1_200)).await;
            let mut received = client.receive();
            assert_eq!(last_streams(&mut received), [[0, 0, 0, 1, 0, 0, 0, 0]], "{name}");
            assert!(client.has_ended(), "{name}");
            // What it still sends is taken in for a while.
            world.pass(Duration::from_millis(1_200)).await;
            assert_eq!(world.drain.connections(), 0, "{name}");
        }
    });
}

#[test]
fn a_connection_ends_after_its_last_request() {
    run(async {
        let mut limits = Limits::one_backend();
        limits.downstream.keepalive_requests = 2;
        let mut client = Client::new(limits).await;
        for _ in 0..2 {
            let (response, _) = client.send(get("/a"), true);
            assert!(client.asked().await.starts_with("GET /a "));
            client.backend().send(ONE.as_bytes());
            assert_eq!(rest(head(response).await).await.0, "1");
        }
        client.world.settle().await;
        assert_eq!(client.world.drain.connections(), 0);
    });
}

#[test]
fn a_preface_may_come_in_pieces_and_has_its_time() {
    run(async {
        for split in 1..24 {
            let world = World::new(Limits::one_backend());
            let client = world.connect();
            client.send(&PREFACE[..split]);
            world.pass(Duration::from_secs(1)).await;
            assert!(client.receive().is_empty() && !client.has_ended());
            client.send(&PREFACE[split..]);
            client.send(&frames::get(1));
            world.settle().await;
            assert!(world.net.accept().is_some(), "{split}");
        }
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(b"PRI");
        world.pass(Duration::from_secs(12)).await;
        assert!(client.receive().starts_with(b"HTTP/1.1 408 ") && client.has_ended());
        let client = world.connect();
        client.send(b"PRI * HTTP/2.0\r\n\r\nsm\r\n\r\n");
        world.settle().await;
        assert!(client.receive().starts_with(b"HTTP/1.1 505 "));
    });
}

#[test]
fn windows_that_stay_shut_end_their_stream() {
    run(async {
        for trickle in [false, true] {
            let world = World::new(Limits::one_backend());
            let client = world.connect();
            client.send(&PREFACE[..24]);
            // An initial window of 0.
            client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
            client.send(&frames::get(1));
            world.settle().await;
            let (_, backend) = world.net.accept().expect("a backend is asked");
            backend.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{:9999}", "").as_bytes());
            let mut received = Vec::new();
            for second in 0..70 {
                world.pass(Duration::from_secs(1)).await;
                received.extend(client.receive());
                if trickle && second % 5 == 0 {
                    client.send(&frame(frames::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]));
                }
            }
            let frames = take_frames(&mut received);
            let resets: Vec<_> = frames.iter().filter(|frame| frame.kind == RST_STREAM).collect();
            assert!(resets.len() == 1 && resets[0].reason() == Some(8), "{trickle}: {frames:?}");
            assert!(world.in_flight() == 0 && backend.has_ended());
        }
    });
}

#[test]
fn a_connection_ends_at_its_age() {
    run(async {
        let limits = || {
            let mut limits = Limits::one_backend();
            limits.downstream.max_connection_age = Duration::from_secs(30);
            limits
        };
        // Also while a stream goes on.
        let mut client = Client::new(limits()).await;
        client.world.pass(Duration::from_secs(9)).await;
        let (response, _) = client.send(get("/a"), true);
        assert!(client.asked().await.starts_with("GET /a "));
        client.world.pass(Duration::from_secs(16)).await;
        let (second, _) = client.send(get("/b"), true);
        assert!(client.asked().await.starts_with("GET /b "));
        client.world.pass(Duration::from_secs(10)).await;
        assert!(std::future::poll_fn(|cx| client.sender.poll_ready(cx)).await.is_err());
        for (backend, response) in client.backends.iter().zip([response, second]) {
            backend.send(ONE.as_bytes());
            assert_eq!(rest(head(response).await).await.0, "1");
        }
        client.world.settle().await;
        assert_eq!(client.world.drain.connections(), 0);
        // In HTTP/1, with the next response.
        let world = World::new(limits());
        let client = world.connect();
        let mut backend = None;
        for (seconds, closes) in [(0, false), (25, false), (9, true)] {
            world.pass(Duration::from_secs(seconds)).await;
            client.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
            world.settle().await;
            backend
                .get_or_insert_with(|| world.net.accept().expect("a backend is asked").1)
                .send(ONE.as_bytes());
            world.settle().await;
            let received = String::from_utf8(client.receive()).expect("text");
            assert_eq!(received.contains("\r\nconnection: close\r\n"), closes, "{seconds}: {received}");
        }
    });
}

#[test]
fn an_early_response_is_taken_before_its_request_is_reset() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        let fields =
            frames::fields(&[(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "h")]);
        client.send(&frame(frames::HEADERS, frames::END_HEADERS, 1, &fields));
        client.send(&frame(0, 0, 1, &[7; 1000]));
        world.settle().await;
        let (_, backend) = world.net.accept().expect("a backend is asked");
        backend.send(b"HTTP/1.1 413 No\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1");
        world.settle().await;
        let of_stream = |received: Vec<u8>| -> Vec<(u8, Option<u32>)> {
            let mut received = received;
            let frames = take_frames(&mut received).into_iter().filter(|frame| frame.stream == 1);
            frames
                .map(|frame| (frame.kind, frame.reason()))
                .filter(|(kind, _)| *kind != frames::WINDOW_UPDATE)
                .collect()
        };
        assert_eq!(of_stream(client.receive()), [(frames::HEADERS, None), (0, None)]);
        client.send(&frame(0, 0, 1, &[7; 1000]));
        world.pass(Duration::from_millis(900)).await;
        assert_eq!(of_stream(client.receive()), []);
        world.pass(Duration::from_millis(300)).await;
        assert_eq!(of_stream(client.receive()), [(RST_STREAM, Some(0))]);
        assert!(!client.has_ended() && world.in_flight() == 0);
    });
}

#[test]
fn who_goes_on_after_a_goaway_is_refused() {
    run(async {
        for busy in [false, true] {
            let mut limits = Limits::one_backend();
            limits.downstream.keepalive_requests = 2;
            let world = World::new(limits);
            let client = world.connect();
            client.send(PREFACE);
            let (mut stream, mut asked, mut refused) = (1, 0, 0);
            let mut backends = Vec::new();
            while !client.has_ended() && stream < 400 {
                client.send(&frames::get(stream));
                stream += 2;
                world.pass(Duration::from_millis(50)).await;
                while let Some((_, backend)) = world.net.accept() {
                    backends.push(backend);
                }
                for (number, backend) in backends.iter().enumerate() {
                    if !backend.receive().is_empty() {
                        asked += 1;
                        if !busy || number > 0 || stream > 200 {
                            backend.send(ONE.as_bytes());
                        }
                    } else if stream == 301 && number == 0 {
                        backend.send(ONE.as_bytes());
                    }
                }
                world.settle().await;
                let mut received = client.receive();
                let resets = take_frames(&mut received).into_iter().filter(|frame| frame.kind == RST_STREAM);
                refused += resets.filter(|frame| frame.reason() == Some(7)).count();
            }
            assert!(client.has_ended() && world.in_flight() == 0, "{busy}: {stream}");
            assert!((3..40).contains(&asked) && refused > 10, "{busy}: {asked} {refused}");
        }
    });
}

#[test]
fn a_client_without_a_request_is_among_those_that_make_room() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(PREFACE);
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.parked(), 1);
        client.send(&frames::get(1));
        world.settle().await;
        assert_eq!(world.parked(), 0);
        world.net.accept().expect("a backend is asked").1.send(ONE.as_bytes());
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.parked(), 1);
    });
}
