//! Who is picked by how fast they were.

use least_time::LeastTime;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Outcome, Response, Stat, Verdict};
use serde_json::json;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn start(host: &TestHost) -> TestPolicy<LeastTime> {
    host.policy().expect("a good configuration")
}

fn answer(policy: &mut TestPolicy<LeastTime>, index: usize, after: Duration) {
    policy.observe(&TestRequest::new(), &Response::new(index, Some(200), Outcome::Complete, after));
}

/// How often each of the first backends is picked.
fn tally<const N: usize>(policy: &mut TestPolicy<LeastTime>, picks: usize) -> [usize; N] {
    let mut tally = [0; N];
    for _ in 0..picks {
        match policy.pick(&TestRequest::new()) {
            Verdict::Backend(index) => tally[index] += 1,
            other => panic!("{other:?}"),
        }
    }
    tally
}

#[test]
fn the_faster_gets_as_much_more_as_it_is_faster() {
    let host = TestHost::of(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 20 * MS);
    answer(&mut policy, 1, 100 * MS);
    // 20 ms · (1 + n) against 100 ms: less up to n = 3, the same at 4, where turns decide.
    for (in_flight, expected) in [(0, "b0"), (3, "b0"), (5, "b1"), (9, "b1")] {
        host.at("b0").stat(Stat::InFlight, in_flight);
        assert_eq!(policy.pick_names(3), [expected; 3].join(" "), "{in_flight} in flight");
    }
    host.at("b0").stat(Stat::InFlight, 9);
    host.at("b1").stat(Stat::InFlight, 1);
    assert_eq!(tally(&mut policy, 10), [5, 5], "both would take 200 ms");
}

#[test]
fn what_is_about_as_fast_has_turns() {
    let host = TestHost::of(3);
    let mut policy = start(&host);
    for (index, ms) in [(0, 1), (1, 9), (2, 20)] {
        answer(&mut policy, index, ms * MS);
    }
    let names = policy.pick_names(6);
    assert_eq!(names[..8], names[9..], "the same turns again: {names}");
    for name in ["b0", "b1", "b2"] {
        assert!(names[..8].contains(name), "{names}");
    }
    host.at("b1").stat(Stat::InFlight, 1);
    assert_eq!(tally(&mut policy, 10), [5, 0, 5]);
}

#[test]
fn beyond_five_seconds_the_load_decides() {
    let host = TestHost::of(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 6_000 * MS);
    answer(&mut policy, 1, 60_000 * MS);
    assert_eq!(tally(&mut policy, 10), [5, 5]);
    host.at("b0").stat(Stat::InFlight, 1);
    assert_eq!(tally(&mut policy, 10), [0, 10]);
}

#[test]
fn load_is_by_weight() {
    let host = TestHost::new().backend("small").backend("large").weight(4);
    host.at("large").stat(Stat::InFlight, 2);
    let mut policy = start(&host);
    assert_eq!(policy.pick_name(&TestRequest::new()), "large", "3/4 is less than 1");
    host.at("large").stat(Stat::InFlight, 4);
    assert_eq!(policy.pick_name(&TestRequest::new()), "small", "5/4 is more than 1");
}

#[test]
fn one_that_was_slow_is_tried_again() {
    let host = TestHost::of(3);
    let mut policy = start(&host);
    answer(&mut policy, 2, 1_000 * MS);
    let mut first = None;
    for second in 1..=120_u32 {
        host.advance(Duration::from_secs(1));
        for _ in 0..3 {
            let name = policy.pick_name(&TestRequest::new());
            if name == "b2" {
                first.get_or_insert(second);
            }
        }
        answer(&mut policy, 0, 10 * MS);
        answer(&mut policy, 1, 10 * MS);
    }
    // 1000 ms in steps of 20 ms, halved every 10 s: 50, 25, 13, 7, 4, 2, 1.
    assert_eq!(first, Some(60));
}

