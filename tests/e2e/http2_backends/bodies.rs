//! Bodies and trailers, both ways.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::Builder;
use harness::{Http2Backend, send_body, sleep, wait_until};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::sync::Semaphore;

use super::start;

const LARGE: usize = 16 << 20;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place % 251).expect("a byte")).collect()
}

#[test]
fn large_bodies_pass_whole_both_ways() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        let (body, _) = exchange.read_body().await.expect("a body");
        exchange.answer(&body).await;
    });
    let proxy = start(&[&backend], "");
    let body = pattern(LARGE);
    assert!(proxy.client().post("/", &body).body == body);

    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(100_000) {
        client.send(format!("{:x}\r\n", chunk.len())).send(chunk).send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert!(client.response("POST").body == body);
    let fields = |place: usize| {
        let head = &backend.heads()[place];
        [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING]
            .map(|name| head.headers().contains_key(name))
    };
    assert_eq!([fields(0), fields(1)], [[true, false], [false, false]]);
}

#[test]
fn trailers_pass_both_ways() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        let (_, trailers) = exchange.read_body().await.expect("a body");
        let mut names: Vec<_> = trailers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let head = Response::builder().header("trailer", "x-sum").body(()).expect("a head");
        let stream = exchange.respond.send_response(head, false).expect("a response");
        let sum = HeaderMap::from_iter([("x-sum".parse().expect("a name"), HeaderValue::from_static("42"))]);
        send_body(stream, names.join(",").as_bytes(), Some(sum)).await;
    });
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-A, X-Forwarded-For, Content-Type\r\n\r\n\
         1\r\nx\r\n0\r\nX-A: 1\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Type: a/b\r\nAuthorization: x\r\n\r\n",
    );
    let response = client.response("POST");
    assert_eq!((response.text().as_str(), response.whole), ("x-a", true));
    let trailers: Vec<_> =
        response.trailers.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    assert_eq!(trailers, [("x-sum".to_owned(), "42")]);
}

#[test]
fn trailers_that_are_too_large_never_look_whole() {
    // `h2` cuts those from some size on without a word: in the middle, or with nothing left.
    for (before, large) in [(1, 30_000), (1, 80_000), (0, 300_000), (1, 300_000), (1, 400_000)] {
        let backend = Http2Backend::start(&Builder::new(), move |mut exchange| async move {
            let _ = exchange.read_body().await;
            let head = Response::builder().header("trailer", "x-first, x-large, x-last").body(());
            let head = head.expect("a head");
            let stream = exchange.respond.send_response(head, false).expect("a response");
            let mut trailers = HeaderMap::new();
            if before > 0 {
                trailers.insert("x-first", HeaderValue::from_static("0"));
            }
            trailers.insert("x-large", "a".repeat(large).parse().expect("a value"));
            trailers.insert("x-last", HeaderValue::from_static("1"));
            send_body(stream, b"body", Some(trailers)).await;
        });
        let proxy = start(&[&backend], "");
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
        let response = client.response("GET");
        let fits = large < 65_536;
        assert_eq!((response.text().as_str(), response.whole), ("body", fits), "{before} {large}");
        if fits {
            let names: Vec<_> = response.trailers.iter().map(|(name, _)| name.to_lowercase()).collect();
            assert_eq!(names, ["x-first", "x-large", "x-last"]);
        }
        // Its neighbours don't notice.
        assert_eq!(backend.connections(), 1);
        assert_eq!(proxy.client().get("/").status(), 200);
        assert_eq!(backend.connections(), 1, "{before} {large}");
    }
}

#[test]
fn a_body_that_waits_for_permission_gets_it_from_the_backend() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        assert_eq!(exchange.request.headers()["expect"], "100-continue");
        if exchange.request.uri().path() == "/no" {
            let head = Response::builder().status(StatusCode::EXPECTATION_FAILED).body(()).expect("a head");
            exchange.respond.send_response(head, true).expect("a response");
            return;
        }
        let early = Response::builder().status(103).body(()).expect("a head");
        exchange.respond.send_informational(early).expect("early hints");
        if exchange.request.uri().path() == "/yes" {
            let permission = Response::builder().status(StatusCode::CONTINUE).body(()).expect("a head");
            exchange.respond.send_informational(permission).expect("the permission");
        }
        let (body, _) = exchange.read_body().await.expect("a body");
        exchange.answer(&body).await;
    });
    let proxy = start(&[&backend], "");
    for target in ["/yes", "/silent"] {
        let mut client = proxy.client();
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        ));
        assert_eq!(client.response("POST").status(), 100, "after a second, if the backend says nothing");
        client.send("body");
        assert_eq!(client.response("POST").text(), "body");
    }
    let mut client = proxy.client();
    client.send("POST /no HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.response("POST").status(), 417);
}

