//! Simulations against what queueing theory says.

mod llm;
mod waiting;

use std::path::Path;

use super::*;
use crate::spec;

fn results(text: &str) -> Vec<PolicyResult> {
    let (spec, policies) =
        spec::parse(text, Path::new("spec.toml"), Vec::new(), &|path, _| std::fs::read(path))
            .unwrap_or_else(|error| panic!("{error}"));
    simulate(&spec, &policies, &mut |_| true).unwrap()
}

/// The spec of this name in `config/simulate/`, with fewer runs.
fn shipped(name: &str, seeds: u32) -> Vec<PolicyResult> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/simulate").join(name);
    let (mut spec, policies) = spec::load(&path, Vec::new(), &|path, _| std::fs::read(path))
        .unwrap_or_else(|error| panic!("{error}"));
    spec.run.get_mut().seeds = seeds;
    simulate(&spec, &policies, &mut |_| true).unwrap()
}

fn mean(result: &PolicyResult) -> f64 {
    result.runs.iter().map(|run| run.mean).sum::<f64>() / result.runs.len() as f64
}

/// Mean time in the system in units of the mean work, 10 ms.
fn mean_of(backends: &str, load: &str, policy: &str) -> f64 {
    let text = format!(
        "run = {{ duration = \"400s\", seeds = 2 }}\n[[policy]]\nbundled = \"{policy}\"\n[[backends]]\n{backends}\n[load]\n{load}"
    );
    mean(&results(&text)[0]) / 10_000.0
}

/// 50 requests in each of 100 s, evenly, and these events.
fn with_events(events: &str) -> RunResult {
    let text = format!(
        "run = {{ duration = \"100s\", warmup = \"0s\" }}\n[[policy]]\nbundled = \"round-robin\"\n[[backends]]\ncount = 2\nmodel = \"delay\"\n\
         [load]\nrate = 50\narrivals = \"even\"\nservice = {{ fixed = \"10ms\" }}\n{events}"
    );
    results(&text)[0].runs[0].clone()
}

#[test]
fn what_was_announced_before_a_change_of_speed_does_not_count() {
    let run = with_events("[[event]]\nat = \"20s\"\nuntil = \"20100ms\"\nspeed = 0.001\n");
    // One that has just begun has all of its 10 ms before it when the 100 ms are over. The first request comes at 20 ms.
    assert!((109_000..=111_000).contains(&run.times.max()), "{}", run.times.max());
    assert_eq!((run.counts.requests, run.counts.failed, run.times.len()), (4_999, 0, 4_999));
}

#[test]
fn events_that_overlap_go_on_when_others_end() {
    let refuse =
        |at: u32, until: u32| format!("[[event]]\nat = \"{at}s\"\nuntil = \"{until}s\"\nrefuse = true\n");
    let failed = |events: &str| with_events(events).counts.failed;
    assert_eq!(failed(&refuse(20, 80)), 3_000);
    assert_eq!(failed(&(refuse(20, 80) + &refuse(40, 60))), 3_000);
    assert_eq!(failed(&(refuse(20, 60) + &refuse(40, 80))), 3_000);
    // The latest says what is, and what was said before is again so when it ends.
    let served = "[[event]]\nat = \"40s\"\nuntil = \"60s\"\nrefuse = false\n";
    assert_eq!(failed(&(refuse(20, 80) + served)), 2_000);
    let out = "[[event]]\nat = \"20s\"\nuntil = \"80s\"\nbackends = [\"b1\"]\nmember = false\n";
    let again = "[[event]]\nat = \"40s\"\nuntil = \"60s\"\nbackends = [\"b1\"]\nmember = false\n";
    let sent = |events: String| with_events(&events).backends.sent;
    assert_eq!(sent(out.to_owned() + again), sent(out.to_owned()));
}

