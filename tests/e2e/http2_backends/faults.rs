//! Backends that don't do what HTTP/2 says, or nothing at all.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Backend, Http2Backend, nobody, wait_until};

use super::frames::{self, Frame};
use super::start_at;

#[test]
fn one_that_never_sends_its_settings_gets_nothing() {
    let silent =
        frames::accept(|mut socket| while socket.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0) {});
    let proxy = start_at(&[silent.address()], "connect_timeout = '100ms'");
    let response = proxy.client().post("/", b"x");
    assert_eq!((response.status(), response.error_label()), (504, Some("connect-timeout")));

    let good = Http2Backend::named("good");
    let proxy = start_at(&[silent.address(), good.address()], "connect_timeout = '100ms'");
    for _ in 0..4 {
        assert_eq!(proxy.client().post("/", b"x").text(), "good");
    }
}

#[test]
fn one_that_speaks_http1_gets_nothing() {
    let wrong = Backend::named("HTTP/1");
    let proxy = start_at(&[wrong.address()], "");
    let response = proxy.client().post("/", b"x");
    assert_eq!((response.status(), response.error_label()), (502, Some("not-http2")));
    let line = proxy.log.wait_for("backend-protocol-failed");
    assert_eq!(line.field("backend"), Some("b0"));
    assert!(wrong.requests().iter().all(|request| request.method() != "POST"), "nothing of the request");

    let good = Http2Backend::named("good");
    let proxy = start_at(&[wrong.address(), good.address()], "");
    for _ in 0..4 {
        assert_eq!(proxy.client().post("/", b"x").text(), "good");
    }
}

#[test]
fn what_fails_for_one_fails_for_all_that_wait() {
    // Accepts nothing: all wait for the one that connects.
    let proxy = start_at(&[nobody()], "");
    let mut clients = super::asking(&proxy, 20, "/");
    for client in &mut clients {
        let response = client.response("GET");
        assert_eq!((response.status(), response.error_label()), (503, Some("connect-failed")));
    }
}

#[test]
fn one_that_falls_silent_gets_no_more_on_that_connection() {
    let backend = frames::serve(|mut peer| {
        while let Some(Frame { kind, stream, .. }) = peer.next() {
            if kind == frames::HEADERS && stream > 1 {
                return peer.wait_for_close();
            } else if kind == frames::HEADERS {
                peer.answer(stream, b"the first");
            }
        }
    });
    let proxy = start_at(&[backend.address()], "response_timeout = '100ms'\n[pool.test.retry]\nattempts = 0");
    for number in 1..=3 {
        assert_eq!(proxy.client().get("/").text(), "the first");
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.error_label()), (504, Some("response-timeout")));
        assert_eq!(backend.connections(), number);
    }
}

#[test]
fn one_that_is_no_longer_needed_is_told() {
    let told = Arc::<AtomicBool>::default();
    let heard = Arc::clone(&told);
    let backend = frames::serve(move |mut peer| {
        while let Some(Frame { kind, stream, payload, .. }) = peer.next() {
            match kind {
                frames::HEADERS => peer.answer(stream, b""),
                frames::GOAWAY => heard.store(payload[4..8] == [0; 4], Ordering::SeqCst),
                _ => {}
            }
        }
    });
    let proxy = start_at(&[backend.address()], "idle_connection_timeout = '100ms'");
    assert_eq!(proxy.client().get("/").status(), 200);
    wait_until("it is told without an error", || told.load(Ordering::SeqCst));
}

#[test]
fn timeouts_are_those_of_http1() {
    let slow = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        if exchange.request.uri().path() == "/part" {
            let head = http::Response::builder().header("content-length", 9).body(()).expect("a head");
            let mut stream = exchange.respond.send_response(head, false).expect("a response");
            stream.send_data("part".into(), false).expect("a part");
            let _ = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
        } else {
            let _ = std::future::poll_fn(|cx| exchange.respond.poll_reset(cx)).await;
        }
    });
    let good = Http2Backend::named("good");
    let addresses = [slow.address(), good.address()];
    let per_try = start_at(&addresses, "ejection.enabled = false\nretry.per_try_timeout = '100ms'");
    let mut client = per_try.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").text(), "good");
    }
    let cut = |pool: &str, target: &str| {
        let proxy = start_at(&addresses[..1], pool);
        let response = proxy.client().get(target);
        (response.status(), response.error_label().map(str::to_owned), response.whole)
    };
    let label = |label: &str| Some(label.to_owned());
    assert_eq!(cut("response_timeout = '100ms'", "/"), (504, label("response-timeout"), true));
    assert_eq!(cut("total_timeout = '100ms'", "/"), (504, label("total-timeout"), true));
    assert_eq!(cut("total_timeout = '100ms'", "/part"), (200, None, false));
    assert_eq!(cut("idle_timeout = '100ms'", "/part"), (200, None, false));
    wait_until("all are cancelled", || slow.open_streams() == 0);
}

#[test]
fn one_that_breaks_the_rules_fails_what_is_on_its_connection() {
    let backend = frames::serve(|mut peer| {
        while let Some(Frame { kind, stream, .. }) = peer.next() {
            match (kind, stream) {
                (frames::HEADERS, 1) => peer.answer(1, b"good"),
                // DATA without a head.
                (frames::HEADERS, _) => peer.send(frames::DATA, frames::END_STREAM, stream, b"bad"),
                (frames::GOAWAY, _) => return,
                _ => {}
            }
        }
    });
    let proxy = start_at(&[backend.address()], "");
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "good");
    let response = client.get("/");
    assert_eq!((response.status(), response.error_label()), (502, Some("bad-response")));
}

#[test]
fn interim_responses_without_end_are_cut_off() {
    let backend = frames::serve(|mut peer| {
        while let Some(Frame { kind, stream, .. }) = peer.next() {
            if kind != frames::HEADERS {
                continue;
            }
            // `:status 103` as a literal, which the static table doesn't have.
            let block = [&[0x08, 3][..], b"103"].concat();
            for _ in 0..2_000 {
                peer.send(frames::HEADERS, frames::END_HEADERS, stream, &block);
            }
        }
    });
    let proxy = start_at(&[backend.address()], "");
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (502, Some("too-many-interim-responses")));
}

#[test]
fn what_comes_before_the_settings_is_an_end_as_any_other() {
    let closing = frames::accept(|mut socket| {
        let _ = socket.read(&mut [0; 4096]);
    });
    let proxy = start_at(&[closing.address()], "");
    let response = proxy.client().post("/", b"x");
    assert_eq!((response.status(), response.error_label()), (503, Some("connect-failed")));
    let failed = proxy.log.wait_for("request-failed");
    assert!(failed.to_string().contains("before it had sent its settings"), "{failed}");

    for first in [&b"\x00\x00\x00\x07\x00\x00\x00\x00\x00"[..], b"junk that is longer than a frame's head"] {
        let backend = frames::accept(move |mut socket| {
            let _ = socket.write_all(first);
            // What is unread would reset the connection.
            let _ = std::io::copy(&mut socket, &mut std::io::sink());
        });
        let proxy = start_at(&[backend.address()], "");
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.error_label()), (502, Some("not-http2")));
        wait_until("it is told", || !proxy.log.events("backend-protocol-failed").is_empty());
    }
}
