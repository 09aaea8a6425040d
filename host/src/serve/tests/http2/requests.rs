//! What becomes of requests and responses.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, DATE, EXPECT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use super::super::script::ONE;
use super::super::world::{Limits, run};
use crate::config::RequestIdUse;

use super::{Client, get, head, post, rest};

#[test]
fn eighty_pieces_of_a_cookie_are_one_field() {
    run(async {
        let mut limits = Limits::one_backend();
        limits.downstream.max_headers = 2;
        let mut client = Client::new(limits).await;
        let mut request = get("/");
        let crumbs: Vec<String> = (0..80).map(|number| format!("c{number}={number}")).collect();
        for crumb in &crumbs {
            request.headers_mut().append(COOKIE, crumb.parse().expect("a value"));
        }
        let (_response, _) = client.send(request, true);
        let (asked, cookie) = (client.asked().await, format!("\r\ncookie: {}\r\n", crumbs.join("; ")));
        assert!(asked.contains(&cookie) && asked.matches("cookie:").count() == 1, "{asked}");
    });
}

#[test]
fn a_request_goes_to_the_backend_as_one_of_http1() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let mut request = get("/a?b");
        for crumb in ["a=1", "b=2", "c=3"] {
            request.headers_mut().append(COOKIE, HeaderValue::from_static(crumb));
        }
        let (response, _) = client.send(request, true);
        assert_eq!(
            client.asked().await,
            "GET /a?b HTTP/1.1\r\ncookie: a=1; b=2; c=3\r\nhost: h.example\r\n\
             x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h.example\r\n\
             via: 2 pointsman\r\n\r\n"
        );
        client.backend().send(
            b"HTTP/1.1 200 OK\r\nConnection: X-Gone, keep-alive\r\nKeep-Alive: 5\r\nX-Gone: 1\r\nUpgrade: h2,h2c\r\n\
              Proxy-Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        );
        let response = head(response).await;
        let names: Vec<_> = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["via", "date"]);
        assert_eq!(
            rest(response).await,
            (
                "abc".into(),
                Some(HeaderMap::from_iter([(
                    "x-sum".parse().expect("a name"),
                    HeaderValue::from_static("1")
                )]))
            )
        );
        assert_eq!(client.world.in_flight(), 0);
    });
}

#[test]
fn requests_of_one_connection_are_served_beside_each_other() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (slow, _) = client.send(get("/slow"), true);
        assert!(client.asked().await.starts_with("GET /slow "));
        let (quick, _) = client.send(get("/quick"), true);
        assert!(client.asked().await.starts_with("GET /quick "));
        assert_eq!((client.backends.len(), client.world.in_flight()), (2, 2));
        client.backends[1].send(ONE.as_bytes());
        assert_eq!(rest(head(quick).await).await.0, "1");
        client.backends[0].send(ONE.as_bytes());
        assert_eq!(rest(head(slow).await).await.0, "1");
        let (third, _) = client.send(get("/third"), true);
        assert!(client.asked().await.starts_with("GET /third ") && client.backends.len() == 2);
        drop(third);
    });
}

#[test]
fn a_body_keeps_its_form() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        // Whole with its head: its length is known though it isn't said.
        let (_one, mut body) = client.send(post("/a"), false);
        body.send_data(Bytes::from_static(b"abc"), true).expect("an open window");
        let asked = client.asked().await;
        assert!(asked.contains("\r\ncontent-length: 3\r\n") && asked.ends_with("\r\n\r\nabc"), "{asked}");
        // In pieces, with trailers.
        let (_two, mut body) = client.send(post("/b"), false);
        assert!(client.asked().await.contains("\r\ntransfer-encoding: chunked\r\n"));
        body.send_data(Bytes::from_static(b"abc"), false).expect("an open window");
        assert_eq!(client.asked().await, "3\r\nabc\r\n");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("1"));
        trailers.insert(COOKIE, HeaderValue::from_static("1"));
        body.send_trailers(trailers).expect("an open stream");
        assert!(client.asked().await.starts_with("0\r\n"));
        // Of a length that is said.
        let mut request = post("/c");
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("6"));
        let (_three, mut body) = client.send(request, false);
        let asked = client.asked().await;
        assert!(asked.contains("\r\ncontent-length: 6\r\n") && !asked.contains("chunked"), "{asked}");
        body.send_data(Bytes::from_static(b"abc"), false).expect("an open window");
        assert_eq!(client.asked().await, "abc");
        body.send_data(Bytes::from_static(b"def"), true).expect("an open window");
        assert_eq!(client.asked().await, "def");
    });
}

