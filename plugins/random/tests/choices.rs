//! Who is picked of how many draws.

use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use random::Random;
use serde_json::json;

fn start(host: &TestHost) -> TestPolicy<Random> {
    host.policy().expect("a good configuration")
}

/// Share of 10,000 picks that go to a backend.
fn share(policy: &mut TestPolicy<Random>, name: &str) -> f64 {
    (0..10_000).filter(|_| policy.pick_name(&TestRequest::new()) == name).count() as f64 / 10_000.0
}

#[test]
fn the_idlest_gets_what_the_number_of_draws_allows() {
    // It wins whenever it is drawn: d of N.
    for choices in 1..=5_usize {
        for seed in [1, 77] {
            let host = TestHost::of(10).config(json!({ "choices": choices })).seed(seed);
            for index in 1..10 {
                host.at(&format!("b{index}")).stat(Stat::InFlight, index);
            }
            let share = share(&mut start(&host), "b0");
            assert!((share - choices as f64 / 10.0).abs() < 0.02, "{choices} choices, seed {seed}: {share}");
        }
    }
}

#[test]
fn two_of_two_is_the_shorter_queue() {
    let host = TestHost::of(2);
    host.at("b0").stat(Stat::InFlight, 1);
    assert_eq!(share(&mut start(&host), "b1"), 1.0, "distinct draws always see both");
}

#[test]
fn the_most_loaded_gets_nothing() {
    let host = TestHost::of(10);
    host.at("b3").stat(Stat::InFlight, 50);
    assert_eq!(share(&mut start(&host), "b3"), 0.0);
}

#[test]
fn at_equal_loads_shares_follow_weights() {
    for (choices, seed) in [(1, 1), (1, 2), (2, 3), (3, 4)] {
        let host = TestHost::new().config(json!({ "choices": choices })).seed(seed);
        let host = host.backend("a").weight(6).backend("b").weight(3).backend("c").weight(1);
        let mut policy = start(&host);
        for (name, expected) in [("a", 0.6), ("b", 0.3), ("c", 0.1)] {
            let share = share(&mut policy, name);
            assert!((share - expected).abs() < 0.02, "{choices} choices, seed {seed}: {name} has {share}");
        }
    }
}

#[test]
fn load_is_by_weight() {
    let host = TestHost::new().backend("small").backend("large").weight(4);
    host.at("small").stat(Stat::InFlight, 2);
    host.at("large").stat(Stat::InFlight, 7);
    let mut policy = start(&host);
    assert_eq!(share(&mut policy, "large"), 1.0, "7/4 is less than 2");
    host.at("large").stat(Stat::InFlight, 9);
    assert_eq!(share(&mut policy, "small"), 1.0, "9/4 is more than 2");
}

#[test]
fn a_backend_in_slow_start_is_a_small_one() {
    let host = TestHost::of(2).config(json!({ "choices": 1 }));
    host.at("b1").slow_start(250);
    let share = share(&mut start(&host), "b1");
    assert!((share - 0.2).abs() < 0.02, "{share}");
}

/// A closed loop in which every good backend has 8 in flight and one fails at once: see the oracles of the simulator.
#[test]
fn what_fails_at_once_attracts_nothing() {
    for seed in 1..=4 {
        let host = TestHost::of(10).seed(seed);
        for index in 1..10 {
            host.at(&format!("b{index}")).stat(Stat::InFlight, 8);
        }
        host.at("b0").stat(Stat::MsSinceFailure, 0);
        let mut policy = start(&host);
        let mut failures = 0;
        for _ in 0..60_000 {
            // 1,000 requests a second.
            host.advance(std::time::Duration::from_millis(1));
            if policy.pick_name(&TestRequest::new()) == "b0" {
                failures += 1;
                host.at("b0").stat(Stat::Failures, failures);
            }
        }
        assert!(
            (10..180).contains(&failures),
            "seed {seed}: {failures} of 60,000 are more than 0.3 %, or none"
        );
    }
}

#[test]
fn what_may_not_be_picked_is_not() {
    for seed in 0..50 {
        let host = TestHost::of(6).seed(seed);
        host.at("b0").healthy(false);
        host.at("b1").draining(true);
        host.at("b2").full(true);
        let mut policy = start(&host);
        for _ in 0..50 {
            let name = policy.pick_name(&TestRequest::new().tried("b3"));
            assert!(["b4", "b5"].contains(&name.as_str()), "seed {seed}: {name}");
        }
        host.at("b4").healthy(false);
        host.remove("b5");
        let request = TestRequest::new().tried("b3").tried("b2");
        assert_eq!(policy.pick(&request), Verdict::Abstain, "seed {seed}");
    }
}

#[test]
fn pools_without_backends_or_weights() {
    assert_eq!(start(&TestHost::new()).pick(&TestRequest::new()), Verdict::Abstain);
    let host = TestHost::new().backend("a").weight(0).backend("b").weight(0);
    let share = share(&mut start(&host), "a");
    assert!((share - 0.5).abs() < 0.02, "{share}");
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(2).config(table).policy::<Random>().err().map(|error| error.to_string());
    assert_eq!(refusal(json!({})), None);
    for choices in [0, 6] {
        let expected = Some("policy.config.choices: must be 1 to 5".to_owned());
        assert_eq!(refusal(json!({ "choices": choices })), expected);
    }
    assert_eq!(
        refusal(json!({ "choice": 2 })).as_deref(),
        Some("policy.config: unknown field `choice`, expected `choices`")
    );
    assert_eq!(
        refusal(json!({ "choices": 1.5 })).as_deref(),
        Some("policy.config.choices: invalid type: floating point `1.5`, expected u8")
    );
}
