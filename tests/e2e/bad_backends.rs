//! A backend that doesn't speak HTTP costs the request that went to it, and nothing else.

use harness::{Backend, Proxy};

/// What a backend answers, after which it closes the connection, and the label of the 502 that comes of it.
fn check(answers: &[(Vec<u8>, &str)]) {
    let cases: Vec<Vec<u8>> = answers.iter().map(|(bytes, _)| bytes.clone()).collect();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        match exchange.request.target()[1..].parse::<usize>() {
            Ok(case) => {
                exchange.send(&cases[case]);
                exchange.keep_alive = false;
            }
            Err(_) => exchange.respond("good"),
        }
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for (case, (bytes, label)) in answers.iter().enumerate() {
        let shown = crate::refused::shown(bytes);
        // POST, so that nothing is sent twice.
        let response = client.post(&format!("/{case}"), b"");
        assert_eq!((response.status(), response.error_label()), (502, Some(*label)), "{shown}");
        assert_eq!(client.get("/good").text(), "good", "after {shown}");
    }
    assert_eq!(backend.count(), 2 * answers.len());
}

#[test]
fn what_is_no_response_is_answered_with_502() {
    let mut answers: Vec<(Vec<u8>, &str)> = [
        "garbage\r\n\r\n",
        "\0\x01\x02",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        // Nobody asked for another coding, and without its name the content would make no sense.
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ]
    .map(|bytes| (bytes.into(), "bad-response"))
    .into();
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(70 * 1024));
    answers.push((large.into(), "response-head-too-large"));
    answers.push((format!("HTTP/1.1 200 {}", "x".repeat(1024 * 1024)).into(), "response-head-too-large"));
    let many: String = (0..300).map(|n| format!("X-{n}: y\r\n")).collect();
    answers.push((
        format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n").into(),
        "too-many-response-headers",
    ));
    check(&answers);
}

#[test]
fn a_response_that_ends_before_it_begins_is_answered_with_502() {
    check(
        &[
            "",
            "HTT",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ]
        .map(|bytes| (bytes.into(), "upstream-reset")),
    );
}

#[test]
fn a_backends_fault_is_not_taken_for_that_of_the_request_behind() {
    let backend = Backend::start(|exchange| {
        exchange.send("garbage\r\n\r\n");
        exchange.wait_for_close();
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGARBAGE\r\n\r\n");
    let response = client.response("GET");
    assert_eq!((response.status(), response.error_label()), (502, Some("bad-response")));
    let response = client.response("GET");
    assert_eq!((response.status(), response.error_label()), (400, Some("malformed-head")));
    assert!(client.is_closed());
}

#[test]
fn an_unrequested_change_of_protocol_is_answered_with_502() {
    let change = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfrom the other side";
    check(&[(change.into(), "unwanted-upgrade")]);
}

#[test]
fn what_a_backend_sends_unasked_never_answers_the_next_request() {
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for extra in [evil, "x", "\r\n"] {
        let backend = Backend::start(move |exchange| {
            exchange.read_body();
            exchange.send(format!("{good}{extra}"));
        });
        let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let mut client = proxy.client();
        for _ in 0..10 {
            let response = client.get("/");
            assert_eq!((response.status(), response.text().as_str()), (200, "good"), "{extra:?}");
        }
    }
}

#[test]
fn what_a_backend_sends_after_a_body_that_has_none_never_answers_the_next_request() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        // A HEAD, and a 304, that come with a body all the same.
        match exchange.request.method() {
            "HEAD" => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/"),
            "PUT" => exchange.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/"),
            _ => exchange.respond("good"),
        }
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for (method, status) in
        [("HEAD", 200), ("GET", 200), ("PUT", 304), ("GET", 200), ("HEAD", 200), ("GET", 200)]
    {
        client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response(method);
        assert_eq!(response.status(), status, "{method}");
        assert_eq!(response.text(), if method == "GET" { "good" } else { "" });
    }
}
