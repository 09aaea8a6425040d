//! What becomes of heads between HTTP/1 and HTTP/2.

use harness::{Http2Backend, wait_until};
use http::{HeaderMap, HeaderValue, Response};

use super::frames::{self, Frame};
use super::{start, start_at};

#[test]
fn a_request_is_whole_and_has_nothing_of_its_connection() {
    let backend = Http2Backend::named("hello");
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    let fields = "Connection: keep-alive, X-Own\r\nX-Own: 1\r\nKeep-Alive: 5\r\nX-A: 2\r\nTE: trailers\r\n";
    let response = client.get_with("/a?b", fields);
    assert_eq!((response.status(), response.text().as_str()), (200, "hello"));
    assert_eq!(response.header("via"), Some("2 pointsman"));
    let head = backend.heads().remove(0);
    assert_eq!(head.uri().to_string(), "http://test/a?b");
    let mut names: Vec<_> = head.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["te", "via", "x-a", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"]
    );
    assert_eq!((client.get("/").status(), backend.connections()), (200, 1));
}

#[test]
fn odd_targets_go_on_as_http2_can_say_them() {
    let backend = Http2Backend::named("");
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    client.send(b"OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\nGET /<\xff>?`%2f HTTP/1.1\r\nHost: t:81\r\n\r\n");
    assert_eq!([client.response("OPTIONS").status(), client.response("GET").status()], [200; 2]);
    let targets: Vec<_> = backend.heads().iter().map(|head| head.uri().path_and_query().cloned()).collect();
    let texts: Vec<_> = targets.iter().flatten().map(http::uri::PathAndQuery::as_str).collect();
    assert_eq!(texts, ["*", "/%3C%FF%3E?%60%2f"]);
    assert_eq!(backend.heads()[1].uri().authority().map(http::uri::Authority::as_str), Some("t:81"));
}

#[test]
fn a_wish_for_another_protocol_ends_here() {
    let backend = Http2Backend::named("plain");
    let proxy = start(&[&backend], "");
    let response = proxy.client().get_with("/", "Connection: upgrade\r\nUpgrade: websocket\r\n");
    assert_eq!((response.status(), response.text().as_str()), (200, "plain"));
    assert!(backend.heads()[0].headers().get("upgrade").is_none());
}

#[test]
fn a_response_has_what_clients_of_http1_understand() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        let head =
            Response::builder().status(if exchange.request.uri().path() == "/304" { 304 } else { 200 });
        let head = head.header("content-length", 7).header("x-a", "1").body(()).expect("a head");
        let is_empty = exchange.request.method() == "HEAD" || exchange.request.uri().path() == "/304";
        let mut stream = exchange.respond.send_response(head, is_empty).expect("a response");
        if !is_empty {
            stream.send_data("7 bytes".into(), true).expect("a body");
        }
    });
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    let response = client.get("/");
    let has = |name| response.header(name).is_some();
    assert_eq!((response.text().as_str(), response.header("content-length")), ("7 bytes", Some("7")));
    assert!(!has("connection") && !has("transfer-encoding") && !has("keep-alive"), "{response:?}");
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response("HEAD");
    assert_eq!((response.status(), response.header("content-length")), (200, Some("7")));
    assert_eq!(client.get("/304").status(), 304);
    assert_eq!(client.get("/").text(), "7 bytes");
}

#[test]
fn heads_that_are_too_large_are_refused_as_those_of_http1() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        let fields = |count: usize, length: usize| -> HeaderMap {
            let value = HeaderValue::from_str(&"v".repeat(length)).expect("a value");
            let names = (0..count).map(|number| format!("x-{number}").parse().expect("a name"));
            names.map(|name| (name, value.clone())).collect()
        };
        let fields = match exchange.request.uri().path() {
            "/fields" => fields(21, 1),
            "/bytes" => fields(3, 3_000),
            "/trailers" => HeaderMap::new(),
            _ => fields(20, 1),
        };
        let mut head = Response::new(());
        *head.headers_mut() = fields;
        let mut stream = exchange.respond.send_response(head, false).expect("a response");
        if exchange.request.uri().path() == "/trailers" {
            let value = HeaderValue::from_str(&"v".repeat(9_000)).expect("a value");
            let trailers = HeaderMap::from_iter([(http::header::ETAG, value)]);
            return stream.send_trailers(trailers).expect("trailers");
        }
        stream.send_data("whole".into(), true).expect("a body");
    });
    let proxy = start(&[&backend], "max_response_headers = 20\nmax_response_header_bytes = '8KiB'\n");
    let answer = |target: &str| {
        let response = proxy.client().get(target);
        (response.status(), response.error_label().map(str::to_owned), response.whole)
    };
    assert_eq!(answer("/").0, 200);
    assert_eq!(answer("/fields"), (502, Some("too-many-response-headers".to_owned()), true));
    assert_eq!(answer("/bytes"), (502, Some("response-head-too-large".to_owned()), true));
    assert_eq!(answer("/trailers"), (200, None, false), "never whole");
    assert_eq!(backend.connections(), 1, "the connection is as good as before");
}

#[test]
fn fields_of_a_connection_from_a_backend_break_its_stream_only() {
    // `connection: close` and `keep-alive: 5` as literals; what HTTP/2 forbids is malformed (RFC 9113 section 8.2.2).
    let backend = frames::serve(|mut peer| {
        while let Some(frame) = peer.next() {
            if let Frame { kind: frames::HEADERS, stream, .. } = frame {
                let mut block = vec![0x88];
                match stream {
                    1 => block.extend(frames::literal("connection", "close")),
                    3 => block.extend(frames::literal("keep-alive", "timeout=5")),
                    _ => {}
                }
                peer.send(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, stream, &block);
            }
        }
    });
    let proxy = start_at(&[backend.address()], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        let response = client.get("/");
        assert_eq!((response.status(), response.error_label()), (502, Some("bad-response")));
    }
    assert_eq!(client.get("/").status(), 200);
    wait_until("one connection was made", || backend.connections() == 1);
}
