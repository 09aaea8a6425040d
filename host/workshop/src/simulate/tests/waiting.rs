//! Requests that wait at their proxy.

use super::*;

/// One backend that takes one request of 10 ms at a time, and a request every 5 ms for 10 s.
fn overloaded(queue: &str, more: &str) -> RunResult {
    let text = format!(
        "run = {{ duration = \"10s\", warmup = \"0s\", seeds = 1, overload = true, queue = {queue} }}\n[[policy]]\nbundled = \"random\"\n\
         [[backends]]\nmodel = \"delay\"\nmax_requests = 1\n[load]\nrate = 200.0\narrivals = \"even\"\nservice = {{ fixed = \"10ms\" }}\n{more}"
    );
    results(&text)[0].runs[0].clone()
}

#[test]
fn a_queue_at_the_proxy_is_one_for_all_backends() {
    // M/M/2 at 70 %: 1 + C/(2(1-ρ)), where the share of those that wait is C = 2ρ²/(1+ρ).
    let mut digests = Vec::new();
    for policy in ["random", "round-robin", "least-conn", "ip-hash"] {
        let results = results(&format!(
            "run = {{ duration = \"400s\", seeds = 2, queue = {{ length = 10000, timeout = \"1h\" }} }}\n[[policy]]\nbundled = \"{policy}\"\n\
             [[backends]]\ncount = 2\nmax_requests = 1\n[load]\nutilization = 0.7"
        ));
        let found = mean(&results[0]) / 10_000.0;
        assert!((found / 1.9608 - 1.0).abs() < 0.04, "{policy}: {found}");
        let run = &results[0].runs[0];
        let share = run.counts.waited as f64 / run.counts.requests as f64;
        assert!((share - 0.5765).abs() < 0.02, "{policy}: {share}");
        assert_eq!((run.counts.failed, &run.backends.most), (0, &vec![1, 1]), "{policy}");
        digests.push(run.digest);
    }
    // Where a request is served differs, but not when.
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn what_cannot_wait_fails_at_once_or_in_time() {
    let run = overloaded("{ length = 3, timeout = \"1h\" }", "");
    let counts = run.counts;
    assert_eq!((counts.failed, counts.queue_timeout), (counts.queue_full, 0), "{counts:?}");
    assert_eq!(counts.served + counts.failed, counts.requests, "{counts:?}");
    assert!((995..=1_000).contains(&counts.queue_full), "{counts:?}");
    // Three before it, and its own 10 ms.
    assert!((38_000..=40_100).contains(&run.times.max()), "{}", run.times.max());

    let run = overloaded("{ length = 1000, timeout = \"12ms\" }", "");
    let counts = run.counts;
    assert_eq!((counts.failed, counts.queue_full), (counts.queue_timeout, 0), "{counts:?}");
    assert!((990..=1_000).contains(&counts.queue_timeout) && run.times.max() <= 22_020, "{counts:?}");

    let counts = overloaded("{ length = 0 }", "").counts;
    assert_eq!((counts.waited, counts.failed), (0, counts.queue_full), "{counts:?}");
    assert_eq!(overloaded("{ }", "").counts.requests, 1_999, "as the proxy has it where nothing is said");
}

#[test]
fn who_waits_for_nobody_fails() {
    // All come to nothing when the backend leaves, and the one that it had is served.
    let counts =
        overloaded("{ length = 5, timeout = \"1h\" }", "[[event]]\nat = \"5s\"\nmember = false").counts;
    assert_eq!((counts.served, counts.unfinished), (500, 0), "{counts:?}");
    // A backend that can't be reached has room for everybody, and nobody waits for another attempt.
    let counts =
        overloaded("{ length = 5, timeout = \"1h\" }", "[[event]]\nat = \"5s\"\nrefuse = true").counts;
    assert_eq!((counts.served, counts.unfinished), (500, 0), "{counts:?}");
}

#[test]
fn clients_that_are_refused_at_once_come_again_later() {
    let results = results(
        "run = { duration = \"1s\", warmup = \"0s\", seeds = 1, queue = { length = 0 } }\n[[policy]]\nbundled = \"random\"\n\
         [[backends]]\nmodel = \"delay\"\nmax_requests = 2\n[load]\nclients = 3\nservice = { fixed = \"100ms\" }",
    );
    let counts = results[0].runs[0].counts;
    assert!((18..=20).contains(&counts.served) && (900..=1_000).contains(&counts.queue_full), "{counts:?}");
}

#[test]
fn each_proxy_has_room_of_its_own_by_counts_that_are_true() {
    // Two proxies with two places each, whatever their policies see.
    let results = results(
        "run = { duration = \"5s\", seeds = 1, proxies = 2, counts_every = \"100ms\", queue = { length = 0 } }\n[[policy]]\nbundled = \"least-conn\"\n\
         [[policy]]\nbundled = \"random\"\n[[backends]]\nmodel = \"delay\"\ncount = 3\nmax_requests = 2\n[load]\nutilization = 0.9",
    );
    for result in results {
        let run = &result.runs[0];
        assert_eq!(run.backends.most, [4, 4, 4], "{}", result.name);
        assert!(run.counts.queue_full > 0 && run.counts.waited == 0, "{:?}", run.counts);
    }
}

#[test]
fn what_waits_and_is_disturbed_does_so_alike_everywhere() {
    let results = results(
        r#"
[run]
duration = "60s"
seeds = 1
proxies = 4
queue = { length = 3, timeout = "30ms" }
[[policy]]
bundled = "least-conn"
[[policy]]
bundled = "random"
[[backends]]
count = 3
model = "shared"
servers = 2
max_requests = 2
speed = { usual = 1, disturbed = 0.5, share = 0.3, cycle = "4s" }
[load]
utilization = 0.95
service = { normal = { mean = "10ms", deviation = "10ms", least = "0s" } }
keys = { count = 100, zipf = 1.1 }
"#,
    );
    // The same on every machine and in every build.
    let digests: Vec<String> =
        results.iter().map(|result| format!("{:016x}", result.runs[0].digest)).collect();
    assert_eq!(digests, ["06a2a48daf267c25", "4ad51da54fb66ac6"]);
}