#[test]
fn requests_without_a_response_count() {
    let hangs = "[[event]]\nat = \"20s\"\nbackends = [\"b1\"]\nservice = { fixed = \"1h\" }\n";
    let run = with_events(hangs);
    let counts = run.counts;
    assert_eq!((counts.requests, counts.served, counts.unfinished), (4_999, 2_999, 2_000));
    // They have waited from 100 to 180 s by the end, and the others took 10 ms.
    assert!((run.mean / 1e6 - 0.4 * 140.0).abs() < 1.0, "{}", run.mean);
    assert!(run.times.value_at_quantile(0.7) > 99_000_000);
}

#[test]
fn one_backend_is_a_queue_with_one_server() {
    // M/M/1: 1/(1-ρ). M/D/1: 1 + ρ/(2(1-ρ)).
    let found = mean_of("model = \"fifo\"", "utilization = 0.5", "round-robin");
    assert!((found / 2.0 - 1.0).abs() < 0.04, "{found}");
    let found =
        mean_of("model = \"fifo\"", "utilization = 0.5\nservice = { fixed = \"10ms\" }", "round-robin");
    assert!((found / 1.5 - 1.0).abs() < 0.03, "{found}");
}

#[test]
fn a_shared_backend_does_not_care_how_work_is_distributed() {
    for service in ["{ exponential = \"10ms\" }", "{ fixed = \"10ms\" }"] {
        let load = format!("utilization = 0.5\nservice = {service}");
        let found = mean_of("model = \"shared\"", &load, "round-robin");
        assert!((found / 2.0 - 1.0).abs() < 0.05, "{service}: {found}");
    }
}

#[test]
fn the_shortest_queue_of_two_is_as_published() {
    let found = mean_of("count = 2", "utilization = 0.7", "least-conn");
    assert!((found / 2.108 - 1.0).abs() < 0.04, "{found}");
}

