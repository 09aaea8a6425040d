//! To backends over HTTP/2: WebSockets, and responses that have no content.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use pointsman_core::pool::BackendProtocol;

use super::super::world::{Limits, World, run};
use super::Client;
use super::frames::frame;
use crate::testing::MemoryStream;

fn limits() -> Limits {
    let mut limits = Limits::one_backend();
    limits.upstream.protocol = BackendProtocol::H2;
    limits
}

/// Serves the backend's end of a connection: its first request, and what answers it.
async fn accept(stream: MemoryStream, takes_websockets: bool) -> (Request<RecvStream>, SendResponse<Bytes>) {
    let mut builder = Builder::new();
    if takes_websockets {
        builder.enable_connect_protocol();
    }
    let mut connection = builder.handshake::<_, Bytes>(stream).await.expect("a handshake");
    let accepted = connection.accept().await.expect("a request").expect("a good one");
    tokio::task::spawn_local(async move { while connection.accept().await.is_some() {} });
    accepted
}

async fn backend_of(world: &World) -> MemoryStream {
    world.settle().await;
    world.net.accept().expect("a backend is asked").1
}

fn answer(mut respond: SendResponse<Bytes>, status: u16) -> SendStream<Bytes> {
    let response = Response::builder().status(status).header("sec-websocket-protocol", "chat").body(());
    respond.send_response(response.expect("a response"), false).expect("an open stream")
}

async fn next(stream: &mut RecvStream) -> Bytes {
    let data = stream.data().await.expect("data").expect("data");
    stream.flow_control().release_capacity(data.len()).expect("an open window");
    data
}

fn connect() -> Request<()> {
    let request = Request::builder().method(Method::CONNECT).uri("http://h.example/chat");
    let mut request = request.header("sec-websocket-version", "13").body(()).expect("a request");
    request.extensions_mut().insert(Protocol::from("websocket"));
    request
}

#[test]
fn from_a_client_of_http2() {
    run(async {
        let mut client = Client::new(limits()).await;
        client.world.settle().await;
        let (response, mut up) = client.send(connect(), false);
        let (request, respond) = accept(backend_of(&client.world).await, true).await;
        assert_eq!((request.method(), request.uri().path()), (&Method::CONNECT, "/chat"));
        assert_eq!(request.extensions().get::<Protocol>().map(Protocol::as_str), Some("websocket"));
        assert!(
            !request.headers().contains_key("sec-websocket-key")
                && !request.headers().contains_key("upgrade")
        );
        let mut down = answer(respond, 200);
        let response = response.await.expect("a response");
        assert_eq!((response.status(), response.headers().len()), (StatusCode::OK, 2), "{response:?}");
        let (mut at_backend, mut at_client) = (request.into_body(), response.into_body());
        up.send_data(Bytes::from_static(b"up"), false).expect("an open stream");
        assert_eq!(next(&mut at_backend).await, "up");
        down.send_data(Bytes::from_static(b"down"), false).expect("an open stream");
        assert_eq!(next(&mut at_client).await, "down");
        up.send_data(Bytes::from_static(b"."), true).expect("an open stream");
        assert_eq!(next(&mut at_backend).await, ".");
        down.send_data(Bytes::from_static(b"."), true).expect("an open stream");
        assert_eq!(next(&mut at_client).await, ".");
        client.world.settle().await;
        assert_eq!(client.world.in_flight(), 0);
    });
}

#[test]
fn from_a_client_of_http1() {
    run(async {
        let world = World::new(limits());
        let client = world.connect();
        client.send(
            b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        );
        let (request, respond) = accept(backend_of(&world).await, true).await;
        assert_eq!(request.method(), Method::CONNECT);
        let mut down = answer(respond, 200);
        world.settle().await;
        let received = String::from_utf8(client.receive()).expect("text");
        assert!(received.starts_with("HTTP/1.1 101 "), "{received}");
        assert!(
            received.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{received}"
        );
        let mut at_backend = request.into_body();
        client.send(b"up");
        assert_eq!(next(&mut at_backend).await, "up");
        down.send_data(Bytes::from_static(b"down"), true).expect("an open stream");
        world.settle().await;
        assert_eq!(client.receive(), b"down");
        client.shut_down();
        assert!(at_backend.data().await.is_none_or(|data| data.is_ok_and(|data| data.is_empty())));
        world.settle().await;
        assert!(client.has_ended() && world.in_flight() == 0);
    });
}

#[test]
fn responses_without_content_have_none_whatever_comes() {
    run(async {
        for status in [204, 304] {
            let mut client = Client::new(limits()).await;
            let (response, _) = client.send(super::get("/a"), true);
            let (_request, respond) = accept(backend_of(&client.world).await, false).await;
            answer(respond, status).send_data(Bytes::from_static(b"hello"), true).expect("an open stream");
            let response = response.await.expect("a response");
            assert_eq!(response.status(), status);
            assert_eq!(super::rest(response).await.0, "");
            client.world.settle().await;
            assert_eq!(client.world.in_flight(), 0, "{status}");
        }
    });
}

