//! Heads of responses that are as large as they may be, hundreds at a time, and interim responses without end.

use harness::{Backend, Client, Proxy, Setup};

const MIB: u64 = 1024 * 1024;

#[test]
fn hundreds_at_a_time_pass_and_leave_little_behind() {
    const CLIENTS: usize = 300;
    const FIELD: usize = 6000;
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let fields: String = (0..10).map(|n| format!("X-{n}: {}\r\n", "x".repeat(FIELD))).collect();
        exchange.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"));
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    assert_eq!(proxy.client().get("/").text(), "ok");
    let before = proxy.resident_memory();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        }
        for client in &mut clients {
            let response = client.response("GET");
            assert_eq!((response.text().as_str(), response.header("x-9").map(str::len)), ("ok", Some(FIELD)));
        }
    }
    // Of each no more than the head itself, for the client and for the backend, and not once for each round.
    let grown = proxy.resident_memory().saturating_sub(before);
    assert!(grown < CLIENTS as u64 * 256 * 1024, "grew by {} MiB", grown / MIB);
}

#[test]
fn interim_responses_without_end_are_cut_off() {
    let backend = Backend::start(|exchange| {
        let hint = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "x".repeat(4000));
        if exchange.request.target() == "/some" {
            exchange.send(hint.repeat(300));
            return exchange.respond("at last");
        }
        exchange.keep_alive = false;
        while exchange.try_send(&hint).is_ok() {}
    });
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/some").text(), "at last");
    let before = proxy.resident_memory();
    for method in ["GET", "POST"] {
        client.send(format!("{method} /endless HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response(method);
        let answer = (response.status(), response.error_label());
        assert_eq!(answer, (502, Some("too-many-interim-responses")), "{method}");
    }
    let grown = proxy.resident_memory().saturating_sub(before);
    assert!(grown < 8 * MIB, "grew by {} KiB", grown / 1024);
    // On the same connection, too: what is counted is counted for each request.
    for _ in 0..3 {
        assert_eq!(client.get("/some").text(), "at last");
    }
}