#[test]
fn shipped_specs_can_be_run_and_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/simulate");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (mut spec, policies) = spec::load(&path, Vec::new(), &|path, _| std::fs::read(path))
            .unwrap_or_else(|error| panic!("{error}"));
        let run = spec.run.get_mut();
        (run.seeds, run.duration) = (1, crate::TimeSpan(100_000));
        let results = simulate(&spec, &policies, &mut |_| true).unwrap();
        for (name, chart) in Summary::of(&spec, &results).charts(&results) {
            assert!(chart.contains("var(--series-3)") && !chart.contains("NaN"), "{name}: {chart}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let text = "run = { duration = \"20s\", seeds = 2, proxies = 3 }\n[[policy]]\nbundled = \"peak-ewma\"\n[[backends]]\ncount = 5\n\
        [load]\nutilization = 0.8\nkeys = { count = 100, zipf = 1.1, header = \"x-user\" }\n[[event]]\nat = \"5s\"\nuntil = \"10s\"\n\
        backends = [\"b1\"]\nspeed = 0.1\n[[event]]\nat = \"7s\"\nbackends = [\"b2\"]\nrefuse = true";
    let digests = || results(text)[0].runs.iter().map(|run| run.digest).collect::<Vec<_>>();
    let first = digests();
    assert_eq!(first, digests());
    assert_ne!(first[0], first[1]);
}

#[test]
fn a_backend_that_answers_at_once_serves_what_it_had() {
    // All requests come to the one backend, which has a queue when it begins to fail, and when it ends to.
    for model in ["fifo", "shared", "delay"] {
        let results = results(&format!(
            "run = {{ duration = \"3s\", warmup = \"0s\", seeds = 1, overload = true }}\n[[policy]]\nbundled = \"round-robin\"\n\
             [[backends]]\nmodel = \"{model}\"\n[load]\nrate = 1000.0\narrivals = \"even\"\nservice = {{ fixed = \"2ms\" }}\n\
             [[event]]\nat = \"1s\"\nuntil = \"2s\"\nstatus = 500"
        ));
        let counts = results[0].runs[0].counts;
        assert_eq!((counts.failed, counts.requests), (1000, 2999), "{model}: {counts:?}");
        assert!(counts.served > 1400, "{model}: {counts:?}");
    }
}

#[test]
fn a_version_comes_in_the_place_of_another() {
    let counts = |swap: &str| {
        let results = results(&format!(
            "run = {{ duration = \"2s\", warmup = \"1s\", proxies = 2, seeds = 1 }}\n[[policy]]\nbundled = \"ip-hash\"\n\
             [[backends]]\ncount = 4\n[load]\nrate = 100.0\nkeys = {{ count = 1 }}\n{swap}"
        ));
        let run = &results[0].runs[0];
        let swaps: Vec<_> =
            run.swaps.iter().map(|swap| (swap.swapped, swap.unchanged, swap.refused)).collect();
        (run.backends.sent.iter().filter(|sent| **sent > 0).count(), swaps, run.counts.faults)
    };
    assert_eq!(counts(""), (1, vec![], 0), "all have one key");
    assert_eq!(counts("[[swap]]\nat = \"500ms\"\nbundled = \"round-robin\""), (4, vec![(2, 0, 0)], 0));
    assert_eq!(counts("[[swap]]\nat = \"500ms\"\nbundled = \"ip-hash\""), (1, vec![(0, 2, 0)], 0));
    // Both proxies refuse it, and the one that was there stays.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.wasm");
    std::fs::write(&path, wat::parse_str("(module (func))").unwrap()).unwrap();
    let swap = format!("[[swap]]\nat = \"500ms\"\nfile = \"{}\"", path.display());
    assert_eq!(counts(&swap), (1, vec![(0, 0, 2)], 0));
}

#[test]
fn proxies_agree_on_where_a_key_belongs() {
    let results = results(
        "run = { duration = \"2s\", seeds = 1, proxies = 5 }\n[[policy]]\nbundled = \"ip-hash\"\n[[policy]]\nbundled = \"maglev\"\n\
         [policy.config]\nmin_slots = 1000\n[[backends]]\ncount = 10\n[load]\nrate = 50.0\nkeys = { count = 1 }",
    );
    for result in results {
        let sent = &result.runs[0].backends.sent;
        assert_eq!(sent.iter().filter(|sent| **sent > 0).count(), 1, "{}: {sent:?}", result.name);
    }
}

#[test]
fn keys_stay_together_but_for_what_is_too_much_for_a_backend() {
    let run = |policy: &str, more: &str| {
        let results = results(&format!(
            "run = {{ duration = \"20s\", seeds = 1 }}\n[[policy]]\nbundled = \"{policy}\"\n[[backends]]\ncount = 10\nmodel = \"delay\"\n\
             [load]\nclients = 200\n{more}"
        ));
        let RunResult { backends, .. } = &results[0].runs[0];
        (backends.affinity, backends.most.iter().copied().max())
    };
    let keys = "keys = { count = 10000, zipf = 1.1 }";
    assert_eq!(run("ip-hash", keys).0, Some(1.0));
    assert_eq!(run("ip-hash", "").0, None, "each request is of another client");
    let turns = run("round-robin", "keys = { count = 20 }").0.unwrap();
    assert!((0.1..0.11).contains(&turns), "{turns}");
    // 1.5 times the fair share of 200 requests, and one key of seven is the same.
    let (affinity, most) = run("ring-hash", keys);
    assert_eq!(most, Some(30));
    assert!((0.75..0.9).contains(&affinity.unwrap()), "{affinity:?}");
}

#[test]
fn proxies_have_a_configuration_of_their_own() {
    let used = |config: &str| {
        let results = results(&format!(
            "run = {{ duration = \"2s\", seeds = 1, proxies = 4 }}\n[[policy]]\nbundled = \"aperture\"\n{config}\n\
             [[backends]]\ncount = 8\n[load]\nutilization = 0.5"
        ));
        results[0].runs[0].backends.sent.iter().filter(|sent| **sent > 0).count()
    };
    assert_eq!(used("config = { proxy = 0, proxies = 4, aperture = 2 }"), 2, "all have the same slice");
    let by_proxy = "config = { aperture = 2 }\nconfig_by_proxy = { proxy = \"index\", proxies = \"count\" }";
    assert_eq!(used(by_proxy), 8, "slices of two, side by side");
}

#[test]
fn one_slow_backend_of_eleven_is_as_published() {
    let results = shipped("slow-backend.toml", 5);
    let within: Vec<f64> = results
        .iter()
        .map(|result| result.runs.iter().map(|run| run.within[0]).sum::<f64>() / 5.0 * 100.0)
        .collect();
    for (found, (expected, tolerance)) in within.iter().zip([(95.456, 0.04), (99.537, 0.02), (99.922, 0.01)])
    {
        assert!((found - expected).abs() < tolerance, "{within:?}");
    }
    // The same on every machine and in every build.
    let digests: Vec<String> =
        results.iter().map(|result| format!("{:016x}", result.runs[0].digest)).collect();
    assert_eq!(digests, ["b03581edc3d2437a", "edce85b67caf7b84", "bb4cf42cbe50588b"]);
}

#[test]
fn requests_of_a_log_come_again_with_their_clients_and_their_work() {
    // Four clients in turn, of which one has ten times the work.
    let row = |number: u32| {
        let client = number % 4;
        format!("{},{},192.0.2.{client}\n", f64::from(number) / 100.0, if client == 0 { 20 } else { 2 })
    };
    let log = "time_s,work_ms,client\n".to_owned() + &(0..4_000).map(row).collect::<String>();
    let text = r#"
[run]
duration = "1h"
warmup = "0s"
seeds = 2
[[policy]]
bundled = "ip-hash"
[[policy]]
bundled = "round-robin"
[[backends]]
count = 4
model = "delay"
[load]
replay = { file = "access.csv", speed = 2 }
"#;
    let (spec, policies) =
        spec::parse(text, Path::new("spec.toml"), Vec::new(), &|_, _| Ok(log.clone().into_bytes())).unwrap();
    let results = simulate(&spec, &policies, &mut |_| true).unwrap();
    for run in results.iter().flat_map(|result| &result.runs) {
        assert_eq!(run.counts.requests, 4_000, "each run has all of them");
        assert!((run.mean - 6_500.0).abs() < 1.0, "{} µs", run.mean);
        // Each client keeps its backend, so that backends have whole quarters; and in turn each has one client, too.
        assert!(run.backends.sent.iter().all(|sent| sent % 1_000 == 0), "{:?}", run.backends.sent);
    }
    let digests = |results: &[PolicyResult]| -> Vec<u64> {
        results.iter().flat_map(|result| &result.runs).map(|run| run.digest).collect()
    };
    assert_eq!(digests(&results), digests(&simulate(&spec, &policies, &mut |_| true).unwrap()));
}

#[test]
fn a_zone_is_lost_as_a_whole() {
    let run = |backends: &str| {
        results(&format!(
            "run = {{ duration = \"100s\", warmup = \"0s\", seeds = 1 }}\n[[policy]]\nbundled = \"round-robin\"\n\
             [[backends]]\nname = \"a\"\ncount = 2\nmodel = \"delay\"\nzone = \"east\"\n[[backends]]\nname = \"b\"\nmodel = \"delay\"\n\
             [load]\nrate = 50\narrivals = \"even\"\n[[event]]\nat = \"0s\"\nhealthy = false\nbackends = {backends}"
        ))[0]
        .runs[0]
            .backends
            .sent
            .clone()
    };
    assert_eq!(run("{ zone = \"east\" }"), run("[\"a1\", \"a2\"]"));
    assert_eq!(run("{ zone = \"east\" }")[..2], [0, 0]);
}

#[test]
fn work_is_drawn_from_a_sample() {
    let results = results(
        "run = { duration = \"1000s\", seeds = 1 }\n[[policy]]\nbundled = \"round-robin\"\n[[backends]]\nmodel = \"delay\"\n\
         [load]\nrate = 100\nservice = { empirical = [\"1ms\", \"1ms\", \"10ms\", \"0s\"] }",
    );
    let run = &results[0].runs[0];
    assert!((run.mean / 3_000.0 - 1.0).abs() < 0.02, "{} µs", run.mean);
    assert_eq!([0.2, 0.5, 0.9].map(|share| run.times.value_at_quantile(share)), [0, 1_000, 10_007]);
}
