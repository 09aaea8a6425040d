//! Who is picked while others are busy.

use first::First;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use serde_json::json;

fn host(requests: u32, backends: usize) -> TestHost {
    TestHost::of(backends).config(json!({ "requests": requests }))
}

fn start(host: &TestHost) -> TestPolicy<First> {
    host.policy().expect("a good configuration")
}

fn in_flight(host: &TestHost, loads: &[u64]) {
    for (index, load) in loads.iter().enumerate() {
        host.at(&format!("b{index}")).stat(Stat::InFlight, *load);
    }
}

fn pick(policy: &mut TestPolicy<First>) -> String {
    policy.pick_name(&TestRequest::new())
}

#[test]
fn backends_fill_up_in_order_and_then_evenly() {
    let host = host(3, 3);
    let (mut policy, mut loads) = (start(&host), [0; 3]);
    let mut order = String::new();
    for _ in 0..15 {
        let name = pick(&mut policy);
        let index: usize = name[1..].parse().expect("a number");
        loads[index] += 1;
        in_flight(&host, &loads);
        order.push_str(&name[1..]);
    }
    assert_eq!(order, "000111222012012");
}

#[test]
fn a_place_that_gets_free_is_taken_again() {
    let host = host(3, 4);
    let mut policy = start(&host);
    for (loads, expected) in [
        ([3, 3, 1, 0], "b2"),
        ([3, 2, 3, 0], "b1"),
        ([2, 3, 3, 3], "b0"),
        ([3, 3, 3, 2], "b3"),
        // Beyond all of them.
        ([4, 3, 3, 4], "b1"),
        ([9, 8, 7, 6], "b3"),
    ] {
        in_flight(&host, &loads);
        assert_eq!(pick(&mut policy), expected, "{loads:?}");
    }
}

#[test]
fn failures_take_room_until_they_are_over() {
    let host = host(3, 2);
    let mut policy = start(&host);
    for (failures, expected) in [(1, "b0"), (2, "b0"), (3, "b1")] {
        host.at("b0").stat(Stat::Failures, failures).stat(Stat::MsSinceFailure, 0);
        assert_eq!(pick(&mut policy), expected, "{failures} of them");
    }
    // A failure has lost half of its weight by then.
    host.advance(std::time::Duration::from_secs(5));
    host.at("b0").stat(Stat::MsSinceFailure, 5_000);
    assert_eq!(pick(&mut policy), "b0");
    in_flight(&host, &[1, 0]);
    assert_eq!(pick(&mut policy), "b1");
    host.advance(std::time::Duration::from_secs(5));
    host.at("b0").stat(Stat::MsSinceFailure, 10_000);
    assert_eq!(pick(&mut policy), "b0");
}

#[test]
fn room_and_load_are_by_weight() {
    let host = host(2, 2);
    host.at("b0").weight(3);
    let mut policy = start(&host);
    for (loads, expected) in
        [([5, 0], "b0"), ([6, 0], "b1"), ([6, 2], "b0"), ([7, 2], "b1"), ([9, 3], "b0"), ([10, 3], "b1")]
    {
        in_flight(&host, &loads);
        assert_eq!(pick(&mut policy), expected, "{loads:?}");
    }
}

#[test]
fn a_backend_in_slow_start_has_less_room_and_never_none() {
    let host = host(10, 2);
    host.at("b0").slow_start(250);
    let mut policy = start(&host);
    in_flight(&host, &[2, 0]);
    assert_eq!(pick(&mut policy), "b0", "room for two and a half is room for the third");
    in_flight(&host, &[3, 0]);
    assert_eq!(pick(&mut policy), "b1");
    host.at("b0").slow_start(1);
    in_flight(&host, &[0, 0]);
    assert_eq!(pick(&mut policy), "b0");
}

#[test]
fn one_at_its_own_limit_has_no_room() {
    let host = host(100, 3);
    host.at("b0").full(true);
    let mut policy = start(&host);
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Backend(1));
    in_flight(&host, &[5, 100, 100]);
    assert_eq!(
        policy.pick(&TestRequest::new()),
        Verdict::Backend(1),
        "not the full one, less loaded as it is"
    );
    host.at("b1").full(true);
    host.at("b2").full(true);
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Backend(0), "the request may wait");
}

#[test]
fn what_may_not_be_picked_is_not() {
    let host = host(2, 5);
    host.at("b0").healthy(false);
    host.at("b1").draining(true);
    host.at("b3").weight(0);
    let mut policy = start(&host);
    assert_eq!(pick(&mut policy), "b2");
    let tried = |names: &[&str]| names.iter().fold(TestRequest::new(), |request, name| request.tried(name));
    assert_eq!(policy.pick_name(&tried(&["b2"])), "b4");
    assert_eq!(
        policy.pick_name(&tried(&["b2", "b4"])),
        "b3",
        "it has no weight, and is the last that is left"
    );
    assert_eq!(policy.pick(&tried(&["b2", "b3", "b4"])), Verdict::Abstain);
    host.at("b2").weight(0);
    host.at("b4").weight(0);
    in_flight(&host, &[0, 0, 1, 0, 0]);
    assert_eq!(pick(&mut policy), "b2", "without any weight all have room");
    host.remove("b2");
    assert_eq!(pick(&mut policy), "b3");
    host.reverse();
    assert_eq!(pick(&mut policy), "b4", "the order is that of the configuration");
    assert_eq!(start(&self::host(1, 0)).pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn loads_and_limits_may_be_the_greatest() {
    let host = host(1_000_000, 2);
    host.at("b0").weight_thousandths(u32::MAX).stat(Stat::InFlight, u64::MAX);
    host.at("b1").weight_thousandths(u32::MAX);
    assert_eq!(pick(&mut start(&host)), "b0", "its room has no end");
    host.at("b0").weight(1);
    assert_eq!(pick(&mut start(&host)), "b1");
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(2).config(table).policy::<First>().err().map(|error| error.to_string());
    assert_eq!(
        refusal(json!({})).as_deref(),
        Some(
            "policy.config.requests: missing; set how many requests a backend of weight 1 may have in flight before the next backend gets some, such as 100"
        )
    );
    for requests in [0, 1_000_001] {
        let expected = Some("policy.config.requests: must be 1 to 1000000");
        assert_eq!(refusal(json!({ "requests": requests })).as_deref(), expected);
    }
    assert_eq!(
        refusal(json!({ "max_requests": 2 })).as_deref(),
        Some("policy.config: unknown field `max_requests`, expected `requests`")
    );
}
