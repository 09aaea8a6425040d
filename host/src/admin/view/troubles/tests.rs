//! What is said of proxies in all kinds of states.

use pointsman_core::clock::Moment;
use serde_json::{Value, json};

use super::*;

fn backend(name: &str) -> Value {
    json!({
        "name": name, "address": "127.0.0.1:1", "source": "file", "zone": "", "backup": false, "eligible": true, "healthy": true, "unchecked": false,
        "ejected": false, "draining": false, "weight": 1.0, "full_weight": 1.0, "expected_share": 0.5, "in_flight": 3, "limit": 100,
        "connections": 4, "connections_opened": 5, "requests": 0, "responses": {}, "failures": 0, "failures_by_kind": {}, "ejections": 0,
        "latency_ewma_us": 0, "error_rate": 0.0, "head_seconds": { "counts": [0, 0, 0, 0], "sum_seconds": 0.0 },
    })
}

fn with(name: &str, changes: &Value) -> Value {
    let mut backend = backend(name);
    for (key, value) in changes.as_object().expect("an object") {
        backend[key] = value.clone();
    }
    backend
}

/// A proxy with one pool of these backends.
fn proxy(backends: &[Value]) -> Value {
    let histogram = json!({ "counts": [0, 0, 0, 0], "sum_seconds": 0.0 });
    let eligible = backends.iter().filter(|backend| backend["eligible"] == true).count();
    json!({
        "name": "proxy-1", "version": "0.1.0", "uptime_ms": 1, "configuration": 7, "configuration_refused": false, "phase": "serving",
        "saturation": 0.12, "workers": [], "events": [], "last_event": 1, "troubles": [],
        "pools": [{
            "name": "web", "eligible": eligible, "healthy": 0, "ejected": 0, "draining": 0, "panicking": false, "in_flight": 6, "capacity": 200,
            "saturation": 0.03, "queue": { "requests": 0, "limit": 0, "overflows": 0, "timeouts": 0, "seconds": histogram },
            "requests": 0, "responses": { "2xx": 0, "5xx": 0 }, "errors": {}, "retries": 0, "retries_refused": 0, "tunnels": 0,
            "latency_buckets": [0.001, 0.01, 0.1], "request_seconds": histogram, "head_seconds": histogram, "topology": 1,
            "limits": { "max_requests": 100, "max_connections": 100, "retries": 1 }, "backends": backends,
        }],
        "policies": [{
            "pool": "web", "route": null, "name": "least-conn", "version": "0123456789ab", "origin": "bundled least-conn", "publication": 1,
            "last_swap_ms": 0, "picks": { "policy": 0, "fallback": 0 }, "faults": {}, "open_circuits": 0, "rebuilds": 0,
            "pick_buckets": [0.000_001], "pick_seconds": histogram, "rollbacks": 0, "quarantine": null, "left_out": null, "versions": [],
        }],
    })
}

fn read(proxy: &Value) -> Overview {
    serde_json::from_value(proxy.clone()).expect("an overview")
}

/// What is said of the second of these, ten seconds after the first was read, by a proxy that has run for a minute.
fn said_after(before: &Value, now: &Value) -> Vec<String> {
    said_of(Moment(60_000_000), before, now)
}

/// The same by a proxy that had run for as long when the first was read.
fn said_of(first: Moment, before: &Value, now: &Value) -> Vec<String> {
    let (recent, before, mut now) = (Recent::default(), read(before), read(now));
    recent.read(first, &before.pools, &before.policies);
    judge(&mut now.pools, &recent, Moment(first.0 + 10_000_000));
    let level = |level| match level {
        TroubleLevel::Critical => "critical",
        TroubleLevel::Warning => "warning",
        TroubleLevel::Note => "note",
    };
    let troubles = troubles(&now, &recent);
    troubles.iter().map(|trouble| format!("{}: {}", level(trouble.level), trouble.text)).collect()
}

fn said(now: &Value) -> Vec<String> {
    said_after(now, now)
}

#[test]
fn a_proxy_of_which_nothing_is_to_be_said_is_well() {
    assert!(said(&proxy(&[backend("b1"), backend("b2")])).is_empty());
}

#[test]
fn backends_are_named_by_their_states() {
    let out = |changes: Value| {
        let mut out = json!({ "eligible": false });
        out.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        out
    };
    let down = out(json!({ "healthy": false }));
    for (changes, expected) in [
        (down.clone(), "warning: Pool web: b1 is down."),
        (out(json!({ "healthy": false, "unchecked": true })), "note: Pool web: b1 is not checked yet."),
        (out(json!({ "ejected": true })), "warning: Pool web: b1 is ejected after failures."),
        (out(json!({ "draining": true, "healthy": false })), "note: Pool web: b1 is draining."),
        (json!({ "in_flight": 100 }), "warning: Pool web: b1 is full."),
        (
            json!({ "silent_ms": 20_400, "in_flight": 6 }),
            "warning: Pool web: b1 has answered nothing for 20 s; 6 in flight.",
        ),
    ] {
        assert_eq!(said(&proxy(&[with("b1", &changes), backend("b2")])), [expected], "{changes}");
    }
    let mut many: Vec<Value> = (0..5).map(|place| with(&format!("b{place}"), &down)).collect();
    many.push(backend("b9"));
    assert_eq!(said(&proxy(&many)), ["warning: Pool web: b0, b1, b2 and 2 more are down."]);
    let none = said(&proxy(&[with("b1", &down)]));
    assert_eq!(none, ["critical: Pool web: no backend takes requests.", "warning: Pool web: b1 is down."]);
}

