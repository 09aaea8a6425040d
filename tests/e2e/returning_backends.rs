//! With `wait`, requests wait for a backend that is away for a moment, and not for ever.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Proxy, Setup, guest, nobody};

fn returned(address: SocketAddr) -> Backend {
    Backend::start_on(address, |exchange| {
        exchange.read_body();
        let told =
            format!("{} {}", exchange.request.method(), String::from_utf8_lossy(&exchange.request.body));
        exchange.respond(&told);
    })
}

/// Abstains, and says `many=KIND` once this number of backend 0 (0 in flight, 1 waiting, 2 requests) has come to `most`.
fn watching(kind: u32, most: u32) -> Vec<u8> {
    guest(&format!(
        r#"
        (data (i32.const 0) "many={kind}")
        (global $said (mut i32) (i32.const 0))
        (func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
        (func (export "pointsman_tick")
            (if (i32.and
                    (i32.eqz (global.get $said))
                    (i64.ge_u (call $stat (i32.const {kind}) (i32.const 0)) (i64.const {most})))
                (then
                    (global.set $said (i32.const 1))
                    (call $log (i32.const 2) (i32.const 0) (i32.const 6)))))"#
    ))
}

/// A proxy before such addresses, whose policy says when there have been many.
fn proxy(pool: &str, policy: &[u8], addresses: &[SocketAddr]) -> Proxy {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine.wasm"), policy).expect("a plugin file");
    let setup = Setup { workers: 1, pool, policy: "{ file = \"mine.wasm\" }", ..Setup::default() };
    Proxy::start_in(directory, &setup.configuration(addresses))
}

/// Waits until the policy has said so.
fn wait_for_many(proxy: &Proxy, kind: u32) {
    let said = format!("policy says: many={kind}");
    proxy.log.wait_where("policy-logged", |line| line.message() == said);
}

/// Health decides alone.
const CHECKED: &str = "panic_threshold = 0\nhealth_check = { type = \"tcp\", interval = \"20ms\", fast_interval = \"20ms\", timeout = \"20ms\", \
                       rise = 1, fall = 1 }\n";

#[test]
fn requests_wait_while_the_only_backend_restarts() {
    let address = nobody();
    let proxy = proxy("[pool.test.retry]\nwait = \"60s\"", &watching(2, 24), &[address]);
    let mut clients: Vec<Client> = (0..8).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        if number % 2 == 0 {
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        } else {
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
        }
    }
    // Each of them three times on average.
    wait_for_many(&proxy, 2);
    let backend = returned(address);
    for (number, client) in clients.iter_mut().enumerate() {
        let expected = if number % 2 == 0 { "GET " } else { "POST hello" };
        assert_eq!(client.response("GET").text(), expected);
    }
    assert_eq!(backend.count(), 8, "each once");
}

#[test]
fn requests_wait_while_no_backend_is_healthy() {
    let address = nobody();
    let pool = format!("{CHECKED}[pool.test.retry]\nwait = \"60s\"");
    let proxy = proxy(&pool, &watching(1, 3), &[address]);
    proxy.log.wait_for("backend-unhealthy");
    let mut clients: Vec<Client> = (0..3).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    }
    wait_for_many(&proxy, 1);
    let _backend = returned(address);
    for client in &mut clients {
        assert_eq!(client.response("POST").text(), "POST hello");
    }
}

#[test]
fn the_one_that_returned_is_found_among_those_that_did_not() {
    let addresses = [nobody(), nobody(), nobody()];
    let pool = "ejection = { enabled = false }\n[pool.test.retry]\nwait = \"60s\"\nbackoff = \"5ms\"";
    let proxy = Setup { workers: 1, pool, policy: "\"least-conn\"", ..Setup::default() }.start_at(&addresses);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let _backend = returned(addresses[2]);
    assert_eq!(client.response("GET").text(), "GET ");
}

#[test]
fn what_is_safe_is_sent_again_after_a_reset_and_nothing_else() {
    let served = std::sync::atomic::AtomicUsize::new(0);
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 4 {
            exchange.reset();
        } else {
            exchange.respond("served");
        }
    });
    let pool = "[pool.test.retry]\nwait = \"60s\"\nbackoff = \"5ms\"";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let response = proxy.client().post("/", b"once");
    assert_eq!((response.status(), response.error_label()), (502, Some("upstream-reset")));
    assert_eq!(backend.count(), 1);
    assert_eq!(proxy.client().get("/").text(), "served");
    assert_eq!(backend.count(), 5);
}

#[test]
fn no_request_waits_for_longer_than_that() {
    let wait = "[pool.test.retry]\nwait = \"300ms\"";
    let refused = proxy(wait, &watching(2, 1), &[nobody()]);
    let down = proxy(&format!("{CHECKED}{wait}"), &watching(2, 1), &[nobody()]);
    down.log.wait_for("backend-unhealthy");
    for (proxy, label) in [(refused, "connect-failed"), (down, "no-backend")] {
        let began = Instant::now();
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.error_label()), (503, Some(label)));
        // The last pause that would end after it isn't made.
        assert!(began.elapsed() >= Duration::from_millis(50), "{label}: {:?}", began.elapsed());
        assert!(label == "connect-failed" || began.elapsed() >= Duration::from_millis(300));
    }
}

#[test]
fn no_more_wait_than_may() {
    let none = "[pool.test.queue]\nlength = 0\n[pool.test.retry]\nwait = \"60s\"";
    let refused = proxy(none, &watching(2, 1), &[nobody()]);
    assert_eq!(refused.client().get("/").error_label(), Some("connect-failed"));

    let one = "[pool.test.queue]\nlength = 1\n[pool.test.retry]\nwait = \"60s\"";
    let down = proxy(&format!("{CHECKED}{one}"), &watching(1, 1), &[nobody()]);
    down.log.wait_for("backend-unhealthy");
    let mut first = down.client();
    first.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_for_many(&down, 1);
    assert_eq!(down.client().get("/").error_label(), Some("queue-full"));
}
