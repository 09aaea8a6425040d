//! Calls of gRPC to a backend over HTTP/2, whose sides take turns.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use pointsman_core::pool::BackendProtocol;
use tokio::task::JoinHandle;

use super::super::world::{Limits, run};
use super::{Client, head, post, rest};

const SECOND: Duration = Duration::from_secs(1);

/// A call in progress, with both of its ends.
struct Call {
    client: Client,
    response: ResponseFuture,
    request: SendStream<Bytes>,
    /// The backend's end.
    received: RecvStream,
    respond: SendResponse<Bytes>,
    /// What drives it; it ends when this is aborted.
    connection: JoinHandle<()>,
}

impl Call {
    /// A request that the backend has got the head of, and a byte.
    async fn begin(request: Request<()>) -> Self {
        let mut limits = Limits::one_backend();
        limits.upstream.protocol = BackendProtocol::H2;
        let mut client = Client::new(limits).await;
        let (response, mut request) = client.send(request, false);
        request.send_data("x".into(), false).expect("an open window");
        client.world.settle().await;
        let (_, stream) = client.world.net.accept().expect("a connection to the backend");
        let accepted = Rc::<RefCell<Option<(Request<RecvStream>, SendResponse<Bytes>)>>>::default();
        let place = Rc::clone(&accepted);
        let connection = tokio::task::spawn_local(async move {
            let mut connection = h2::server::handshake(stream).await.expect("a handshake");
            while let Some(Ok(request)) = connection.accept().await {
                *place.borrow_mut() = Some(request);
            }
        });
        client.world.settle().await;
        let (received, respond) = accepted.take().expect("a request");
        Self { client, response, request, received: received.into_body(), respond, connection }
    }

    fn answer(&mut self) -> SendStream<Bytes> {
        let response = Response::builder().header("content-type", "application/grpc").body(());
        self.respond.send_response(response.expect("a response"), false).expect("an open stream")
    }

    async fn pass(&self, seconds: u32) {
        self.client.world.pass(SECOND * seconds).await;
    }
}

fn call() -> Request<()> {
    let mut request = post("/a.B/C");
    let headers = request.headers_mut();
    headers.insert("te", "trailers".parse().expect("a value"));
    headers.insert("content-type", "application/grpc".parse().expect("a value"));
    request
}

#[test]
fn a_call_lives_while_its_client_says_little() {
    run(async {
        for answers in [false, true] {
            let mut call = Call::begin(call()).await;
            let mut answer = answers.then(|| call.answer());
            // Far less than `min_body_rate`, and longer than `body_timeout` and `idle_timeout`.
            for _ in 0..20 {
                call.pass(25).await;
                call.request.send_data("y".into(), false).expect("it lives");
            }
            call.request.send_data(Bytes::new(), true).expect("it lives");
            call.client.world.settle().await;
            let mut read = Vec::new();
            while let Some(data) = call.received.data().await {
                read.extend_from_slice(&data.expect("data"));
            }
            assert_eq!(read, [&b"x"[..], &[b'y'; 20]].concat());
            let mut answer = answer.take().unwrap_or_else(|| call.answer());
            answer.send_data("z".into(), true).expect("it lives");
            assert_eq!(rest(head(call.response).await).await.0, "z");
            // It ended without trailers.
            call.client.world.settle().await;
            call.client.world.reports.worker().tell();
            let calls = call.client.world.pool.counts.calls().filter(|(_, count)| *count > 0);
            assert_eq!(calls.collect::<Vec<_>>(), [("UNKNOWN", 1)]);
            let topology = call.client.world.pool.topology();
            let counts = &topology.backends()[0].stats.counts;
            assert!(
                counts.sent_bytes() > 20 * 10 && counts.received_bytes() > 10,
                "frames and heads are bytes"
            );
        }
    });
}

