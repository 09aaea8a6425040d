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

/// Two draws fall on the same backend in half of all picks, and a quarter is the least that a backend can get.
fn is_avoided(share: usize) -> bool {
    (10..40).contains(&share)
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
