//! What is learnt from responses, and for how long it counts.

use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Outcome, Response, Stat, Verdict};
use prequal::Prequal;
use serde_json::json;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Only the time decides: with this quantile none is hot.
fn host(count: usize) -> TestHost {
    TestHost::of(count).config(json!({ "quantile": 100 }))
}

fn start(host: &TestHost) -> TestPolicy<Prequal> {
    host.policy().expect("a good configuration")
}

fn answer(policy: &mut TestPolicy<Prequal>, index: usize, after: Duration) {
    policy.observe(&TestRequest::new(), &Response::new(index, Some(200), Outcome::Complete, after));
}

/// How often each of the first backends is picked, of so many picks.
fn tally<const N: usize>(policy: &mut TestPolicy<Prequal>, picks: usize) -> [usize; N] {
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
fn a_sample_counts_for_a_twentieth() {
    let host = host(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 100 * MS);
    answer(&mut policy, 0, 2_100 * MS);
    answer(&mut policy, 1, 199 * MS);
    assert_eq!(tally(&mut policy, 20), [0, 20], "(19 · 100 + 2100) / 20 = 200");
    answer(&mut policy, 1, 239 * MS);
    assert_eq!(tally(&mut policy, 20), [20, 0], "(19 · 199 + 239) / 20 = 201");
}

#[test]
fn times_are_those_of_what_is_in_flight_now() {
    let host = host(2);
    let mut policy = start(&host);
    host.at("b0").stat(Stat::InFlight, 4);
    answer(&mut policy, 0, 500 * MS);
    answer(&mut policy, 1, 150 * MS);
    assert_eq!(tally(&mut policy, 20), [0, 20], "500 ms with four others");
    for (first, second, expected) in [(0, 0, [20, 0]), (1, 0, [0, 20]), (1, 1, [20, 0]), (3, 1, [0, 20])] {
        // 100 ms for each on the one, 150 ms on the other.
        host.at("b0").stat(Stat::InFlight, first);
        host.at("b1").stat(Stat::InFlight, second);
        assert_eq!(tally(&mut policy, 20), expected, "{first} and {second} in flight");
    }
}

#[test]
fn a_newcomer_gets_one_request_at_once_and_more_when_it_has_answered() {
    let host = host(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 50 * MS);
    assert_eq!(policy.pick_name(&TestRequest::new()), "b1");
    host.at("b1").stat(Stat::InFlight, 1);
    host.at("b0").stat(Stat::InFlight, 100);
    assert_eq!(tally(&mut policy, 32), [32, 0], "nobody knows whether it answers");
    host.at("b1").stat(Stat::InFlight, 0);
    answer(&mut policy, 1, 100 * MS);
    assert_eq!(tally(&mut policy, 20), [0, 20], "100 ms against 50 ms · 101");
}

#[test]
fn a_time_is_known_for_a_second() {
    let host = host(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 10 * MS);
    answer(&mut policy, 1, 1_000 * MS);
    host.advance(SECOND - MS);
    answer(&mut policy, 0, 10 * MS);
    assert_eq!(tally(&mut policy, 160), [160, 0]);
    host.advance(MS);
    assert_eq!(tally(&mut policy, 160), [150, 10], "one pick in sixteen");
    host.at("b1").stat(Stat::InFlight, 1);
    assert_eq!(tally(&mut policy, 160), [160, 0], "one at a time");
    host.at("b1").stat(Stat::InFlight, 0);
    answer(&mut policy, 1, 5 * MS);
    assert_eq!(tally(&mut policy, 160), [0, 160], "what comes of it counts in full");
    answer(&mut policy, 1, 1_005 * MS);
    assert_eq!(tally(&mut policy, 160), [160, 0], "and from then on a twentieth: 55 ms");
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
    for index in 0..10 {
        // It was the fastest.
        answer(&mut policy, index, if index == 0 { MS } else { 100 * MS });
    }
    let mut failures = 0;
    for number in 0..20_000 {
        // 1,000 requests a second.
        host.advance(MS);
        if policy.pick_name(&TestRequest::new()) == "b0" {
            failures += 1;
            host.at("b0").stat(Stat::Failures, failures);
            policy.observe(&TestRequest::new(), &Response::new(0, Some(503), Outcome::Complete, MS));
        }
        answer(&mut policy, 1 + number % 9, 100 * MS);
    }
    assert!((5..60).contains(&failures), "{failures} of 20,000 are more than 0.3 %, or none");
}

#[test]
fn only_whole_successful_responses_teach() {
    let host = host(2);
    let mut policy = start(&host);
    answer(&mut policy, 0, 100 * MS);
    answer(&mut policy, 1, 10 * MS);
    let slow = 9_000 * MS;
    for response in [
        Response::new(1, Some(500), Outcome::Complete, slow),
        Response::new(1, Some(200), Outcome::ClientAbort, slow),
        Response::new(1, Some(200), Outcome::UpstreamReset, slow),
        Response::new(1, None, Outcome::Timeout, slow),
    ] {
        policy.observe(&TestRequest::new(), &response);
        assert_eq!(tally(&mut policy, 4), [0, 4], "{response:?}");
    }
    let late_end = Response::new(1, Some(404), Outcome::Complete, slow).head_after(10 * MS);
    policy.observe(&TestRequest::new(), &late_end);
    assert_eq!(tally(&mut policy, 4), [0, 4], "it is the head that counts, not the end");
    policy.observe(&TestRequest::new(), &Response::new(1, Some(404), Outcome::Complete, slow));
    assert_eq!(tally(&mut policy, 4), [4, 0]);
}

#[test]
fn what_was_learnt_outlives_instances_and_is_shared() {
    let host = host(2);
    let (mut first, mut second) = (start(&host), start(&host));
    answer(&mut first, 0, 100 * MS);
    answer(&mut first, 1, 10 * MS);
    assert_eq!(tally(&mut second, 10), [0, 10], "another worker");
    drop((first, second));
    host.reverse();
    assert_eq!(start(&host).pick_name(&TestRequest::new()), "b1", "after a swap, and in another order");
}

#[test]
fn times_and_counts_beyond_all_bounds_are_only_great() {
    let host = host(2);
    let mut policy = start(&host);
    host.at("b1").stat(Stat::InFlight, u64::MAX);
    for _ in 0..3 {
        answer(&mut policy, 0, Duration::MAX);
        answer(&mut policy, 1, Duration::ZERO);
    }
    assert_eq!(tally(&mut policy, 10), [0, 10], "1 µs with 2²⁰ in flight, as many as are now");
    host.at("b0").stat(Stat::InFlight, u64::MAX);
    assert_eq!(tally(&mut policy, 10), [0, 10]);
}
