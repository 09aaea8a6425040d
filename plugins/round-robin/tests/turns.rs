//! The order of picks, over one or more workers and through changes of the pool.

use pointsman_sdk::Verdict;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use round_robin::RoundRobin;
use std::collections::BTreeMap;

fn start(host: &TestHost) -> TestPolicy<RoundRobin> {
    host.policy().expect("round-robin takes any pool")
}

/// How often each backend was picked in this many turns for this request.
fn tally(
    policy: &mut TestPolicy<RoundRobin>,
    turns: usize,
    request: &TestRequest,
) -> BTreeMap<String, usize> {
    let mut picks = BTreeMap::new();
    for _ in 0..turns {
        *picks.entry(policy.pick_name(request)).or_default() += 1;
    }
    picks
}

/// Whether `picks` is a stretch of `cycle` over and over.
fn goes_round(picks: &str, cycle: &str) -> bool {
    format!("{cycle} ").repeat(picks.len() / cycle.len() + 2).contains(&format!("{picks} "))
}

#[test]
fn weights_give_the_order_of_nginx() {
    let host = TestHost::new().backend("a").weight(5).backend("b").backend("c");
    let picks = start(&host).pick_names(21);
    assert!(goes_round(&picks, "a a b a c a a"), "{picks}");
}

#[test]
fn equal_weights_go_in_order() {
    let host = TestHost::new().backend("a").weight(3).backend("b").weight(3).backend("c").weight(3);
    let picks = start(&host).pick_names(9);
    assert!(goes_round(&picks, "a b c"), "{picks}");
}

#[test]
fn workers_share_one_turn() {
    let host = TestHost::new().backend("a").backend("b").backend("c").backend("d");
    let (mut one, mut other) = (start(&host), start(&host));
    let picks: Vec<String> = (0..8).map(|_| one.pick_names(1) + " " + &other.pick_names(1)).collect();
    let picks = picks.join(" ");
    assert!(goes_round(&picks, "a b c d"), "{picks}");
}

#[test]
fn the_turn_survives_a_swap() {
    let host = TestHost::new().backend("a").backend("b").backend("c");
    let before = start(&host).pick_names(4);
    let after = start(&host).pick_names(4);
    let picks = format!("{before} {after}");
    assert!(goes_round(&picks, "a b c"), "{picks}");
}

#[test]
fn the_start_is_random() {
    let first = |seed| start(&TestHost::of(100).seed(seed)).pick_names(1);
    let starts: std::collections::BTreeSet<String> = (1..=20).map(first).collect();
    assert!(starts.len() > 10, "20 seeds start at {starts:?}");
}

#[test]
fn an_ineligible_backend_leaves_its_turns_to_all_others() {
    let host = TestHost::of(5);
    let mut policy = start(&host);
    host.at("b2").healthy(false);
    let picks = tally(&mut policy, 400, &TestRequest::new());
    assert!(picks.values().all(|&count| count == 100), "{picks:?}");
    host.at("b2").healthy(true);
    assert_eq!(tally(&mut policy, 500, &TestRequest::new())["b2"], 100);
}

#[test]
fn a_tried_backend_leaves_its_turns_to_all_others() {
    let host = TestHost::of(5);
    let picks = tally(&mut start(&host), 4_000, &TestRequest::new().attempt(1).tried("b2"));
    let shares: Vec<usize> = picks.values().copied().collect();
    assert_eq!(shares.len(), 4);
    assert!(shares.into_iter().all(|count| (900..1_100).contains(&count)), "{picks:?}");
}

#[test]
fn a_full_backend_is_passed_over() {
    let host = TestHost::of(3);
    host.at("b0").full(true);
    let picks = tally(&mut start(&host), 300, &TestRequest::new());
    assert_eq!(picks.keys().collect::<Vec<_>>(), ["b1", "b2"]);
}

#[test]
fn the_last_backend_is_found_however_light() {
    let host = TestHost::new().backend("heavy").weight(60_000).backend("light");
    let mut policy = start(&host);
    assert_eq!(policy.pick_name(&TestRequest::new().tried("heavy")), "light");
    assert_eq!(policy.pick(&TestRequest::new().tried("heavy").tried("light")), Verdict::Abstain);
}

#[test]
fn slow_start_counts() {
    let host = TestHost::new().backend("a").backend("b");
    host.at("b").slow_start(250);
    assert_eq!(tally(&mut start(&host), 500, &TestRequest::new())["b"], 100);
}

#[test]
fn no_backend_to_pick() {
    let host = TestHost::new();
    let mut policy = start(&host);
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Abstain);
    host.add("a");
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Backend(0));
    host.at("a").draining(true);
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn a_configuration_is_refused() {
    let host = TestHost::new().config(serde_json::json!({ "start": 1 }));
    let error = host.policy::<RoundRobin>().expect_err("there is nothing to configure");
    assert!(error.text().contains("takes no configuration"), "{error}");
}
