//! Requests that a backend says it hasn't looked at.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use h2::Reason;
use harness::{Http2Backend, Proxy};

use super::frames::{self, Frame, Peer};
use super::{start, start_at};

/// Streams after which a connection leaves.
const STREAMS: usize = 50;
const CLIENTS: usize = 32;
const EACH: usize = 50;

/// What was served, and how often.
type Served = Arc<Mutex<HashMap<Vec<u8>, usize>>>;

/// Serves streams, and takes no more after [`STREAMS`].
fn serve_some(peer: &mut Peer, served: &Served, ignored: &AtomicUsize) {
    let mut bodies = HashMap::<u32, Vec<u8>>::new();
    let (mut begun, mut last) = (0, None);
    while let Some(frame) = peer.next() {
        let is_late = last.is_some_and(|last| frame.stream > last);
        match frame.kind {
            frames::HEADERS if is_late => {
                ignored.fetch_add(1, Ordering::SeqCst);
            }
            frames::HEADERS => {
                bodies.insert(frame.stream, Vec::new());
                begun += 1;
            }
            frames::DATA if !is_late => {
                if let Some(body) = bodies.get_mut(&frame.stream) {
                    body.extend(&frame.payload);
                }
            }
            _ => {}
        }
        // With the answer to the last one still to come.
        if begun == STREAMS && last.is_none() {
            last = Some(frame.stream);
            peer.go_away(frame.stream);
        }
        if frame.ends_stream()
            && !is_late
            && let Some(body) = bodies.remove(&frame.stream)
        {
            *served.lock().expect("no panic").entry(body).or_default() += 1;
            peer.answer(frame.stream, b"ok");
        }
        if last.is_some() && bodies.is_empty() {
            return peer.close();
        }
    }
}

/// Each client posts each of its numbers, and each is served once.
fn post_all(proxy: &Proxy, served: &Served) {
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut connection = proxy.client();
                for number in 0..EACH {
                    let body = format!("{client}-{number}");
                    let response = connection.post(&format!("/{body}"), body.as_bytes());
                    assert_eq!(response.status(), 200, "{body}: {response:?} {}", response.text());
                }
            });
        }
    });
    let served = served.lock().expect("no panic");
    assert_eq!(served.len(), CLIENTS * EACH, "none is lost");
    let twice: Vec<_> = served.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn none_is_lost_or_served_twice_by_a_backend_that_leaves_every_50_streams() {
    let (served, ignored) = (Served::default(), Arc::<AtomicUsize>::default());
    let (noted, late) = (Arc::clone(&served), Arc::clone(&ignored));
    let backend = frames::serve(move |mut peer| serve_some(&mut peer, &noted, &late));
    let proxy = start_at(&[backend.address()], "connect_timeout = '10s'");
    post_all(&proxy, &served);
    assert!(backend.connections() >= CLIENTS * EACH / STREAMS);
    assert!(ignored.load(Ordering::SeqCst) > 0, "some came too late");
}

#[test]
fn none_is_lost_or_served_twice_by_a_backend_that_refuses_each_once() {
    let (served, refused) = (Served::default(), Mutex::new(HashSet::new()));
    let noted = Arc::clone(&served);
    let mut settings = h2::server::Builder::new();
    // What is still on its way to a refused stream is no fault, however many there were.
    settings.max_concurrent_reset_streams(2 * CLIENTS * EACH);
    let backend = Http2Backend::start(&settings, move |mut exchange| {
        let refuses = refused.lock().expect("no panic").insert(exchange.request.uri().path().to_owned());
        let served = Arc::clone(&noted);
        async move {
            if refuses {
                return exchange.respond.send_reset(Reason::REFUSED_STREAM);
            }
            let (body, _) = exchange.read_body().await.expect("a body");
            *served.lock().expect("no panic").entry(body).or_default() += 1;
            exchange.answer("ok").await;
        }
    });
    let proxy = start(&[&backend], "");
    post_all(&proxy, &served);
    assert_eq!((backend.connections(), backend.heads().len()), (1, 2 * CLIENTS * EACH));
}

#[test]
fn one_that_always_refuses_is_asked_as_often_as_retries_are_allowed_and_then_others_are() {
    let refusing = || {
        Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
            exchange.respond.send_reset(Reason::REFUSED_STREAM);
        })
    };
    let (first, other) = (refusing(), Http2Backend::named("other"));
    let proxy = start(&[&first, &other], "ejection.enabled = false");
    for _ in 0..2 {
        assert_eq!(proxy.client().post("/", b"x").text(), "other");
    }
    assert_eq!(first.heads().len(), 3);

    for (attempts, asked) in [(0, 1), (1, 2), (10, 4)] {
        let alone = refusing();
        let proxy = start(&[&alone], &format!("retry.attempts = {attempts}"));
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.error_label()), (503, Some("stream-refused")));
        assert_eq!(alone.heads().len(), asked, "{attempts}");
    }
}

#[test]
fn what_is_not_kept_is_not_sent_again() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        exchange.read_body().await;
        exchange.respond.send_reset(Reason::REFUSED_STREAM);
    });
    let proxy = start(&[&backend], "[pool.test.retry]\nbody = '1KiB'");
    let response = proxy.client().post("/", &[b'x'; 2_000]);
    assert_eq!((response.status(), response.error_label()), (503, Some("stream-refused")));
    assert_eq!(backend.heads().len(), 1);
}

#[test]
fn another_reset_is_a_failure_that_only_safe_methods_get_over() {
    let failing = frames::serve(|mut peer| {
        while let Some(Frame { kind, stream, .. }) = peer.next() {
            if kind == frames::HEADERS {
                peer.send(frames::RST_STREAM, 0, stream, &2_u32.to_be_bytes());
            }
        }
    });
    let other = Http2Backend::named("other");
    let proxy = start_at(&[failing.address(), other.address()], "ejection.enabled = false");
    let (mut gets, mut posts) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        gets.push(proxy.client().get("/").status());
        posts.push(proxy.client().post("/", b"x").status());
    }
    assert_eq!(gets, [200; 4]);
    posts.sort_unstable();
    assert!(posts.contains(&502), "{posts:?}");
}
