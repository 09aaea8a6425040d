//! Requests wait in line while every backend is full, and not for ever.

use std::time::{Duration, Instant};

use harness::{Backend, Client, Latch, Proxy, Setup, guest, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A backend that answers request `/n` once latch n is open.
fn one_by_one(count: usize) -> (Backend, Vec<Latch>) {
    let latches: Vec<Latch> = (0..count).map(|_| Latch::default()).collect();
    let held = latches.clone();
    let backend = Backend::start(move |exchange| {
        let number: usize = exchange.request.target()[1..].parse().expect("a number");
        held[number].wait();
        exchange.respond(&number.to_string());
    });
    (backend, latches)
}

/// A backend that answers once the latch is open.
fn held() -> (Backend, Latch) {
    let latch = Latch::default();
    let held = latch.clone();
    let backend = Backend::start(move |exchange| {
        held.wait();
        exchange.respond("served");
    });
    (backend, latch)
}

/// Occupies the only place of the backend.
fn occupied(proxy: &Proxy, backend: &Backend) -> Client {
    let mut client = proxy.client();
    client.send(GET);
    backend.wait_for_requests(1);
    client
}

/// Abstains, and logs `queued=N` whenever the number of waiting requests, up to 9, is another one.
const WATCHING: &str = r#"
    (data (i32.const 0) "queued=0")
    (global $last (mut i32) (i32.const 0))
    (func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
    (func (export "pointsman_tick") (local $now i32)
        (local.set $now (i32.wrap_i64 (call $stat (i32.const 1) (i32.const 0))))
        (if (i32.ne (local.get $now) (global.get $last)) (then
            (global.set $last (local.get $now))
            (i32.store8 (i32.const 7) (i32.add (i32.const 48) (local.get $now)))
            (call $log (i32.const 2) (i32.const 0) (i32.const 8)))))"#;

/// Waits until [`WATCHING`] has said this many times that this many requests wait.
fn wait_for_queued(proxy: &Proxy, queued: usize, times: usize) {
    let said = format!("policy says: queued={queued}");
    proxy.log.wait_where_many("policy-logged", times, |line| line.message() == said);
}

#[test]
fn the_first_in_the_queue_is_served_first() {
    for workers in [1, 3] {
        let (backend, latches) = one_by_one(7);
        let pool = "max_requests = 1\n[pool.test.queue]\ntimeout = \"60s\"";
        let proxy =
            Setup { workers, pool, ..Setup::default() }.start_with_policy(&guest(WATCHING), &[&backend]);
        let mut clients = Vec::new();
        for number in 0..7 {
            let mut client = proxy.client();
            client.send(format!("GET /{number} HTTP/1.1\r\nHost: test\r\n\r\n"));
            clients.push(client);
            if number == 0 {
                backend.wait_for_requests(1);
            } else {
                wait_for_queued(&proxy, number, 1);
            }
        }
        assert_eq!(backend.count(), 1);
        for (number, (client, latch)) in clients.iter_mut().zip(&latches).enumerate() {
            backend.wait_for_requests(number + 1);
            assert_eq!(backend.requests()[number].target(), format!("/{number}"), "{workers} workers");
            latch.open();
            assert_eq!(client.response("GET").text(), number.to_string());
        }
    }
}

#[test]
fn a_full_queue_turns_requests_away_at_once() {
    for length in [0, 2] {
        let (backend, release) = held();
        let pool = format!("max_requests = 1\n[pool.test.queue]\nlength = {length}\ntimeout = \"60s\"");
        let proxy = Setup { pool: &pool, ..Setup::default() }.start(&[&backend]);
        let mut first = occupied(&proxy, &backend);
        let mut others: Vec<Client> = (0..length + 3).map(|_| proxy.client()).collect();
        for client in &mut others {
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
        }
        // Three of them, whichever those are.
        wait_until("three are turned away", || {
            let answered = |client: &&Client| {
                client.stream().set_nonblocking(true).expect("a socket");
                let answered = client.stream().peek(&mut [0]).is_ok();
                client.stream().set_nonblocking(false).expect("a socket");
                answered
            };
            others.iter().filter(answered).count() == 3
        });
        release.open();
        assert_eq!(first.response("GET").text(), "served");
        let mut refused = 0;
        for client in &mut others {
            let response = client.response("POST");
            if response.status() == 503 {
                assert_eq!(response.error_label(), Some("queue-full"));
                assert_eq!(response.header("retry-after"), Some("1"));
                refused += 1;
            } else {
                assert_eq!(response.text(), "served");
            }
        }
        assert_eq!((refused, backend.count()), (3, 1 + length), "length {length}");
    }
}

#[test]
fn a_request_that_waits_for_too_long_is_turned_away() {
    let (backend, release) = held();
    let pool = "max_requests = 1\n[pool.test.queue]\ntimeout = \"300ms\"";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let mut first = occupied(&proxy, &backend);
    for method in ["GET", "POST"] {
        let began = Instant::now();
        let mut client = proxy.client();
        client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response(method);
        assert_eq!((response.status(), response.error_label()), (503, Some("queue-timeout")));
        assert_eq!(response.header("retry-after"), Some("1"));
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert_eq!(response.header("connection"), None, "the connection goes on");
    }
    release.open();
    assert_eq!(first.response("GET").text(), "served");
    assert_eq!(backend.count(), 1);
    assert_eq!(proxy.client().get("/").text(), "served");
}

#[test]
fn the_wait_counts_towards_the_time_for_all() {
    let (backend, _release) = held();
    let pool = "max_requests = 1\ntotal_timeout = \"500ms\"";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let slow: Vec<Client> = vec![occupied(&proxy, &backend)];
    let response = proxy.client().get("/");
    // Or the first one has timed out just before, and this one had its turn.
    assert_eq!((response.status(), response.error_label()), (504, Some("total-timeout")));
    drop(slow);
}

#[test]
fn a_request_that_leaves_the_queue_makes_room_in_it() {
    let (backend, release) = held();
    let pool = "max_requests = 1\n[pool.test.queue]\nlength = 1\ntimeout = \"60s\"";
    let proxy =
        Setup { workers: 1, pool, ..Setup::default() }.start_with_policy(&guest(WATCHING), &[&backend]);
    let mut first = occupied(&proxy, &backend);
    let mut waiting = proxy.client();
    waiting.send(GET);
    wait_for_queued(&proxy, 1, 1);
    assert_eq!(proxy.client().get("/").error_label(), Some("queue-full"));
    drop(waiting);
    wait_for_queued(&proxy, 0, 1);
    let mut second = proxy.client();
    second.send(GET);
    wait_for_queued(&proxy, 1, 2);
    release.open();
    assert_eq!(first.response("GET").text(), "served");
    assert_eq!(second.response("GET").text(), "served");
    assert_eq!(backend.count(), 2, "the one that left was never sent");
}

/// A pool whose only backend may have so many, by this limit of its own or of the pool.
fn limited(workers: usize, backend: &Backend, of_pool: &str, of_backend: &str) -> String {
    format!(
        "workers = {workers}\n[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.test]\nresponse_timeout = \"5m\"\n{of_pool}\nbackends = [{{ name = \"b0\", address = \"{}\"{of_backend} }}]\n\
         [pool.test.queue]\ntimeout = \"5m\"\n",
        backend.address()
    )
}

#[test]
fn those_that_wait_notice_when_a_reload_raises_the_limit() {
    for workers in [1, 3] {
        for limit in ["max_requests", "max_connections"] {
            for is_of_pool in [true, false] {
                let (backend, release) = held();
                let config = |most: u64| match is_of_pool {
                    true => limited(workers, &backend, &format!("{limit} = {most}"), ""),
                    false => limited(workers, &backend, "", &format!(", {limit} = {most}")),
                };
                let proxy = Proxy::start(&config(1));
                let mut clients: Vec<Client> = (0..6).map(|_| proxy.client()).collect();
                for client in &mut clients {
                    client.send(GET);
                }
                wait_until("five wait", || {
                    let metrics = Client::connect(proxy.admin()).get("/metrics").text();
                    let sample = "pointsman_pool_queue_requests{pool=\"test\"} ";
                    let value =
                        metrics.lines().find_map(|line| line.strip_prefix(sample)?.parse::<f64>().ok());
                    value == Some(5.0)
                });
                assert_eq!(backend.count(), 1);
                proxy.reload(&config(4));
                backend.wait_for_requests(4);
                // One that comes now goes behind them.
                let mut later = proxy.client();
                later.send(GET);
                // Also after another one, for those that have waited since the first configuration.
                proxy.reload(&config(5));
                backend.wait_for_requests(5);
                release.open();
                for client in clients.iter_mut().chain([&mut later]) {
                    let response = client.response("GET");
                    assert_eq!((response.status(), response.text().as_str()), (200, "served"), "{limit}");
                }
            }
        }
    }
}

#[test]
fn a_crowd_gets_through_a_narrow_pool() {
    let backends = [Backend::named("a"), Backend::named("b"), Backend::named("c")];
    let pool = "max_requests = 1\n[pool.test.queue]\nlength = 200\ntimeout = \"60s\"";
    let proxy =
        Setup { workers: 3, pool, policy: "\"least-conn\"", ..Setup::default() }.start(&backends.each_ref());
    let address = proxy.address();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..20 {
                    assert_eq!(client.get("/").status(), 200);
                }
            });
        }
    });
    assert_eq!(backends.iter().map(Backend::count).sum::<usize>(), 800);
}
