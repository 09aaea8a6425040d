//! Which backend has the least load, and the order of picks among equals.

use least_conn::LeastConn;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use std::collections::BTreeMap;

/// A pool of backends of these weights (thousandths) and loads, named b0, b1 …
fn pool(backends: &[(u32, u64)]) -> TestHost {
    let host = TestHost::of(backends.len());
    for (index, (weight, load)) in backends.iter().enumerate() {
        host.at(&format!("b{index}")).weight_thousandths(*weight).stat(Stat::InFlight, *load);
    }
    host
}

fn start(host: &TestHost) -> TestPolicy<LeastConn> {
    host.policy().expect("least-conn takes any pool")
}

#[test]
fn the_least_load_per_weight_wins() {
    let huge = u64::MAX;
    let cases: [(&[(u32, u64)], &str); 9] = [
        (&[(1_000, 7)], "b0"),
        (&[(1_000, 3), (1_000, 2), (1_000, 4)], "b1"),
        (&[(1_000, 1), (4_000, 3)], "b1"),
        (&[(1_000, 1), (4_000, 5)], "b0"),
        (&[(1_000, 1), (250, 1)], "b0"),
        (&[(1_000, 3), (137, 0)], "b1"),
        (&[(0, 0), (1_000, 9)], "b1"),
        (&[(u32::MAX, huge), (u32::MAX, 1)], "b1"),
        (&[(1, huge), (u32::MAX, huge)], "b1"),
    ];
    for (backends, expected) in cases {
        assert_eq!(start(&pool(backends)).pick_names(1), expected, "{backends:?}");
    }
}

#[test]
fn equals_take_turns() {
    let host = pool(&[(1_000, 2), (1_000, 5), (1_000, 2), (1_000, 2)]);
    let picks = start(&host).pick_names(6);
    assert!("b0 b2 b3 b0 b2 b3 b0 b2 b3".contains(&picks), "{picks}");
}

#[test]
fn equals_of_mixed_weights_take_turns_by_weight() {
    let idle = pool(&[(5_000, 0), (1_000, 0), (1_000, 0)]);
    assert_eq!(start(&idle).pick_names(7), "b0 b0 b1 b0 b2 b0 b0");
    let equal_ratio = pool(&[(2_000, 4), (1_000, 2), (1_000, 9)]);
    assert_eq!(start(&equal_ratio).pick_names(6), "b0 b1 b0 b0 b1 b0");
}

#[test]
fn the_first_turn_is_random() {
    let first = |seed| start(&TestHost::of(100).seed(seed)).pick_names(1);
    let starts: std::collections::BTreeSet<String> = (1..=20).map(first).collect();
    assert!(starts.len() > 10, "20 seeds start at {starts:?}");
}

/// Requests of random length, so that the policy sees the loads that it causes.
#[test]
fn loads_stay_proportional_to_weights() {
    const SEED: u64 = 7;
    println!("seed {SEED}");
    let weights = [4_000, 2_000, 1_000, 1_000];
    let host = pool(&weights.map(|weight| (weight, 0))).seed(SEED);
    let mut policy = start(&host);
    let mut loads = BTreeMap::from([0, 1, 2, 3].map(|index| (format!("b{index}"), 0_u64)));
    for _ in 0..800 {
        let name = policy.pick_names(1);
        *loads.get_mut(&name).expect("a known name") += 1;
        host.at(&name).stat(Stat::InFlight, loads[&name]);
    }
    assert_eq!(loads.into_values().collect::<Vec<_>>(), [400, 200, 100, 100]);
}

#[test]
fn what_may_not_be_picked_is_passed_over() {
    let host = pool(&[(1_000, 0), (1_000, 1), (1_000, 2), (1_000, 3)]);
    let mut policy = start(&host);
    host.at("b0").healthy(false);
    assert_eq!(policy.pick_names(2), "b1 b1");
    assert_eq!(policy.pick_name(&TestRequest::new().attempt(1).tried("b1")), "b2");
    host.at("b1").full(true);
    assert_eq!(policy.pick_names(1), "b2");
    let all = TestRequest::new().tried("b1").tried("b2").tried("b3");
    assert_eq!(policy.pick(&all), Verdict::Abstain);
    assert_eq!(policy.pick_names(1), "b2", "what one request may not use is there for the next");
}

#[test]
fn a_retry_among_equals_is_not_always_the_neighbours() {
    let host = TestHost::of(5);
    let mut policy = start(&host);
    let retry = TestRequest::new().attempt(1).tried("b2");
    let picks: Vec<String> = (0..8).map(|_| policy.pick_name(&retry)).collect();
    for name in ["b0", "b1", "b3", "b4"] {
        assert_eq!(picks.iter().filter(|pick| *pick == name).count(), 2, "{picks:?}");
    }
}

#[test]
fn the_topology_may_shrink_to_nothing_and_grow_again() {
    let host = TestHost::of(3);
    let mut policy = start(&host);
    policy.pick_names(2);
    for name in ["b0", "b1", "b2"] {
        host.remove(name);
    }
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Abstain);
    host.add("new");
    assert_eq!(policy.pick_names(2), "new new");
}

#[test]
fn what_fails_at_once_is_not_taken_for_idle() {
    let host = pool(&[(1_000, 5), (1_000, 5), (1_000, 0)]);
    let mut policy = start(&host);
    // What failed before the first look counts as one, and what comes then in full.
    host.at("b2").stat(Stat::Failures, 1).stat(Stat::MsSinceFailure, 0);
    assert_eq!(policy.pick_names(1), "b2");
    host.at("b2").stat(Stat::Failures, 6);
    assert!(!policy.pick_names(4).contains("b2"), "1 + 5 failures against 5 in flight");
    // The failures are over.
    host.at("b2").stat(Stat::MsSinceFailure, 10_000);
    assert_eq!(policy.pick_names(1), "b2");
    // Where all fail, the one that has failed least is it.
    let fail = |all: [(&str, u64); 3]| {
        for (name, failures) in all {
            host.at(name)
                .stat(Stat::InFlight, 0)
                .stat(Stat::MsSinceFailure, 0)
                .stat(Stat::Failures, failures);
        }
    };
    fail([("b0", 1), ("b1", 1), ("b2", 7)]);
    policy.pick_names(1);
    fail([("b0", 50), ("b1", 9), ("b2", 50)]);
    assert_eq!(policy.pick_names(1), "b1");
}
