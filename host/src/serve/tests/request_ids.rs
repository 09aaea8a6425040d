//! The id of a request, from its client to its backend and back.

use std::time::Duration;

use super::script::{GET, ONE};
use super::world::{Limits, World, run};
use crate::config::RequestIdUse;
use crate::testing::MemoryStream;

/// A request that has an id.
const WITH_ID: &str = "GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: theirs\r\n\r\n";

/// The ids in a message.
fn ids(message: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(message).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).map(str::to_owned).collect()
}

/// The one id in a message, which must be one that the proxy has made.
fn made(message: &[u8]) -> String {
    let ids = ids(message);
    let is_made = ids.len() == 1 && ids[0].len() == 32 && ids[0].bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_made, "{ids:?}");
    ids[0].clone()
}

fn limits(request_id: RequestIdUse, trusted: bool) -> Limits {
    Limits { trusted, ..Limits::with_ids(request_id) }
}

/// What a request's backend and then its client get; the backend answers with an id of its own.
async fn exchange(world: &World, client: &MemoryStream, request: &str) -> [Vec<u8>; 2] {
    client.send(request.as_bytes());
    world.settle().await;
    let (_, backend) = world.net.accept().expect("a backend is asked");
    let asked = backend.receive();
    backend
        .send(b"HTTP/1.1 200 OK\r\nX-Request-Id: backend\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    world.settle().await;
    [asked, client.receive()]
}

#[test]
fn backend_and_client_get_the_same_id() {
    run(async {
        for (request, use_, trusted) in [
            (GET, RequestIdUse::Pass, false),
            (GET, RequestIdUse::Pass, true),
            (WITH_ID, RequestIdUse::Pass, false),
            (WITH_ID, RequestIdUse::Replace, true),
            ("GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b\r\n\r\n", RequestIdUse::Pass, true),
            // It can't be named away.
            ("GET /a HTTP/1.1\r\nHost: h\r\nConnection: x-request-id\r\n\r\n", RequestIdUse::Pass, false),
        ] {
            let world = World::new(limits(use_, trusted));
            let client = world.connect();
            let [asked, answered] = exchange(&world, &client, request).await;
            let first = made(&asked);
            assert_eq!(first, made(&answered));
            let [asked, _] = exchange(&world, &client, request).await;
            assert_ne!(first, made(&asked), "each request has its own");
        }
    });
}

#[test]
fn an_id_that_counts_passes_and_without_ids_it_is_a_field_like_others() {
    run(async {
        let world = World::new(limits(RequestIdUse::Pass, true));
        let [asked, answered] = exchange(&world, &world.connect(), WITH_ID).await;
        assert_eq!((ids(&asked), ids(&answered)), (vec!["theirs".to_owned()], vec!["theirs".to_owned()]));
        let world = World::new(limits(RequestIdUse::Off, true));
        let [asked, answered] = exchange(&world, &world.connect(), WITH_ID).await;
        assert_eq!((ids(&asked), ids(&answered)), (vec!["theirs".to_owned()], vec!["backend".to_owned()]));
    });
}

#[test]
fn what_the_proxy_itself_answers_has_an_id() {
    run(async {
        let world = World::new(limits(RequestIdUse::Pass, true));
        let client = world.connect();
        // Refused by the gate, before there is a head.
        client.send(b"GET /a HTTP/1.1\r\n\r\n");
        world.settle().await;
        let answered = client.receive();
        assert!(answered.starts_with(b"HTTP/1.1 400 "));
        made(&answered);
        let client = world.connect();
        client.send(b"GET /a HTTP/1.1\r\nHost: h\r\nVia: 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman, 1.1 pointsman\r\nX-Request-Id: theirs\r\n\r\n");
        world.settle().await;
        let answered = client.receive();
        assert!(answered.starts_with(b"HTTP/1.1 508 "), "{}", String::from_utf8_lossy(&answered));
        assert_eq!(ids(&answered), ["theirs"]);
    });
}

#[test]
fn all_attempts_have_one_id() {
    run(async {
        let world = World::new(Limits::with_ids(RequestIdUse::Pass));
        let client = world.connect();
        client.send(GET.as_bytes());
        world.settle().await;
        let (_, first) = world.net.accept().expect("a backend is asked");
        let id = made(&first.receive());
        drop(first);
        world.pass(Duration::from_millis(500)).await;
        let (_, second) = world.net.accept().expect("another backend is asked");
        assert_eq!(made(&second.receive()), id);
        second.send(ONE.as_bytes());
        world.settle().await;
        assert_eq!(made(&client.receive()), id);
    });
}