#[test]
fn trailers_hold_nothing_that_counts_before_the_content() {
    let fields = |names: &[&str]| -> HeaderMap {
        let field =
            |name: &&str| (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static("1"));
        names.iter().map(field).collect()
    };
    run(async {
        let mut client = Client::new(limits()).await;
        client.world.settle().await;
        let mut request = Request::post("http://h.example/a").body(()).expect("a request");
        request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
        let (response, mut up) = client.send(request, false);
        let (request, respond) = accept(backend_of(&client.world).await, false).await;
        up.send_trailers(fields(&["x-sum", "host", "authorization", "content-length", "x-forwarded-for"]))
            .expect("an open stream");
        let mut body = request.into_body();
        assert!(body.data().await.is_none());
        assert_eq!(body.trailers().await.expect("an end"), Some(fields(&["x-sum"])));
        let mut down = answer(respond, 200);
        down.send_trailers(fields(&["grpc-status", "set-cookie", "content-encoding", "x-pointsman-error"]))
            .expect("an open stream");
        let response = response.await.expect("a response");
        assert_eq!(super::rest(response).await, (String::new(), Some(fields(&["grpc-status"]))));
    });
}

#[test]
fn trailers_that_leave_nothing_are_none() {
    run(async {
        for trailers in
            [HeaderMap::new(), HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("1"))])]
        {
            let mut client = Client::new(limits()).await;
            client.world.settle().await;
            let (response, _) = client.send(super::get("/a"), true);
            let (_, respond) = accept(backend_of(&client.world).await, false).await;
            let mut down = answer(respond, 200);
            down.send_data("x".into(), false).expect("an open window");
            down.send_trailers(trailers).expect("an open stream");
            let response = response.await.expect("a response");
            assert_eq!(super::rest(response).await, ("x".into(), None));
        }
    });
}

#[test]
fn a_flood_of_a_backend_ends_its_connection() {
    const PING: u8 = 6;
    const SETTINGS: u8 = 4;
    run(async {
        for flood in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
            let mut client = Client::new(limits()).await;
            client.world.settle().await;
            let (response, _) = client.send(super::get("/a"), true);
            let backend = backend_of(&client.world).await;
            backend.send(&frame(SETTINGS, 0, 0, &[]));
            let (mut sent, mut response) = (0, pin!(response));
            let response = loop {
                let polled = poll_fn(|cx| Poll::Ready(response.as_mut().poll(cx))).await;
                if let Poll::Ready(response) = polled {
                    break response.expect("a response");
                }
                assert!(sent < 25_000, "it is bounded");
                backend.send(&flood.repeat(100));
                sent += 100;
                client.world.settle().await;
                backend.receive();
            };
            // 10,000, and what our answers of 17 or 9 bytes earn.
            assert!(sent >= 10_000, "{sent}");
            assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
            assert_eq!(response.headers()["x-pointsman-error"], "upstream-reset");
        }
    });
}

#[test]
fn to_a_backend_that_declines_or_knows_nothing_of_it() {
    run(async {
        for (takes, status, expected) in [(true, 403, 403), (false, 404, 404), (false, 200, 502)] {
            let mut client = Client::new(limits()).await;
            client.world.settle().await;
            let (response, _up) = client.send(connect(), false);
            let (request, respond) = accept(backend_of(&client.world).await, takes).await;
            assert_eq!(*request.method() == Method::CONNECT, takes, "{status}");
            answer(respond, status).send_data(Bytes::new(), true).expect("an open stream");
            assert_eq!(response.await.expect("a response").status(), expected, "{status}");
            client.world.settle().await;
            assert_eq!(client.world.in_flight(), 0, "{status}");
        }
    });
}

#[test]
fn a_rewritten_target_reaches_backends_of_http2() {
    run(async {
        let routes = "[[route]]\nprefix = '/api'\npool = 'web'\nrewrite = { strip_prefix = '/api' }";
        let mut client = Client::new(Limits { routes, ..limits() }).await;
        client.world.settle().await;
        let asked = Request::get("http://h.example/api//pkg.Calls/Do?x=%2F").body(()).expect("a request");
        let (response, _) = client.send(asked, true);
        let (request, respond) = accept(backend_of(&client.world).await, false).await;
        assert_eq!(
            request.uri().path_and_query().map(http::uri::PathAndQuery::as_str),
            Some("/pkg.Calls/Do?x=%2F")
        );
        let field = |name: &str| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        assert_eq!(field("x-forwarded-uri"), "/api//pkg.Calls/Do?x=%2F");
        assert_eq!(field("x-forwarded-prefix"), "/api");
        drop(answer(respond, 200));
        assert_eq!(super::head(response).await.status(), StatusCode::OK);
    });
}