#[test]
fn errors_faults_and_fallbacks_of_the_last_seconds_are_told() {
    let at = |count: u64| {
        let mut proxy = proxy(&[with("b1", &json!({ "requests": count, "failures": count / 2 }))]);
        proxy["pools"][0]["requests"] = json!(count);
        proxy["pools"][0]["responses"]["5xx"] = json!(count / 4);
        proxy["pools"][0]["queue"]["overflows"] = json!(count / 50);
        proxy["policies"][0]["picks"] = json!({ "policy": count / 2, "fallback": count / 2 });
        proxy["policies"][0]["faults"] = json!({ "trap": count / 100 });
        proxy
    };
    let told = [
        "critical: Pool web: 25 % of the responses are server errors (5xx).",
        "warning: Pool web: requests are turned away, as the queue is full or takes too long.",
        "warning: Pool web: b1 fails 50 % of its requests.",
        "warning: Policy least-conn of pool web: the fallback makes 50 % of the picks.",
        "warning: Policy least-conn of pool web: it had 1 fault lately.",
    ];
    assert_eq!(said_after(&at(0), &at(100)), told);
    assert_eq!(said_after(&at(500), &at(600)), told, "what was before doesn't count");
    assert!(said_after(&at(600), &at(600)).is_empty());
    assert_eq!(
        said_of(Moment(1_000), &at(100), &at(100)),
        told,
        "what came before the first look counts after a start"
    );
    assert_eq!(said_after(&at(900), &at(100)), told, "another one of the same name");
}

#[test]
fn a_backend_that_is_slower_than_the_others_is_named() {
    let at = |times: [[u64; 4]; 3]| {
        let backends = times.iter().zip(1..).map(|(times, number)| {
            let changes = json!({ "requests": times.iter().sum::<u64>(), "head_seconds": { "counts": times, "sum_seconds": 0.0 } });
            with(&format!("b{number}"), &changes)
        });
        proxy(&backends.collect::<Vec<_>>())
    };
    let (idle, fast) = (at([[0; 4]; 3]), [100, 0, 0, 0]);
    assert_eq!(
        said_after(&idle, &at([fast, [0, 0, 100, 0], fast])),
        [
            "warning: Pool web: b2 is slow: half of its requests take up to about 55 ms, those of the others 500 µs."
        ]
    );
    assert_eq!(
        said_after(&idle, &at([fast, [95, 0, 5, 0], fast])),
        [
            "warning: Pool web: b2 is slow: 99 % of its requests take up to about 82 ms, those of the others 990 µs."
        ]
    );
    assert!(said_after(&idle, &at([fast, [0, 0, 19, 0], fast])).is_empty(), "too few to say it");
    assert!(said_after(&idle, &at([fast, [98, 2, 0, 0], fast])).is_empty(), "a difference that nobody feels");
    let was_slow = at([fast, [0, 0, 100, 0], fast]);
    let is_fast = at([[200, 0, 0, 0], [100, 0, 100, 0], [200, 0, 0, 0]]);
    assert!(said_after(&was_slow, &is_fast).is_empty(), "it was, and no longer is");
}

#[test]
fn what_is_wrong_with_proxy_and_policies_is_told() {
    let mut now = proxy(&[backend("b1")]);
    now["phase"] = json!("draining");
    now["configuration_refused"] = json!(true);
    now["saturation"] = json!(0.93);
    now["pools"][0]["saturation"] = json!(0.85);
    now["pools"][0]["queue"]["requests"] = json!(2);
    now["policies"][0]["route"] = json!("example.com/a");
    now["policies"][0]["open_circuits"] = json!(2);
    now["policies"][0]["left_out"] = json!({ "file": "/etc/p.wasm", "reason": "not a WebAssembly module." });
    now["policies"][0]["quarantine"] = json!({ "version": "ba9876543210", "reason": "trap" });
    let place = "Policy least-conn of route example.com/a to pool web";
    assert_eq!(
        said(&now),
        [
            "warning: The proxy drains: it accepts nothing new and ends.".to_owned(),
            "warning: The configuration file is refused, and the one before serves; `pointsman check` says why.".to_owned(),
            "warning: The proxy is at 93 % of what it can do.".to_owned(),
            "warning: Pool web: 85 % of what its backends may take is in flight.".to_owned(),
            format!("warning: {place}: it had too many faults, and isn't asked for a while on 2 workers."),
            format!("warning: {place}: the plugin file /etc/p.wasm doesn't serve, what did before does: not a WebAssembly module."),
            "note: Pool web: 2 requests in the queue, as no backend has room.".to_owned(),
            format!("note: {place}: version ba9876543210 was taken back and isn't let in: trap."),
        ]
    );
}
