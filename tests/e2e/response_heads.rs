//! Response heads of many fields, and with more than one length.

use harness::{Backend, Response, Setup};

/// A backend that answers `/N` with N fields, of which the last one is marked.
fn with_fields() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let count: usize = exchange.request.target()[1..].parse().expect("a number");
        let head = exchange.request.method() == "HEAD";
        // One of them is the length.
        let fields: String = (1..count).map(|n| format!("X-{n}: {n}\r\n")).collect();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\n{}",
            if head { "" } else { "ok" }
        ));
    })
}

#[test]
fn many_fields_pass_and_too_many_are_named() {
    let backend = with_fields();
    let proxy =
        Setup { workers: 1, pool: "ejection = { enabled = false }", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for count in [99, 100, 101, 151, 256, 1, 151, 2] {
        for _ in 0..2 {
            let response = client.get(&format!("/{count}"));
            assert_eq!((response.status(), response.text().as_str()), (200, "ok"), "{count}");
            let last = format!("x-{}", count - 1);
            let value = (count > 1).then(|| (count - 1).to_string());
            assert_eq!(response.header(&last), value.as_deref(), "{count}");
            let ours = response
                .headers()
                .iter()
                .filter(|(name, _)| name.starts_with("x-") && name != "x-request-id");
            assert_eq!(ours.count(), count - 1, "{count}");
        }
        client.send(format!("HEAD /{count} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.response("HEAD").header("content-length"), Some("2"), "{count}");
        assert_eq!(client.post(&format!("/{count}"), b"body").text(), "ok", "{count}");
    }
    assert_eq!(backend.connections(), 1, "it goes on after each of them");
    for count in [257, 1_000] {
        let response = client.get(&format!("/{count}"));
        assert_eq!(
            (response.status(), response.error_label()),
            (502, Some("too-many-response-headers")),
            "{count}"
        );
        assert!(response.text().contains("max_response_headers"), "{}", response.text());
        assert_eq!(client.get("/101").status(), 200, "after {count}");
    }
}

#[test]
fn the_limit_can_be_set() {
    for (limit, good, bad) in [(50, 50, 51), (100, 100, 101), (1_000, 1_000, 1_001)] {
        let backend = with_fields();
        let pool = format!("max_response_headers = {limit}");
        let proxy = Setup { workers: 1, pool: &pool, ..Setup::default() }.start(&[&backend]);
        let mut client = proxy.client();
        assert_eq!(client.get(&format!("/{good}")).status(), 200, "{limit}");
        let response = client.get(&format!("/{bad}"));
        assert_eq!(response.error_label(), Some("too-many-response-headers"), "{limit}");
        assert_eq!(client.get(&format!("/{good}")).status(), 200, "{limit}");
    }
}

#[test]
fn many_fields_in_pieces_and_of_an_early_answer() {
    let fields: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\n");
    let backend = Backend::start(move |exchange| {
        if exchange.request.target() == "/early" {
            // The rest of the request never comes.
            exchange.send(format!("{head}ok"));
            exchange.wait_for_close();
            return;
        }
        for piece in head.as_bytes().chunks(500) {
            exchange.send(piece);
            std::thread::yield_now();
        }
        exchange.send("ok");
    });
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for round in 0..20 {
        assert_eq!(client.get("/").text(), "ok", "round {round}");
    }
    client.send("POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nhello");
    let response = client.response("POST");
    assert_eq!((response.text().as_str(), response.header("x-199")), ("ok", Some("199")));
}

#[test]
fn a_change_of_protocol_with_many_fields_loses_nothing() {
    let fields: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let early = "e".repeat(30_000);
    let sent = early.clone();
    let backend = Backend::start(move |exchange| {
        let head =
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n{fields}\r\n");
        exchange.send(head + &sent + "end");
        exchange.wait_for_close();
    });
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    assert!(client.read_exactly(30_003) == (early + "end").as_bytes());
}

#[test]
fn a_health_check_takes_many_fields() {
    let fields: String = (0..151).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let backend = Backend::start(move |exchange| {
        exchange.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n"));
    });
    let check = "health_check = { type = \"http\", interval = \"50ms\", fall = 1 }";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&backend]);
    backend.wait_for_requests(10);
    // On a busy machine one may be late.
    for line in proxy.log.events("backend-unhealthy") {
        assert!(!line.field("reason").is_some_and(|reason| reason.contains("no valid response")), "{line}");
    }
}

fn lengths_of(response: &Response) -> Vec<&str> {
    let lengths = response.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn several_lengths_become_one_or_a_502() {
    let backend = Backend::start(|exchange| {
        let lengths = exchange.request.header("x-lengths").expect("lengths").replace('|', "\r\n");
        let body = if exchange.request.method() == "HEAD" { "" } else { "ok" };
        exchange.send(format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n{body}"));
    });
    let proxy = Setup { pool: "ejection = { enabled = false }", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    for method in ["GET", "HEAD"] {
        for (lengths, is_good) in [
            ("Content-Length: 2", true),
            ("Content-Length: 2, 2", true),
            ("Content-Length: 2|Content-Length: 2", true),
            ("Content-Length: 2, 3", false),
            ("Content-Length: 2|Content-Length: 3", false),
            ("Content-Length: +2", false),
            ("Content-Length: two", false),
        ] {
            client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nX-Lengths: {lengths}\r\n\r\n"));
            let response = client.response(method);
            if is_good {
                assert_eq!((response.status(), lengths_of(&response)), (200, vec!["2"]), "{lengths}");
            } else {
                assert_eq!(
                    (response.status(), response.error_label()),
                    (502, Some("bad-response")),
                    "{lengths}"
                );
            }
        }
    }
}