#[test]
fn a_reset_tells_the_call_what_it_means() {
    run(async {
        for (reason, status) in [
            (Reason::CANCEL, "1"),
            (Reason::ENHANCE_YOUR_CALM, "8"),
            (Reason::INADEQUATE_SECURITY, "7"),
            (Reason::PROTOCOL_ERROR, "13"),
            (Reason::NO_ERROR, "13"),
        ] {
            let mut call = Call::begin(call()).await;
            call.respond.send_reset(reason);
            let response = head(call.response).await;
            assert_eq!(response.status(), 200, "{reason}");
            assert_eq!(response.headers()["grpc-status"], status, "{reason}");
            assert_eq!(response.headers()["x-pointsman-error"], "upstream-reset");
            assert!(response.body().is_end_stream());
        }
        // Others are told as before.
        let mut call = Call::begin(post("/a")).await;
        call.respond.send_reset(Reason::CANCEL);
        let response = head(call.response).await;
        assert_eq!(response.status(), 502);
        assert_eq!(
            &rest(response).await.0,
            "the backend reset the request's stream: stream no longer needed\n"
        );
    });
}

/// What the trailers of a response say: the call's status, and the proxy's label.
async fn told(response: ResponseFuture) -> (String, String) {
    let (_, trailers) = rest(head(response).await).await;
    let trailers = trailers.expect("trailers");
    let said = |name: &str| trailers[name].to_str().expect("text").to_owned();
    assert!(!said("grpc-message").is_empty(), "{trailers:?}");
    (said("grpc-status"), said("x-pointsman-error"))
}

#[test]
fn a_call_that_breaks_off_within_its_response_is_told_how() {
    run(async {
        for (reason, status) in
            [(Reason::CANCEL, "1"), (Reason::ENHANCE_YOUR_CALM, "8"), (Reason::INTERNAL_ERROR, "13")]
        {
            let mut call = Call::begin(call()).await;
            let mut answer = call.answer();
            answer.send_data("z".into(), false).expect("an open window");
            call.client.world.settle().await;
            answer.send_reset(reason);
            assert_eq!(told(call.response).await, (status.into(), "upstream-reset".into()), "{reason}");
            call.client.world.settle().await;
            assert_eq!(call.client.world.in_flight(), 0);
        }
        // The whole connection is lost.
        let mut call = Call::begin(call()).await;
        let mut answer = call.answer();
        answer.send_data("z".into(), false).expect("an open window");
        call.client.world.settle().await;
        call.connection.abort();
        drop(answer);
        assert_eq!(told(call.response).await, ("14".into(), "upstream-reset".into()));
    });
}

#[test]
fn a_silent_client_is_not_to_blame_for_a_lost_backend() {
    run(async {
        for answers in [false, true] {
            // The client has its turn, and takes longer than a backend would have to wait for a body.
            let begin = async |request| {
                let mut call = Call::begin(request).await;
                let mut answer = answers.then(|| call.answer());
                if let Some(answer) = &mut answer {
                    answer.send_data("z".into(), false).expect("an open window");
                }
                call.pass(2).await;
                (call, answer)
            };
            let said = async |response: ResponseFuture| {
                let response = head(response).await;
                if answers {
                    let (_, trailers) = rest(response).await;
                    return trailers.expect("trailers");
                }
                response.headers().clone()
            };
            let (lost, _answer) = begin(call()).await;
            lost.connection.abort();
            let found = said(lost.response).await;
            let found = [&found["grpc-status"], &found["x-pointsman-error"]];
            assert_eq!(found, ["14", "upstream-reset"], "{answers}");
            for (reason, status) in [(Reason::INTERNAL_ERROR, "13"), (Reason::CANCEL, "1")] {
                let (mut reset, _answer) = begin(call()).await;
                reset.respond.send_reset(reason);
                let found = said(reset.response).await;
                let found = [&found["grpc-status"], &found["x-pointsman-error"]];
                assert_eq!(found, [status, "upstream-reset"], "{answers} {reason}");
            }
        }
        // Nor is one of plain HTTP.
        let upload = Call::begin(post("/a")).await;
        upload.pass(2).await;
        upload.connection.abort();
        assert_eq!(head(upload.response).await.status(), 502);
    });
}