#[test]
fn a_response_may_come_before_the_request_is_whole() {
    let gate = Arc::new(Semaphore::new(0));
    let waited = Arc::clone(&gate);
    let backend = Http2Backend::start(&Builder::new(), move |mut exchange| {
        let gate = Arc::clone(&waited);
        async move {
            if exchange.request.uri().path() == "/refused" {
                // Reads nothing; the rest is of no interest.
                let head =
                    Response::builder().status(413).header("content-length", 0).body(()).expect("a head");
                exchange.respond.send_response(head, true).expect("a response");
                return;
            }
            let head = Response::builder().body(()).expect("a head");
            let mut stream = exchange.respond.send_response(head, false).expect("a response");
            stream.send_data(Bytes::from_static(b"early "), false).expect("a part");
            let (body, _) = exchange.read_body().await.expect("a body");
            gate.add_permits(1);
            stream.send_data(body.into(), true).expect("the rest");
        }
    });
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n");
    let head = client.read_exactly(17);
    assert_eq!(head, b"HTTP/1.1 200 OK\r\n");
    client.send("late");
    let mut rest = Vec::new();
    while !rest.ends_with(b"0\r\n\r\n") {
        rest.extend(client.read_exactly(1));
    }
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("early ") && rest.contains("late"), "{rest}");

    let mut client = proxy.client();
    client.send("POST /refused HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n");
    assert_eq!(client.response("POST").status(), 413);
    assert_eq!(backend.connections(), 1);
}

#[test]
fn what_is_cut_off_never_looks_whole() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        let path = exchange.request.uri().path().to_owned();
        let mut head = Response::builder();
        if path != "/reset" {
            head = head.header("content-length", 100);
        }
        let head = head.body(()).expect("a head");
        let mut stream = exchange.respond.send_response(head, false).expect("a response");
        stream.send_data(Bytes::from_static(b"10 bytes.."), path == "/short").expect("a part");
        if path == "/short" {
            return;
        }
        // Not before the proxy has the part.
        stream.reserve_capacity(1);
        let _ = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        stream.send_reset(h2::Reason::CANCEL);
    });
    let proxy = start(&[&backend], "");
    for target in ["/short", "/reset", "/both"] {
        let mut client = proxy.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let answer = client.try_response("GET");
        let looks_whole = matches!(&answer, Ok(Some(response)) if response.whole && response.status() == 200);
        assert!(!looks_whole, "{target}: {answer:?}");
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_client_that_breaks_its_body_off_cancels_its_stream() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        assert!(exchange.read_body().await.is_none(), "it never looks whole");
    });
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
    wait_until("it has come", || backend.open_streams() == 1);
    drop(client);
    wait_until("it is cancelled", || backend.open_streams() == 0);
    assert_eq!(backend.open_connections(), 1);
}

#[test]
fn a_backend_may_be_silent_while_the_client_talks() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        let head = Response::builder().body(()).expect("a head");
        let stream = exchange.respond.send_response(head, false).expect("a response");
        let (body, _) = exchange.read_body().await.expect("a body");
        send_body(stream, &body, None).await;
    });
    let proxy = start(&[&backend], "idle_timeout = '500ms'");
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 12\r\n\r\n");
    for _ in 0..12 {
        client.send("x");
        // Far longer than `idle_timeout` in all, and far less from one to the next.
        sleep(Duration::from_millis(100));
    }
    assert_eq!(client.response("POST").text(), "xxxxxxxxxxxx");

    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nx");
    assert!(!client.response("POST").whole, "nobody talks");
}

#[test]
fn stalled_uploads_stop_no_other() {
    let backend = Http2Backend::start(&Builder::new(), |mut exchange| async move {
        let (body, _) = exchange.read_body().await.expect("a body");
        exchange.answer(&body).await;
    });
    let proxy = start(&[&backend], "");
    let stalled: Vec<_> = (0..20)
        .map(|_| {
            let mut client = proxy.client();
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nx");
            client
        })
        .collect();
    wait_until("all are there", || backend.open_streams() == 20);
    let body = pattern(1 << 20);
    assert!(proxy.client().post("/", &body).body == body);
    assert_eq!(backend.connections(), 1);
    drop(stalled);
}
