//! Checks over HTTP/2 of servers that answer in all sorts of ways.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{GrpcCheckConfig, HttpCheckConfig};
use crate::health::check_state::tests::config;

fn grpc(service: &str) -> CheckKind {
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
    CheckKind::Grpc(Box::new(GrpcCheckConfig { service: service.to_owned(), host: None, headers }))
}

fn http(body_contains: Option<&str>) -> CheckKind {
    CheckKind::Http(Box::new(HttpCheckConfig {
        protocol: None,
        method: Method::GET,
        path: "/healthz?full".parse().unwrap(),
        host: Some(HeaderValue::from_static("api.test:1")),
        headers: HeaderMap::new(),
        expected_statuses: vec![200..=299],
        body_contains: body_contains.map(str::to_owned),
    }))
}

/// What a server of HTTP/2 answers: status, fields of the head, body and trailers. Without the last two the head is all.
#[derive(Clone, Copy)]
struct Answer {
    status: u16,
    head: &'static [(&'static str, &'static str)],
    body: Option<&'static [u8]>,
    trailers: &'static [(&'static str, &'static str)],
}

const SERVING: Answer = Answer {
    status: 200,
    head: &[("content-type", "application/grpc")],
    body: Some(&[0, 0, 0, 0, 2, 8, 1]),
    trailers: &[("grpc-status", "0")],
};

fn fields(of: &[(&'static str, &'static str)]) -> HeaderMap {
    of.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

/// Checks a server that is asked on one connection: what the check says, and what `serve` has seen.
fn check<T>(kind: CheckKind, serve: impl AsyncFnOnce(TcpStream) -> T) -> (Result<(), String>, T) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().into();
        let check = HealthCheckConfig { kind, timeout: Duration::from_secs(5), ..config(1, 1) };
        let target = ProbeTarget {
            address: &address,
            host: None,
            proxy_protocol: None,
            tls: None,
            protocol: BackendProtocol::H2,
        };
        let served = async {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream).await
        };
        let (result, seen) = tokio::join!(run(&check, target), served);
        (result.map_err(|failure| failure.to_string()), seen)
    })
}

/// The same with a server of HTTP/2, which returns the request and its body.
fn check_answer(kind: CheckKind, answer: Answer) -> (Result<(), String>, Request<Vec<u8>>) {
    check(kind, async |stream| {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let (parts, mut body) = request.into_parts();
        let mut read = Vec::new();
        let answered = async {
            while let Some(data) = body.data().await {
                read.extend_from_slice(&data.unwrap());
            }
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
            *response.headers_mut() = fields(answer.head);
            let Some(content) = answer.body else {
                respond.send_response(response, true).unwrap();
                return;
            };
            let mut stream = respond.send_response(response, false).unwrap();
            let has_trailers = !answer.trailers.is_empty();
            stream.send_data(Bytes::from_static(content), !has_trailers).unwrap();
            if has_trailers {
                stream.send_trailers(fields(answer.trailers)).unwrap();
            }
        };
        tokio::select! {
            () = answered => {}
            _ = std::future::poll_fn(|cx| connection.poll_closed(cx)) => panic!("it left early"),
        }
        // Until the check leaves, with a farewell.
        connection.graceful_shutdown();
        while let Some(Ok(_)) = connection.accept().await {}
        Request::from_parts(parts, read)
    })
}

#[test]
fn a_service_is_asked_for_as_grpc_says() {
    let (result, request) = check_answer(grpc("a.B"), SERVING);
    assert_eq!(result, Ok(()));
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/grpc.health.v1.Health/Check"));
    let authority = request.uri().authority().unwrap();
    assert!(authority.as_str().starts_with("127.0.0.1:") && request.uri().scheme_str() == Some("http"));
    let sent = ["te", "content-type", "authorization"].map(|name| request.headers()[name].as_bytes());
    assert_eq!(sent, [&b"trailers"[..], b"application/grpc", b"Bearer x"]);
    assert!(request.headers()["user-agent"].as_bytes().starts_with(b"pointsman-health-check/"));
    assert_eq!(request.body(), &[0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
    let (result, request) = check_answer(grpc(""), SERVING);
    assert_eq!((result, request.body().as_slice()), (Ok(()), &[0; 5][..]));
}

#[test]
fn only_serving_passes() {
    for (answer, reason) in [
        (Answer { body: Some(&[0, 0, 0, 0, 2, 8, 2]), ..SERVING }, "it says NOT_SERVING"),
        (Answer { body: Some(&[0, 0, 0, 0, 2, 8, 3]), ..SERVING }, "it says SERVICE_UNKNOWN"),
        (Answer { body: Some(&[0; 5]), ..SERVING }, "it says UNKNOWN"),
        (Answer { body: Some(&[0; 3]), ..SERVING }, "the answer isn't one whole message"),
        (Answer { body: Some(&[]), ..SERVING }, "no message in the answer"),
        (
            Answer { body: Some(&[0; 5000]), ..SERVING },
            "the answer is longer than any answer to a health check",
        ),
        (
            Answer { trailers: &[("grpc-status", "5"), ("grpc-message", "unknown service")], ..SERVING },
            "gRPC status 5 (NOT_FOUND): unknown service",
        ),
        (
            Answer { head: &[("grpc-status", "12"), ("grpc-message", "")], body: None, ..SERVING },
            "gRPC status 12 (UNIMPLEMENTED)",
        ),
        (Answer { head: &[("grpc-status", "0")], body: None, ..SERVING }, "no message in the answer"),
        (
            Answer { trailers: &[("x", "y")], ..SERVING },
            "no `grpc-status` at the end: whatever answers speaks no gRPC",
        ),
        (Answer { trailers: &[], ..SERVING }, "no `grpc-status` at the end: whatever answers speaks no gRPC"),
        (Answer { status: 503, ..SERVING }, "status 503"),
    ] {
        assert_eq!(check_answer(grpc(""), answer).0, Err(reason.to_owned()));
    }
}

#[test]
fn a_plain_check_goes_over_http2_where_the_pool_speaks_it() {
    let answer = Answer { status: 204, head: &[], body: None, trailers: &[] };
    let (result, request) = check_answer(http(None), answer);
    assert_eq!(result, Ok(()));
    assert_eq!(request.uri(), "http://api.test:1/healthz?full");
    assert!(!request.headers().contains_key("connection") && !request.headers().contains_key("host"));
    let answer = Answer { status: 200, body: Some(b"all is well"), ..answer };
    assert_eq!(check_answer(http(Some("is well")), answer).0, Ok(()));
    assert_eq!(
        check_answer(http(Some("ill")), answer).0,
        Err("the expected text isn't in the body".to_owned())
    );
    let answer = Answer { status: 404, ..answer };
    assert_eq!(check_answer(http(None), answer).0, Err("status 404".to_owned()));
}

#[test]
fn who_speaks_no_http2_fails_with_the_reason() {
    for kind in [grpc(""), http(None)] {
        let (result, ()) = check(kind, async |mut stream| {
            let _ = stream.read(&mut [0; 1000]).await;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let reason = result.unwrap_err();
        assert!(
            reason.starts_with("no valid response over HTTP/2, which the pool's `protocol` says: "),
            "{reason}"
        );
    }
}
