//! What the proxy itself answers to a call: a status of gRPC in the head of a response that has nothing else.

use harness::{Backend, Client, Proxy, Response, Setup, choose, guest, nobody};

const CALL: &str = "TE: trailers\r\nConnection: TE\r\nContent-Type: application/grpc+proto\r\n";

/// A call over HTTP/1, with this content.
fn call(client: &mut Client, path: &str, content: &str) -> Response {
    let length = content.len();
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\n{CALL}Content-Length: {length}\r\n\r\n{content}"
    ));
    client.response("POST")
}

/// Whether a response says this of a call: status and label.
fn assert_told(response: &Response, status: &str, label: &str) {
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/grpc"), "{response:?}");
    assert_eq!(response.header("grpc-status"), Some(status), "{response:?}");
    assert!(response.header("grpc-message").is_some_and(|message| !message.is_empty()), "{response:?}");
    assert_eq!((response.error_label(), response.text().as_str()), (Some(label), ""), "{response:?}");
}

/// A proxy that logs its records.
fn start(setup: &Setup<'_>, backends: &[&Backend]) -> Proxy {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address()).collect();
    Proxy::start_with_log("info,pointsman_core::record=debug", &setup.configuration(&addresses))
}

#[test]
fn a_call_that_no_backend_gets_is_unavailable() {
    let config = Setup { workers: 1, ..Setup::default() }.configuration(&[nobody()]);
    let proxy = Proxy::start_with_log("info,pointsman_core::record=debug", &config);
    assert_told(&call(&mut proxy.client(), "/a.B/C", "12345"), "14", "connect-failed");
    // The record has the status that says so in HTTP.
    let record = proxy.log.wait_for("request-ended");
    assert!(record.has(&[("status", "503"), ("error", "connect-failed")]), "{record:?}");
    // Others are told as before.
    let plain = proxy.client().post("/a.B/C", b"12345");
    assert_eq!((plain.status(), plain.header("grpc-status")), (503, None), "{plain:?}");
    assert!(plain.text().starts_with("cannot connect"), "{plain:?}");
}

#[test]
fn a_call_that_breaks_off_at_the_backend_is_unavailable() {
    // The head was sent: what is known of it then is that it was a call.
    let reset = Backend::start(|exchange| {
        exchange.read_body();
        exchange.reset();
    });
    let bad = Backend::start(|exchange| {
        exchange.read_body();
        exchange.send("HTTP/1.1 nonsense\r\n\r\n");
    });
    for (backend, label) in [(&reset, "upstream-reset"), (&bad, "bad-response")] {
        let proxy = start(&Setup { workers: 1, ..Setup::default() }, &[backend]);
        assert_told(&call(&mut proxy.client(), "/a.B/C", "12345"), "14", label);
        assert!(proxy.log.wait_for("request-ended").has(&[("status", "502"), ("error", label)]));
        // The next request of the worker is none.
        let plain = proxy.client().post("/a.B/C", b"12345");
        assert_eq!((plain.status(), plain.error_label()), (502, Some(label)), "{plain:?}");
    }
}

#[test]
fn a_call_that_is_refused_is_told_why() {
    let backend = Backend::named("b");
    let listener = "max_body = \"4B\"\nmax_hops = 1";
    let reject = guest(&format!(
        "(data (i32.const 0) \"x-reject\")
        (func (export \"pointsman_pick\") (result i64) (local $length i32)
            (local.set $length (call $header (i32.const 0) (i32.const 8) (i32.const 64) (i32.const 8)))
            (if (i32.gt_s (local.get $length) (i32.const 0)) (then (return (i64.const 0x200000193))))
            {})",
        choose(0)
    ));
    let setup = Setup { workers: 1, listener, ..Setup::default() };
    let proxy = setup.start_with_policy(&reject, &[&backend]);
    let send = |more: &str, content: &str| {
        let mut client = proxy.client();
        let length = content.len();
        client.send(format!(
            "POST /a.B/C HTTP/1.1\r\nHost: test\r\n{CALL}{more}Content-Length: {length}\r\n\r\n{content}"
        ));
        client.response("POST")
    };
    assert_told(&send("X-Reject: 1\r\n", ""), "7", "policy-reject");
    assert_told(&send("Via: 1.1 pointsman, 1.1 pointsman\r\n", ""), "2", "loop");
    // A body that grows too large, which nobody knew at its head.
    let mut client = proxy.client();
    client.send(format!(
        "POST /a.B/C HTTP/1.1\r\nHost: test\r\n{CALL}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    ));
    backend.wait_for_requests(1);
    client.send("3\r\nabc\r\n");
    assert_told(&client.response("POST"), "8", "body-too-large");
    assert_told(&send("", "12345"), "8", "body-too-large");

    let routed = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npath = \"/a.B/\"\npool = \"p\"\n[pool.p]\nbackends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start(&routed);
    assert_told(&call(&mut proxy.client(), "/other/C", ""), "12", "no-route");
    assert_eq!(call(&mut proxy.client(), "/a.B/C", "1").text(), "b");
}
