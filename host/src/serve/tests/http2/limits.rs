//! The limit of a request's body in HTTP/2: that of the narrowest place, and for one stream only.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::super::world::{Limits, run};
use super::{Client, get, head, post, rest};
use crate::testing::MemoryStream;

/// A limit of 8 bytes, and one of 4 below `/small`.
fn limits() -> Limits {
    const ROUTES: &str =
        "[[route]]\nprefix = '/small'\npool = 'web'\nmax_body = '4B'\n[[route]]\npool = 'web'";
    let mut limits = Limits { routes: ROUTES, ..Limits::one_backend() };
    limits.downstream.max_body = 8;
    limits
}

/// The connection serves other requests.
async fn serves_on(client: &mut Client) {
    let (response, _) = client.send(get("/next"), true);
    assert!(client.asked().await.starts_with("GET /next "));
    MemoryStream::send(client.backend(), b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    assert_eq!(rest(head(response).await).await.0, "1");
}

#[test]
fn a_body_that_says_that_it_is_too_large_is_asked_for_by_nobody() {
    run(async {
        let mut client = Client::new(limits()).await;
        for (path, length) in [("/small", "5"), ("/", "9")] {
            let mut request = post(path);
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static(length));
            let (response, _body) = client.send(request, false);
            let response = head(response).await;
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
            assert_eq!(response.headers()["x-pointsman-error"], "body-too-large");
            assert_eq!(client.asked().await, "");
        }
        // Its length shows, as it is whole.
        let (response, mut body) = client.send(post("/small"), false);
        body.send_data(Bytes::from_static(b"abcde"), true).expect("an open window");
        assert_eq!(head(response).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(client.asked().await, "");
        serves_on(&mut client).await;
    });
}

#[test]
fn a_body_that_turns_out_too_large_is_broken_off() {
    run(async {
        let mut client = Client::new(limits()).await;
        let (response, mut body) = client.send(post("/small"), false);
        assert!(client.asked().await.starts_with("POST /small "));
        body.send_data(Bytes::from_static(b"abcd"), false).expect("an open window");
        assert_eq!(client.asked().await, "4\r\nabcd\r\n");
        body.send_data(Bytes::from_static(b"e"), false).expect("an open window");
        assert_eq!(head(response).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        serves_on(&mut client).await;
    });
}

#[test]
fn a_call_is_told_by_its_own_status() {
    run(async {
        let mut client = Client::new(limits()).await;
        let mut request = post("/small");
        for (name, value) in [("te", "trailers"), ("content-type", "application/grpc")] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let (response, mut body) = client.send(request, false);
        body.send_data(Bytes::from_static(b"abcde"), false).expect("an open window");
        let response = head(response).await;
        assert_eq!(
            (response.status(), &response.headers()["grpc-status"]),
            (StatusCode::OK, &"8".parse().unwrap())
        );
        serves_on(&mut client).await;
    });
}

#[test]
fn trailers_that_are_too_large_never_look_whole() {
    run(async {
        let mut client = Client::new(limits()).await;
        for large in [70_000, 140_000] {
            let (response, mut body) = client.send(post("/"), false);
            assert!(client.asked().await.starts_with("POST / "));
            let mut trailers = HeaderMap::new();
            trailers.insert("x-first", HeaderValue::from_static("0"));
            trailers.insert("x-large", "a".repeat(large).parse().expect("a value"));
            trailers.insert("x-last", HeaderValue::from_static("1"));
            body.send_trailers(trailers).expect("an open stream");
            let response = head(response).await;
            assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{large}");
            assert_eq!(response.headers()["x-pointsman-error"], "head-too-large", "{large}");
            assert!(!client.asked().await.contains("0\r\n"), "{large}: its end got through");
            serves_on(&mut client).await;
        }
    });
}
