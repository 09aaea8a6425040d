//! The status of a call, which says what HTTP's own doesn't.

use bytes::Bytes;
use harness::{Client, Http2Backend, Http2Exchange, Proxy, Setup, guest, wait_until};
use http::{HeaderMap, HeaderValue, Response};

/// One message, which says whose it is.
fn message(name: &str) -> Vec<u8> {
    [&[0, 0, 0, 0, u8::try_from(name.len()).expect("a short name")], name.as_bytes()].concat()
}

fn status(code: Option<&'static str>) -> HeaderMap {
    code.map(|code| (http::HeaderName::from_static("grpc-status"), HeaderValue::from_static(code)))
        .into_iter()
        .collect()
}

/// Where a backend says how a call ended.
#[derive(Clone, Copy)]
enum Place {
    Head,
    Trailers,
}

/// Answers a call with a message and this status.
async fn answer(mut exchange: Http2Exchange, name: &str, place: Place, code: Option<&'static str>) {
    let mut head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    if matches!(place, Place::Head) {
        head.headers_mut().extend(status(code));
        let _ = exchange.respond.send_response(head, true);
        return;
    }
    exchange.read_body().await;
    let Ok(mut stream) = exchange.respond.send_response(head, false) else { return };
    let _ = stream.send_data(Bytes::from(message(name)), code.is_none());
    if code.is_some() {
        let _ = stream.send_trailers(status(code));
    }
}

/// A backend that answers each call in this way.
fn backend(name: &'static str, place: Place, code: Option<&'static str>) -> Http2Backend {
    Http2Backend::start(&h2::server::Builder::new(), move |exchange| answer(exchange, name, place, code))
}

/// A call over HTTP/1: its status if the head has it, and the message.
fn call(client: &mut Client) -> (Option<String>, String) {
    client.send(
        "POST /a.B/C HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nConnection: TE\r\n\
         Content-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
    );
    let response = client.response("POST");
    assert_eq!((response.status(), response.error_label()), (200, None), "{response:?}");
    (
        response.header("grpc-status").map(str::to_owned),
        response.text().split_off(5.min(response.text().len())),
    )
}

const NO_EJECTION: &str = "protocol = \"h2\"\nejection = { enabled = false }";

#[test]
fn a_backend_that_refuses_every_call_at_once_is_ejected() {
    for place in [Place::Head, Place::Trailers] {
        let refusing = backend("refused", place, Some("14"));
        let others = [backend("b", Place::Trailers, Some("0")), backend("c", Place::Trailers, Some("0"))];
        let addresses = [refusing.address(), others[0].address(), others[1].address()];
        let proxy = Setup { pool: "protocol = \"h2\"", ..Setup::default() }.start_at(&addresses);
        let mut client = proxy.client();
        let mut sent = 0;
        wait_until("it is ejected", || {
            sent += 1;
            call(&mut client);
            !proxy.log.events("backend-ejected").is_empty()
        });
        let line = proxy.log.wait_for("backend-ejected");
        // More than the five that it takes, where the machine is busy.
        let reason = line.field("reason").unwrap_or_default();
        assert!(line.has(&[("backend", "b0")]) && reason.ends_with("gateway failures in a row"), "{line}");
        println!("ejected after {sent} calls");
        for _ in 0..100 {
            let (status, message) = call(&mut client);
            assert!(status.is_none() && ["b", "c"].contains(&message.as_str()), "{status:?} {message}");
        }
    }
}

#[test]
fn one_whose_client_sets_short_deadlines_is_not() {
    let hurried = backend("a", Place::Trailers, Some("4"));
    let others = backend("b", Place::Trailers, Some("0"));
    let pool = "protocol = \"h2\"\nejection = { max_percent = 100, failure_percent = 0 }";
    let proxy =
        Setup { workers: 1, pool, ..Setup::default() }.start_at(&[hurried.address(), others.address()]);
    let mut client = proxy.client();
    let seen: String = (0..30).map(|_| call(&mut client).1).collect();
    assert_eq!((seen.matches('a').count(), seen.matches('b').count()), (15, 15), "{seen}");
    assert!(proxy.log.events("backend-ejected").is_empty());
}

/// A policy that says which status it observes.
fn observing() -> Vec<u8> {
    guest(
        "(func $digit (param $at i32) (param $digit i32)
            (i32.store8 (local.get $at) (i32.add (i32.const 0x30) (i32.rem_u (local.get $digit) (i32.const 10)))))
        (func (export \"pointsman_observe\") (param $backend i32) (param $status i32) (param $outcome i32) (param i64 i64)
            (call $digit (i32.const 64) (i32.div_u (local.get $status) (i32.const 100)))
            (call $digit (i32.const 65) (i32.div_u (local.get $status) (i32.const 10)))
            (call $digit (i32.const 66) (local.get $status))
            (i32.store8 (i32.const 67) (i32.const 0x2f))
            (call $digit (i32.const 68) (local.get $outcome))
            (call $log (i32.const 3) (i32.const 64) (i32.const 5)))",
    )
}

/// What a policy and the record see of a call that ends so.
fn check(place: Place, code: Option<&'static str>, expected: &str) {
    let backend = backend("a", place, code);
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine.wasm"), observing()).expect("a plugin file");
    let setup =
        Setup { workers: 1, policy: "{ file = \"mine.wasm\" }", pool: NO_EJECTION, ..Setup::default() };
    let proxy = Proxy::start_in_with_log(
        directory,
        "info,pointsman_core::record=debug",
        &setup.configuration(&[backend.address()]),
    );
    let admitted = proxy.log.events("policy-logged").len();
    let (in_head, _) = call(&mut proxy.client());
    assert_eq!(
        in_head.as_deref(),
        code.filter(|_| matches!(place, Place::Head)),
        "the client gets what was sent"
    );
    let said = proxy.log.wait_for_many("policy-logged", admitted + 1);
    let last = said.last().expect("a line").message().to_owned();
    assert!(last.ends_with(&format!("{expected}/0")), "{code:?}: {last}");
    let record = proxy.log.wait_for("request-ended");
    assert!(record.has(&[("status", expected)]) && record.field("error").is_none(), "{code:?}: {record}");
}

#[test]
fn a_policy_observes_what_a_status_means() {
    for (code, expected) in [
        (Some("0"), "200"),
        (Some("5"), "200"),
        (Some("14"), "503"),
        (Some("13"), "500"),
        (Some("4"), "504"),
        (Some("nonsense"), "500"),
        (None, "500"),
    ] {
        check(Place::Trailers, code, expected);
        check(Place::Head, code, expected);
    }
}
