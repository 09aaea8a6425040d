//! Timeouts leave out the time in which the proxy was stopped: what has answered meanwhile has answered in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Backend, Client, Latch, Proxy, Setup, sleep, wait_until};

/// Longer than every timeout of these tests.
const STOP: Duration = Duration::from_secs(3);

/// Stops the proxy, lets the backends answer, and lets it go on.
fn stop_while(proxy: &Proxy, release: &Latch) {
    proxy.signal("STOP");
    wait_until("it is stopped", || proxy.system_file("stat").contains(") T "));
    release.open();
    // It is stopped for longer than all limits: that is what these tests are about.
    sleep(STOP);
    proxy.signal("CONT");
}

#[test]
fn answers_that_came_meanwhile_count() {
    let release = Latch::default();
    let backends = ["a", "b"].map(|name| {
        let release = release.clone();
        Backend::start(move |exchange| {
            if exchange.request.target() == "/slow" {
                release.wait();
            }
            exchange.read_body();
            exchange.respond(name);
        })
    });
    let pool = "response_timeout = \"2s\"\n[pool.test.retry]\nattempts = 0";
    let listener = "header_timeout = \"2s\"\nkeepalive_timeout = \"2s\"\nbody_timeout = \"2s\"";
    let proxy = Setup { pool, listener, ..Setup::default() }.start(&backends.each_ref());
    let mut clients: Vec<Client> = (0..30).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    wait_until("the backends have them", || backends.iter().map(Backend::count).sum::<usize>() == 30);
    // Their time runs as well: one has begun a head, one a body, one is idle.
    let mut slow = [(); 3].map(|()| proxy.client());
    slow[0].send("GET / HTTP/1.1\r\n");
    slow[1].send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel");
    assert_eq!(slow[2].get("/").status(), 200);
    stop_while(&proxy, &release);
    for (number, client) in clients.iter_mut().enumerate() {
        let response = client.response("GET");
        assert_eq!((response.status(), response.error_label()), (200, None), "client {number}");
    }
    slow[0].send("Host: test\r\n\r\n");
    slow[1].send("lo");
    assert_eq!((slow[0].response("GET").status(), slow[1].response("POST").status()), (200, 200));
    assert_eq!(slow[2].get("/").status(), 200);
    let mut client = proxy.client();
    let served: String = (0..20).map(|_| client.get("/").text()).collect();
    assert_eq!((served.matches('a').count(), served.matches('b').count()), (10, 10));
    assert_eq!(proxy.log.events("backend-ejected"), []);
    assert!(proxy.log.events("worker-stalled").len() >= 2, "each worker says so");
}

#[test]
fn a_backend_that_has_not_answered_gets_the_rest_of_its_time() {
    let backend = Backend::start(|exchange| exchange.wait_for_close());
    let pool = "response_timeout = \"2s\"\n[pool.test.retry]\nattempts = 0";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    stop_while(&proxy, &Latch::default());
    let began = Instant::now();
    assert_eq!(client.response("GET").error_label(), Some("response-timeout"));
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn health_checks_that_were_answered_meanwhile_pass() {
    let (release, slow, checks) =
        (Latch::default(), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let (waiting, is_slow, count) = (release.clone(), Arc::clone(&slow), Arc::clone(&checks));
    let backend = Backend::start(move |exchange| {
        count.fetch_add(1, Ordering::SeqCst);
        if is_slow.load(Ordering::SeqCst) {
            waiting.wait();
        }
        exchange.respond(&format!("{}ready", "x".repeat(60_000)));
    });
    let check = "health_check = { type = \"http\", interval = \"1s\", fast_interval = \"1s\", \
                 timeout = \"1s\", fall = 1, body_contains = \"ready\" }";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&backend]);
    wait_until("it is checked", || checks.load(Ordering::SeqCst) > 1);
    slow.store(true, Ordering::SeqCst);
    let before = checks.load(Ordering::SeqCst);
    wait_until("a check waits", || checks.load(Ordering::SeqCst) > before);
    stop_while(&proxy, &release);
    let before = checks.load(Ordering::SeqCst);
    wait_until("more checks are done", || checks.load(Ordering::SeqCst) > before + 1);
    assert_eq!(proxy.log.events("backend-unhealthy"), []);
}