#[test]
fn a_status_that_must_not_come_over_http2_fails_the_call() {
    run(async {
        let mut call = Call::begin(call()).await;
        let switches = Response::builder().status(101).body(()).expect("a response");
        call.respond.send_informational(switches).expect("an open stream");
        let _answer = call.answer();
        let response = head(call.response).await;
        assert_eq!(response.headers()["x-pointsman-error"], "unwanted-upgrade");
    });
}

#[test]
fn other_responses_that_break_off_are_reset() {
    run(async {
        let text = Response::builder().header("content-type", "text/plain").body(());
        let long = Response::builder()
            .header("content-type", "application/grpc")
            .header("content-length", "9")
            .body(());
        let failed = Response::builder().header("content-type", "application/grpc").status(503).body(());
        for response in [text, long, failed] {
            let mut call = Call::begin(call()).await;
            let response = response.expect("a response");
            let mut answer = call.respond.send_response(response, false).expect("an open stream");
            answer.send_data("z".into(), false).expect("an open window");
            call.client.world.settle().await;
            answer.send_reset(Reason::CANCEL);
            let mut body = head(call.response).await.into_body();
            assert_eq!(body.data().await.expect("data").expect("a byte"), "z");
            let error = body.data().await.expect("an end").expect_err("a bad one");
            assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        }
    });
}

#[test]
fn a_call_lives_while_its_backend_talks() {
    run(async {
        let mut call = Call::begin(call()).await;
        call.pass(50).await;
        let mut answer = call.answer();
        let mut body = head(call.response).await.into_body();
        for _ in 0..20 {
            call.client.world.pass(SECOND * 50).await;
            answer.send_data("z".into(), false).expect("it lives");
            assert_eq!(body.data().await.expect("data").expect("a byte"), "z");
        }
    });
}

#[test]
fn silence_on_both_sides_ends_a_call_and_says_which_key_does() {
    run(async {
        let call = Call::begin(call()).await;
        call.pass(59).await;
        assert_eq!(call.client.world.in_flight(), 1);
        call.pass(2).await;
        assert_eq!(call.client.world.in_flight(), 0);
        let response = head(call.response).await;
        let said = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!((said("grpc-status"), said("x-pointsman-error")), ("2".into(), "client-stalled".into()));
        assert!(said("grpc-message").ends_with("said anything for longer than `idle_timeout`"));

        // Within the response, which mustn't look whole.
        let mut call = Call::begin(self::call()).await;
        let _answer = call.answer();
        call.client.world.pass(SECOND * 61).await;
        assert_eq!(
            (told(call.response).await, call.client.world.in_flight()),
            (("2".into(), "client-stalled".into()), 0)
        );
    });
}

#[test]
fn a_backend_that_has_heard_all_has_its_usual_time() {
    run(async {
        let mut call = Call::begin(call()).await;
        call.pass(40).await;
        call.request.send_data(Bytes::new(), true).expect("it lives");
        call.pass(29).await;
        assert_eq!(call.client.world.in_flight(), 1);
        call.pass(2).await;
        let response = head(call.response).await;
        // Not 14: clients repeat what is unavailable, and the backend may have done it.
        assert_eq!(response.headers()["grpc-status"], "4");
        assert_eq!(response.headers()["x-pointsman-error"], "response-timeout");
    });
}

#[test]
fn other_requests_have_to_come_in_their_time() {
    run(async {
        let call = Call::begin(post("/a")).await;
        call.pass(11).await;
        let response = head(call.response).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-pointsman-error"]),
            (408, &"request-timeout".parse().unwrap())
        );
    });
}