#[test]
fn the_period_is_configured() {
    let host = TestHost::of(2).config(json!({ "idle": "2s" }));
    let mut policy = start(&host);
    answer(&mut policy, 0, 10 * MS);
    answer(&mut policy, 1, 40 * MS);
    assert_eq!(tally(&mut policy, 10), [10, 0]);
    host.advance(Duration::from_secs(2));
    assert_eq!(tally(&mut policy, 10), [5, 5]);
}

/// As in the oracles of the simulator: the others have 8 in flight each.
#[test]
fn what_fails_at_once_attracts_nothing() {
    let host = TestHost::of(10);
    for index in 1..10 {
        host.at(&format!("b{index}")).stat(Stat::InFlight, 8);
    }
    host.at("b0").stat(Stat::MsSinceFailure, 0);
    let mut policy = start(&host);
    let mut failures = 0;
    for _ in 0..20_000 {
        // 1,000 requests a second.
        host.advance(MS);
        if policy.pick_name(&TestRequest::new()) == "b0" {
            failures += 1;
            host.at("b0").stat(Stat::Failures, failures);
            policy.observe(&TestRequest::new(), &Response::new(0, Some(503), Outcome::Complete, MS));
        }
    }
    assert!((5..60).contains(&failures), "{failures} of 20,000 are more than 0.3 %, or none");
}

#[test]
fn only_whole_successful_responses_teach() {
    let host = TestHost::of(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 100 * MS);
    let slow = 900 * MS;
    for response in [
        Response::new(1, Some(500), Outcome::Complete, slow),
        Response::new(1, Some(200), Outcome::ClientAbort, slow),
        Response::new(1, Some(200), Outcome::UpstreamReset, slow),
        Response::new(1, None, Outcome::Timeout, slow),
    ] {
        policy.observe(&TestRequest::new(), &response);
        assert_eq!(tally(&mut policy, 4), [0, 4], "{response:?}");
    }
    let head = Response::new(1, Some(404), Outcome::Complete, slow).head_after(200 * MS);
    policy.observe(&TestRequest::new(), &head);
    assert_eq!(tally(&mut policy, 4), [4, 0]);
    host.at("b0").stat(Stat::InFlight, 2);
    assert_eq!(tally(&mut policy, 4), [0, 4], "it is the head that counts, not the end");
}

#[test]
fn what_was_learnt_outlives_instances_and_is_shared() {
    let host = TestHost::of(2);
    let mut first = start(&host);
    let mut second = start(&host);
    assert_ne!(tally(&mut second, 10), [0, 10]);
    answer(&mut first, 0, 100 * MS);
    answer(&mut first, 1, 10 * MS);
    host.advance(10 * MS);
    assert_eq!(tally(&mut second, 10), [0, 10], "another worker");
    drop((first, second));
    host.reverse();
    assert_eq!(start(&host).pick_name(&TestRequest::new()), "b1", "after a swap, and in another order");
}

#[test]
fn what_may_not_be_picked_is_not() {
    let host = TestHost::of(6);
    host.at("b0").healthy(false);
    host.at("b1").draining(true);
    host.at("b2").full(true);
    let mut policy = start(&host);
    for _ in 0..20 {
        let name = policy.pick_name(&TestRequest::new().tried("b3"));
        assert!(["b4", "b5"].contains(&name.as_str()), "{name}");
    }
    host.at("b4").weight(0);
    let request = TestRequest::new().tried("b2").tried("b3").tried("b5");
    assert_eq!(policy.pick_name(&request), "b4", "it has no weight, and is the last that is left");
    assert_eq!(policy.pick(&request.tried("b4")), Verdict::Abstain);
    assert_eq!(start(&TestHost::new()).pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(2).config(table).policy::<LeastTime>().err().map(|error| error.to_string());
    assert_eq!(refusal(json!({})), None);
    assert_eq!(
        refusal(json!({ "idle": "99ms" })).as_deref(),
        Some("policy.config.idle: must be 100ms or more")
    );
    assert_eq!(
        refusal(json!({ "decay": "1s" })).as_deref(),
        Some("policy.config: unknown field `decay`, expected `idle`")
    );
}
