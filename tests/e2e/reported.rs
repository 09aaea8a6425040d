//! Inputs that other proxies' bug reports and advisories are about, and that no other test has.

mod fields;
mod mirrors;
mod redirects;
mod sockets;
mod splits;

use harness::{Backend, Latch, Proxy, Setup};

use crate::refused::{case, check};

#[test]
fn what_two_parsers_read_differently_is_refused() {
    let first_line = |line: &str, status, label| case(format!("{line}\r\nHost: a\r\n\r\n"), status, label);
    check(&[
        // sozu-proxy/sozu 726, tinyproxy/tinyproxy 616: a coding that one side trims and the other doesn't.
        case(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\nContent-Length: 60\r\n\r\n0\r\n\r\n",
            400,
            "conflicting-length",
        ),
        case(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked  ,  gzip\r\n\r\n",
            400,
            "transfer-encoding",
        ),
        // CVE-2023-25725 (HAProxy): a field without a name hides those behind it.
        case("GET / HTTP/1.1\r\nHost: a\r\n:\r\nContent-Length: 27\r\n\r\n", 400, "malformed-head"),
        // "0.CL": a length that one side doesn't see, as it is folded, or behind a line that looks odd.
        case("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 7\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 7\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\x0b\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 7\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\nContent-Length\0: 7\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\n\"Content-Length: 7\r\n\r\n", 400, "malformed-head"),
        case("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\nContent-Length: 7\r\n\r\n", 400, "malformed-head"),
        // haproxy/haproxy 2565: the form of CONNECT with another method.
        first_line("GET example.com:80 HTTP/1.1", 400, "malformed-target"),
        first_line("OPTIONS example.com HTTP/1.1", 400, "malformed-target"),
        // Versions that are nearly right.
        first_line("GET / HTTP/1.10", 400, "malformed-head"),
        first_line("GET / HTTP/01.1", 505, "version"),
        first_line("GET / HTTP/1.1 ", 400, "malformed-head"),
        first_line("GET / HTTP/1.1\r", 400, "malformed-head"),
        first_line("GET /\tHTTP/1.1", 400, "malformed-head"),
        first_line("GET\t/ HTTP/1.1", 400, "malformed-head"),
    ]);
}

#[test]
fn an_absolute_target_without_a_path_keeps_its_query_apart() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    // haproxy/haproxy 3460: the slash came behind the signature. 1378: Host doesn't count.
    let mut client = proxy.client();
    client.send(
        "GET http://api.example.com?token=abc123&signature=YmFzZTY0%3D HTTP/1.1\r\nHost: other.example\r\n\r\n",
    );
    assert_eq!(client.response("GET").text(), "backend");
    let request = &backend.requests()[0];
    assert_eq!(request.target(), "/?token=abc123&signature=YmFzZTY0%3D");
    assert_eq!(request.values("host"), ["api.example.com"]);
}

#[test]
fn a_response_that_names_another_protocol_is_an_ordinary_one() {
    // envoyproxy/envoy 10566: the end of the body was lost.
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        exchange.send(
            "HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n",
        );
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!((response.text().as_str(), response.whole), ("hello", true));
        assert_eq!(response.header("upgrade"), None);
    }
}

#[test]
fn what_follows_a_response_without_a_body_answers_no_request() {
    // envoyproxy/envoy 11458 and others: a body, or the end of one, where there can be none.
    const STRAY: [&str; 6] = [
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
    ];
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        match exchange.request.target().strip_prefix("/stray/").and_then(|place| place.parse::<usize>().ok())
        {
            Some(place) => exchange.send(STRAY[place]),
            None => exchange.respond("good"),
        }
    });
    let setup = Setup { workers: 1, pool: "ejection = { enabled = false }", ..Setup::default() };
    let proxy = setup.start(&[&backend]);
    for (place, stray) in STRAY.iter().enumerate() {
        for _ in 0..5 {
            let mut client = proxy.client();
            let status = client.get(&format!("/stray/{place}")).status();
            assert!([200, 204, 304].contains(&status), "{stray}: {status}");
            // The next client, on this connection or another one.
            assert_eq!(client.get("/good").text(), "good", "after {stray}");
            assert_eq!(proxy.client().get("/good").text(), "good", "after {stray}");
        }
    }
}

#[test]
fn an_unrequested_response_answers_no_request() {
    // projectdiscovery/nuclei 7671 and others: a second response, while the connection is idle.
    let (heard, said) = (Latch::default(), Latch::default());
    let (hear, say) = (heard.clone(), said.clone());
    let backend = Backend::start(move |exchange| {
        exchange.respond("good");
        if exchange.request.target() == "/twice" {
            hear.wait();
            exchange.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\n\r\nbad");
            say.open();
        }
    });
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/twice").text(), "good");
    heard.open();
    said.wait();
    for _ in 0..3 {
        assert_eq!(client.post("/next", b"x").text(), "good");
    }
}