#[test]
fn responses_of_the_proxys_own_are_whole() {
    run(async {
        let mut client = Client::new(Limits { backends: 0, ..Limits::default() }).await;
        for (method, body) in [(Method::GET, "no backend is available\n"), (Method::HEAD, "")] {
            let request = Request::builder().method(method).uri("http://h/").body(()).expect("a request");
            let (response, _) = client.send(request, true);
            let response = head(response).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[CONTENT_LENGTH], "24");
            assert_eq!(response.headers()["x-pointsman-error"], "no-backend");
            assert!(response.headers().contains_key(DATE));
            assert_eq!(rest(response).await.0, body);
        }
    });
}

#[test]
fn permission_is_passed_on_once_or_not_needed() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let expecting = || {
            let mut request = post("/a");
            request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("3"));
            request
        };
        // The backend permits it.
        let (mut response, mut body) = client.send(expecting(), false);
        assert!(client.asked().await.contains("\r\nexpect: 100-continue\r\n"));
        client.backend().send(b"HTTP/1.1 100 Continue\r\n\r\n");
        client.world.settle().await;
        let informed = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
        assert_eq!(informed.expect("an interim response").expect("it").status(), StatusCode::CONTINUE);
        body.send_data(Bytes::from_static(b"abc"), true).expect("an open window");
        assert_eq!(client.asked().await, "abc");
        client.backend().send(ONE.as_bytes());
        assert_eq!(rest(head(response).await).await.0, "1");
        // It refuses it at once.
        let (response, _body) = client.send(expecting(), false);
        assert!(client.asked().await.contains("\r\nexpect: 100-continue\r\n"));
        client.backend().send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(head(response).await.status(), StatusCode::EXPECTATION_FAILED);
        // It comes without permission.
        let (_response, mut body) = client.send(expecting(), false);
        body.send_data(Bytes::from_static(b"abc"), true).expect("an open window");
        assert!(client.asked().await.ends_with("\r\n\r\nabc"));
    });
}

#[test]
fn a_request_is_sent_again_as_it_was() {
    run(async {
        let mut client = Client::new(Limits::default()).await;
        let (response, _) = client.send(get("/a"), true);
        let first = client.asked().await;
        client.backends.clear();
        client.world.settle().await;
        client.world.pass(std::time::Duration::from_millis(500)).await;
        assert_eq!(client.asked().await, first);
        client.backend().send(ONE.as_bytes());
        assert_eq!(rest(head(response).await).await.0, "1");
    });
}

#[test]
fn what_to_upgrade_to_does_not_go_on() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        let (response, _) = client.send(get("/a"), true);
        assert!(client.asked().await.starts_with("GET /a "));
        client.backend().send(b"HTTP/1.1 426 No\r\nConnection: upgrade\r\nUpgrade: foo\r\nTE: trailers\r\nContent-Length: 0\r\n\r\n");
        let response = head(response).await;
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        for name in ["connection", "upgrade"] {
            assert!(!response.headers().contains_key(name), "{name}");
        }
    });
}

#[test]
fn early_hints_pass_on_before_the_response() {
    run(async {
        let mut client = Client::new(Limits::one_backend()).await;
        for path in ["/a", "/b"] {
            let (mut response, _) = client.send(get(path), true);
            assert!(client.asked().await.starts_with(&format!("GET {path} ")));
            client.backend().send(
                b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: 1\r\nContent-Length: 5\r\n\r\n\
                  HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n",
            );
            client.world.settle().await;
            for file in ["</a.css>", "</b.css>"] {
                let hint = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
                let hint = hint.expect("an interim response").expect("a good one");
                assert_eq!(
                    (hint.status(), &hint.headers()["link"]),
                    (StatusCode::EARLY_HINTS, &HeaderValue::from_static(file))
                );
                assert_eq!(hint.headers().len(), 1, "{hint:?}");
            }
            client.backend().send(ONE.as_bytes());
            assert_eq!(rest(head(response).await).await.0, "1");
        }
    });
}

#[test]
fn requests_have_ids_of_their_own() {
    run(async {
        let mut client = Client::new(Limits::with_ids(RequestIdUse::Pass)).await;
        let (first, _) = client.send(get("/a"), true);
        let id = |message: &str| {
            let line = message.lines().find_map(|line| line.strip_prefix("x-request-id: "));
            line.expect("an id").to_owned()
        };
        let asked = id(&client.asked().await);
        client.backend().send(ONE.as_bytes());
        let answered = head(first).await;
        assert_eq!(answered.headers()["x-request-id"], *asked);
        let (second, _) = client.send(get("/b"), true);
        assert_ne!(id(&client.asked().await), asked);
        client.backend().send(ONE.as_bytes());
        assert_ne!(head(second).await.headers()["x-request-id"], *asked);
    });
}
