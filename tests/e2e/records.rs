//! Each request is on record once it has ended, whatever became of it.

use harness::{Backend, Proxy, Setup, nobody};

/// A proxy over these backends that logs its records.
fn start(backends: &[std::net::SocketAddr]) -> Proxy {
    let setup = Setup {
        workers: 1,
        policy: "\"round-robin\"",
        pool: "ejection = { enabled = false }",
        ..Setup::default()
    };
    Proxy::start_with_log("info,pointsman_core::record=debug", &setup.configuration(backends))
}

/// The only record with these fields.
fn assert_recorded(proxy: &Proxy, number: usize, fields: &[(&str, &str)], absent: &[&str]) {
    let records = proxy.log.wait_for_many("request-ended", number);
    let record = &records[number - 1];
    assert!(record.has(fields), "{record:?}");
    for name in absent {
        assert_eq!(record.field(name), None, "{record:?}");
    }
}

#[test]
fn the_outcome_of_a_request_is_one_line() {
    let backend = Backend::named("hello");
    let proxy = start(&[backend.address()]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "hello");
    let served = [("status", "200"), ("attempts", "1"), ("body_bytes", "5")];
    assert_recorded(&proxy, 1, &served, &["error"]);
    client.send("GET / HTTP/1.1\r\nNo colon\r\n\r\n");
    assert_eq!(client.response("GET").status(), 400);
    let refused = [("status", "400"), ("error", "malformed-head"), ("attempts", "0")];
    assert_recorded(&proxy, 2, &refused, &["backend", "pool"]);
}

#[test]
fn each_attempt_counts() {
    let backend = Backend::named("hello");
    let proxy = start(&[nobody(), backend.address()]);
    let mut client = proxy.client();
    let mut attempts = Vec::new();
    for number in 1..=2 {
        assert_eq!(client.get("/").text(), "hello");
        let records = proxy.log.wait_for_many("request-ended", number);
        attempts.push(records[number - 1].field("attempts").map(str::to_owned));
    }
    attempts.sort();
    assert_eq!(
        attempts,
        [Some("1".to_owned()), Some("2".to_owned())],
        "one request began at the dead backend"
    );
}
