//! WebSockets in streams.

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::ext::Protocol;
use h2::{Reason, SendStream};
use http::{Method, Request, StatusCode};

use super::super::script::ONE;
use super::super::world::{Limits, run};
use super::{Client, get, head, rest};

impl Client {
    /// Asks for a WebSocket. Answers with the backend's answer to the key that it got.
    async fn ask(&mut self) -> (ResponseFuture, SendStream<Bytes>, String) {
        self.world.settle().await;
        assert!(self.sender.is_extended_connect_protocol_enabled());
        let request = Request::builder().method(Method::CONNECT).uri("http://h.example/chat");
        let request = request.header("sec-websocket-version", "13").header("sec-websocket-protocol", "chat");
        let mut request = request.body(()).expect("a request");
        request.extensions_mut().insert(Protocol::from("websocket"));
        let (response, stream) = self.send(request, false);
        let asked = self.asked().await;
        assert!(
            asked.starts_with("GET /chat HTTP/1.1\r\n") && asked.contains("\r\nhost: h.example\r\n"),
            "{asked}"
        );
        for field in [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-protocol: chat",
            "sec-websocket-version: 13",
        ] {
            assert!(asked.contains(&format!("\r\n{field}\r\n")), "{field} in {asked}");
        }
        let (_, key) = asked.split_once("\r\nsec-websocket-key: ").expect("a key");
        let (key, _) = key.split_once("\r\n").expect("a line");
        let accept = crate::downstream::http2::accepting(key.as_bytes());
        let accept = accept.to_str().expect("base64");
        let switches = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        );
        (response, stream, switches)
    }
}

#[test]
fn bytes_go_both_ways_and_both_ends_end() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, mut up, switches) = client.ask().await;
        client.backend().send(switches.as_bytes());
        let response = head(response).await;
        assert_eq!(response.status(), StatusCode::OK);
        let names: Vec<_> = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["via", "sec-websocket-protocol"]);
        up.send_data(Bytes::from_static(b"up"), false).expect("an open stream");
        assert_eq!(client.asked().await, "up");
        client.backend().send(b"down");
        let mut down = response.into_body();
        assert_eq!(down.data().await.expect("data").expect("data"), "down");
        // Others are served meanwhile, and a drain waits for it.
        let (other, _) = client.send(get("/a"), true);
        assert!(client.asked().await.starts_with("GET /a "));
        client.backend().send(ONE.as_bytes());
        assert_eq!(rest(head(other).await).await.0, "1");
        client.world.drain.start();
        client.world.pass(std::time::Duration::from_secs(10)).await;
        assert_eq!((client.world.in_flight(), client.world.drain.connections()), (1, 1));
        up.send_data(Bytes::from_static(b"end"), true).expect("an open stream");
        assert_eq!(client.asked().await, "end");
        assert!(client.backends[0].has_ended());
        client.backends.clear();
        let end = down.data().await.expect("a frame that ends it").expect("a good end");
        assert!(end.is_empty() && down.is_end_stream());
        client.world.settle().await;
        assert_eq!((client.world.in_flight(), client.world.drain.connections()), (0, 0));
    });
}

#[test]
fn a_large_message_passes_both_ways() {
    run(async {
        const SIZE: usize = 1 << 20;
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, mut up, switches) = client.ask().await;
        client.backend().send(switches.as_bytes());
        let mut down = head(response).await.into_body();
        let backend = client.backends.pop().expect("a backend");
        let message: Vec<u8> = (0..SIZE).map(|place| (place % 251) as u8).collect();
        backend.send(&message);
        let mut left = Bytes::from(message.clone());
        let (mut at_backend, mut at_client) = (Vec::new(), Vec::new());
        while at_backend.len() < SIZE || at_client.len() < SIZE {
            up.reserve_capacity(left.len());
            let piece = left.split_to(left.len().min(up.capacity()));
            if !piece.is_empty() {
                up.send_data(piece, false).expect("an open stream");
            }
            if at_client.len() < SIZE {
                let data = down.data().await.expect("data").expect("data");
                down.flow_control().release_capacity(data.len()).expect("an open window");
                at_client.extend(data);
            }
            tokio::task::yield_now().await;
            at_backend.extend(backend.receive());
        }
        assert!(at_backend == message && at_client == message);
    });
}

#[test]
fn what_is_no_websocket_is_none() {
    run(async {
        for (answer, status, label) in [
            (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n",
                502,
                Some("websocket-accept"),
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                502,
                Some("websocket-accept"),
            ),
            (ONE, 502, Some("websocket-accept")),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, None),
        ] {
            let mut client = Client::new(Limits::one_backend()).await;
            let (response, _up, _) = client.ask().await;
            client.backend().send(answer.as_bytes());
            let response = head(response).await;
            assert_eq!(response.status(), status, "{answer}");
            let found =
                response.headers().get("x-pointsman-error").map(|label| label.to_str().expect("text"));
            assert_eq!(found, label, "{answer}");
            client.world.settle().await;
            assert_eq!(client.world.in_flight(), 0, "{answer}");
        }
    });
}

#[test]
fn a_change_to_something_else_is_no_websocket() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, _up, switches) = client.ask().await;
        client.backend().send(switches.replace("Upgrade: websocket", "Upgrade: h2c").as_bytes());
        let response = head(response).await;
        assert_eq!(
            (response.status(), &response.headers()["x-pointsman-error"]),
            (StatusCode::BAD_GATEWAY, &"websocket-accept".parse().expect("a value"))
        );
        client.world.settle().await;
        assert_eq!(client.world.in_flight(), 0);
    });
}

#[test]
fn what_is_cut_off_looks_like_that() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, mut up, switches) = client.ask().await;
        client.backend().send(switches.as_bytes());
        let response = head(response).await;
        up.send_reset(Reason::CANCEL);
        client.world.settle().await;
        assert!(client.backend().has_ended() && client.world.in_flight() == 0);
        drop(response);
    });
}

#[test]
fn no_answer_of_a_route_looks_like_a_tunnel() {
    run(async {
        let routes = "[[route]]\nexact = '/chat'\nrespond = { text = 'hello' }\n[[route]]\nrespond = 403";
        let mut client = Client::new(Limits { routes, ..Limits::default() }).await;
        for (path, status) in [("/chat", StatusCode::NOT_FOUND), ("/other", StatusCode::FORBIDDEN)] {
            client.world.settle().await;
            let request = Request::builder().method(Method::CONNECT).uri(format!("http://h.example{path}"));
            let mut request = request.header("sec-websocket-version", "13").body(()).expect("a request");
            request.extensions_mut().insert(Protocol::from("websocket"));
            let (response, _up) = client.send(request, false);
            assert_eq!(head(response).await.status(), status, "{path}");
        }
        let (plain, _) = client.send(get("/chat"), true);
        assert_eq!(rest(head(plain).await).await.0, "hello");
    });
}
