//! What an unrelated change leaves alone.

use std::io::{Read, Write};

use harness::{Backend, Exchange, Latch, Proxy, guest};

use super::{config, pool, route};

/// The guest's memory counts its picks: the first goes to backend 0, the second to backend 1 and so on.
const COUNTING: &str = r#"
    (global $turn (mut i32) (i32.const -1))
    (func (export "pointsman_pick") (result i64)
        (local $index i32)
        (global.set $turn (i32.add (global.get $turn) (i32.const 1)))
        (local.set $index (i32.rem_u (global.get $turn) (call $backend_count)))
        (if (i32.or (i32.eqz (i32.and (call $flags (local.get $index)) (i32.const 1)))
                (i32.eq (call $tried (local.get $index)) (i32.const 1)))
            (then (return (i64.const 0x100000000))))
        (i64.extend_i32_u (local.get $index)))"#;

const COUNTER: &str = "policy = { file = \"counter.wasm\" }";

fn one_worker(rest: &str) -> String {
    config(rest).replace("workers = 2", "workers = 1")
}

#[test]
fn a_policy_keeps_its_instance_and_memory_through_changes_around_it() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("counter.wasm"), guest(COUNTING)).expect("a plugin");
    let all = ["0", "1", "2"].map(Backend::named);
    let all = all.each_ref();
    let other = Backend::named("other");
    let routes = route("/other", "other") + &route("/", "counted");
    let start = |counted: &[&Backend], more: &str, other_pool: &str| {
        one_worker(&(routes.clone() + &pool("counted", counted, &format!("{COUNTER}\n{more}")) + other_pool))
    };
    let proxy = Proxy::start_in(directory, &start(&all, "", &pool("other", &[&other], "")));
    let mut client = proxy.client();
    let mut serves = || client.get("/").text();
    assert_eq!([serves(), serves()], ["0", "1"]);
    proxy.reload(&start(&all, "", &pool("other", &[&other], "policy = \"least-conn\"")));
    assert_eq!(serves(), "2");
    // Limits and backends of its own pool change, too, but what it knows stays.
    proxy.reload(&start(&all, "idle_timeout = \"20s\"", &pool("other", &[&other], "")));
    assert_eq!(serves(), "0");
    proxy.reload(&start(&[all[1], all[2], all[0]], "", &pool("other", &[&other], "")));
    assert_eq!(serves(), "2", "the second backend is another one now");
    // Its own settings are another matter.
    let other_deadline = start(&all, "", &pool("other", &[&other], ""))
        .replace("counter.wasm\" }", "counter.wasm\", deadline = \"4ms\" }");
    let changes = proxy.reload(&other_deadline);
    assert!(changes.contains("~pool.counted.policy"), "{changes}");
    assert_eq!(serves(), "0");
}

#[test]
fn cells_and_counters_outlive_a_policy_and_a_change_of_the_pool() {
    let release = Latch::default();
    let named = |name: &'static str| {
        let opened = release.clone();
        Backend::start(move |exchange| {
            exchange.read_body();
            if exchange.request.target() == "/slow" {
                opened.wait();
            }
            exchange.respond(name);
        })
    };
    let (one, two, three) = (named("one"), named("two"), named("three"));
    let start = |backends: &[&Backend], policy: &str| one_worker(&pool("p", backends, policy));
    let proxy = Proxy::start(&start(&[&one, &two], "policy = \"round-robin\""));
    assert_eq!([0, 1, 2].map(|_| proxy.client().get("/").text()).concat().len(), 9);
    // The turn is a cell: settings that change make another instance, which goes on where the old one was.
    let last = proxy.client().get("/").text();
    proxy.reload(&start(&[&one, &two], "policy = { name = \"round-robin\", deadline = \"4ms\" }"));
    assert_ne!(proxy.client().get("/").text(), last);

    // What is in flight is still counted when everything around it has changed.
    let mut waiting = proxy.client();
    waiting.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut busy = None;
    harness::wait_until("a backend is busy", || {
        let slow = |backend: &Backend| backend.requests().iter().any(|request| request.target() == "/slow");
        busy = [("one", &one), ("two", &two)]
            .into_iter()
            .find(|(_, backend)| slow(backend))
            .map(|(name, _)| name);
        busy.is_some()
    });
    proxy.reload(&start(&[&one, &two], "policy = \"least-conn\""));
    proxy.reload(&start(&[&one, &two, &three], "policy = \"least-conn\"\nhash_seed = 1"));
    for _ in 0..8 {
        assert_ne!(Some(proxy.client().get("/").text().as_str()), busy, "it has a request in flight");
    }
    release.open();
    assert_eq!(Some(waiting.response("GET").text().as_str()), busy);
    let served: std::collections::BTreeSet<_> = (0..12).map(|_| proxy.client().get("/").text()).collect();
    assert_eq!(served.len(), 3, "and now it has none: {served:?}");
}

/// Sends back what comes, until it ends.
fn echo(exchange: &mut Exchange<'_>) {
    if exchange.request.header("upgrade").is_none() {
        return exchange.respond("plain");
    }
    exchange.keep_alive = false;
    exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = exchange.reader.read(&mut bytes)
        && exchange.try_send(&bytes[..count]).is_ok()
    {}
}

#[test]
fn a_tunnel_outlives_every_reload() {
    let (far, other) = (Backend::start(echo), Backend::named("other"));
    let proxy = Proxy::start(&config(&pool("tunnels", &[&far], "")));
    let mut tunnel = proxy.client();
    tunnel.send("GET /chat HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(tunnel.response("GET").status(), 101);
    let mut says = |words: &str| {
        tunnel.stream().write_all(words.as_bytes()).expect("it takes the bytes");
        assert_eq!(tunnel.read_exactly(words.len()), words.as_bytes());
    };
    says("before");
    let around = route("/other", "other") + &route("/", "tunnels") + &pool("other", &[&other], "");
    for rest in [
        around.clone() + &pool("tunnels", &[&far], ""),
        // Its pool has other backends, then it is gone.
        around + &pool("tunnels", &[&other], "idle_timeout = \"5s\""),
        pool("other", &[&other], ""),
    ] {
        proxy.reload(&config(&rest));
        says("still there");
    }
    // And its listener.
    proxy.reload(&config(&pool("other", &[&other], "")).replace("127.0.0.1:0", "127.0.0.2:0"));
    says("to the end");
}
