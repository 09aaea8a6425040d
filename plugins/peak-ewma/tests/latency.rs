//! What the policy learns from responses, and how long it remembers.

use std::time::Duration;

use peak_ewma::PeakEwma;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Outcome, Response, Stat};
use serde_json::json;

fn start(host: &TestHost) -> TestPolicy<PeakEwma> {
    host.policy().expect("a good configuration")
}

fn responded(policy: &mut TestPolicy<PeakEwma>, backend: usize, status: u16, head: Duration) {
    let response = Response::new(backend, Some(status), Outcome::Complete, head).head_after(head);
    policy.observe(&TestRequest::new(), &response);
}

/// Share of picks that go to the first of two backends, percent.
fn share_of_first(policy: &mut TestPolicy<PeakEwma>) -> usize {
    (0..200).filter(|_| policy.pick_name(&TestRequest::new()) == "b0").count() / 2
}

/// Of two backends both are drawn for each pick, and the one with the lower cost gets it.
fn is_avoided(share: usize) -> bool {
    share == 0
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_slower_backend_is_avoided() {
    let host = TestHost::of(2);
    let mut policy = start(&host);
    responded(&mut policy, 0, 200, 500 * MS);
    responded(&mut policy, 1, 200, 5 * MS);
    let share = share_of_first(&mut policy);
    assert!(is_avoided(share), "{share} %");
}

#[test]
fn a_spike_is_forgiven_in_the_time_that_the_form_says() {
    // From 2 s to 167 ms: τ·ln(2000/167) = 24.8 s.
    let host = TestHost::of(2);
    let mut policy = start(&host);
    responded(&mut policy, 0, 200, 2000 * MS);
    host.advance(Duration::from_secs(23));
    responded(&mut policy, 1, 200, 167 * MS);
    assert!(is_avoided(share_of_first(&mut policy)), "too early");
    host.advance(Duration::from_secs(3));
    responded(&mut policy, 1, 200, 167 * MS);
    let share = share_of_first(&mut policy);
    assert!(share > 60, "{share} %: forgiven, and cheaper than the other");
}

#[test]
fn fast_failures_do_not_attract() {
    for outcome in [Outcome::ConnectFailure, Outcome::UpstreamReset, Outcome::Timeout] {
        let host = TestHost::of(2);
        let mut policy = start(&host);
        policy.observe(&TestRequest::new(), &Response::new(0, None, outcome, MS));
        responded(&mut policy, 1, 200, 100 * MS);
        assert!(is_avoided(share_of_first(&mut policy)), "{outcome:?}");
    }
    let host = TestHost::of(2);
    let mut policy = start(&host);
    responded(&mut policy, 0, 503, MS);
    responded(&mut policy, 1, 200, 100 * MS);
    assert!(is_avoided(share_of_first(&mut policy)));
}

#[test]
fn what_is_in_flight_counts() {
    let host = TestHost::of(2);
    host.at("b0").stat(Stat::InFlight, 50);
    let share = share_of_first(&mut start(&host));
    assert!(is_avoided(share), "{share} %");
}

#[test]
fn a_newcomer_gets_one_request_at_once_and_more_when_it_has_answered() {
    let host = TestHost::of(2);
    let mut policy = start(&host);
    responded(&mut policy, 1, 200, 2 * MS);
    assert_eq!(share_of_first(&mut policy), 100, "nothing is known of it");
    host.at("b0").stat(Stat::InFlight, 1);
    assert_eq!(share_of_first(&mut policy), 0, "30 ms are expected until it answers");
    host.at("b0").stat(Stat::InFlight, 0);
    responded(&mut policy, 0, 200, MS);
    assert_eq!(share_of_first(&mut policy), 100);
}

#[test]
fn all_instances_learn_together_and_a_new_one_remembers() {
    let host = TestHost::of(2);
    let (mut one, mut other) = (start(&host), start(&host));
    responded(&mut one, 0, 200, 900 * MS);
    responded(&mut other, 1, 200, 5 * MS);
    assert!(is_avoided(share_of_first(&mut other)));
    drop((one, other));
    assert!(is_avoided(share_of_first(&mut start(&host))), "what was learnt outlives the instances");
}

#[test]
fn a_slow_backend_of_many_is_never_drawn_twice() {
    // Drawn with replacement it would have 1/100 of the picks.
    let host = TestHost::of(10);
    host.at("b0").stat(Stat::InFlight, 1_000);
    let mut policy = start(&host);
    let picked = (0..5_000).filter(|_| policy.pick_name(&TestRequest::new()) == "b0").count();
    assert_eq!(picked, 0);
}

#[test]
fn what_is_not_eligible_or_was_tried_is_passed_over() {
    for count in 1..=4 {
        let host = TestHost::of(count);
        let mut policy = start(&host);
        for _ in 0..100 {
            let mut request = TestRequest::new();
            let mut left: Vec<usize> = (0..count).collect();
            while !left.is_empty() {
                let name = policy.pick_name(&request);
                let index: usize = name[1..].parse().unwrap();
                assert!(left.contains(&index), "{name} again, of {count}");
                left.retain(|other| *other != index);
                request = request.tried(&name);
            }
        }
    }
}

#[test]
fn configuration_is_checked() {
    let with = |table| TestHost::of(2).config(table).policy::<PeakEwma>().map(drop);
    assert!(with(json!({ "tau": "5s", "default_latency": "1ms", "penalty": "1s" })).is_ok());
    for bad in [
        json!({ "tau": "0s" }),
        json!({ "tau": 10 }),
        json!({ "taw": "10s" }),
        json!({ "tau": "10 parsecs" }),
    ] {
        assert!(with(bad.clone()).is_err(), "{bad}");
    }
}
