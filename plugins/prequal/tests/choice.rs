//! Who is hot, who is cold, and who is picked of them.

use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Outcome, Response, Stat, Verdict};
use prequal::Prequal;
use serde_json::json;
use std::time::Duration;

/// Backends of which it is known that they take so many ms with nothing else in flight, and which now have so much in flight.
fn pool(backends: &[(u64, u64)], config: serde_json::Value) -> (TestHost, TestPolicy<Prequal>) {
    let host = TestHost::of(backends.len()).config(config);
    let mut policy: TestPolicy<Prequal> = host.policy().expect("a good configuration");
    for (index, (ms, _)) in backends.iter().enumerate() {
        let response = Response::new(index, Some(200), Outcome::Complete, Duration::from_millis(*ms));
        policy.observe(&TestRequest::new(), &response);
    }
    for (index, (_, in_flight)) in backends.iter().enumerate() {
        host.at(&format!("b{index}")).stat(Stat::InFlight, *in_flight);
    }
    (host, policy)
}

/// How often each backend is picked, of 100 picks after one that sees what is in flight now.
fn tally<const N: usize>(policy: &mut TestPolicy<Prequal>) -> [usize; N] {
    let mut tally = [0; N];
    policy.pick_name(&TestRequest::new());
    for _ in 0..100 {
        match policy.pick(&TestRequest::new()) {
            Verdict::Backend(index) => tally[index] += 1,
            other => panic!("{other:?}"),
        }
    }
    tally
}

fn all_of<const N: usize>(index: usize) -> [usize; N] {
    std::array::from_fn(|other| if other == index { 100 } else { 0 })
}

/// All ten are drawn. The quantile of 30 % of 20 loads, each of them twice, is the sixth: that of the third backend.
#[test]
fn the_fastest_of_the_cold_is_picked() {
    let mut backends: [(u64, u64); 10] = std::array::from_fn(|place| (1_000, place as u64));
    let config = json!({ "sample": 10 });
    assert_eq!(tally(&mut pool(&backends, config.clone()).1), all_of::<10>(0));
    backends[2].0 = 340;
    assert_eq!(
        tally(&mut pool(&backends, config.clone()).1),
        all_of::<10>(0),
        "340 ms · 3 is more than 1000 ms"
    );
    backends[2].0 = 330;
    assert_eq!(tally(&mut pool(&backends, config.clone()).1), all_of::<10>(2), "330 ms · 3 is less");
    backends[3].0 = 1;
    assert_eq!(tally(&mut pool(&backends, config).1), all_of::<10>(2), "1 ms · 4 is hot");
}

#[test]
fn the_quantile_decides_how_many_are_cold() {
    // The more is in flight the faster it is, by far.
    let backends: [(u64, u64); 10] = std::array::from_fn(|place| (1 << (20 - 2 * place), place as u64));
    for (quantile, last) in [(0, 0), (1, 0), (10, 0), (11, 1), (20, 1), (30, 2), (50, 4), (84, 8), (100, 9)] {
        let (_, mut policy) = pool(&backends, json!({ "sample": 10, "quantile": quantile }));
        assert_eq!(tally(&mut policy), all_of::<10>(last), "{quantile} %");
    }
}

#[test]
fn of_equal_loads_all_are_cold_or_none() {
    // The sixth of 0 0 1 1 1 1 1 1 1 1 and 1 eight times more.
    let mut backends = [(1_000, 1); 9];
    backends[4] = (1_000, 0);
    backends[8] = (10, 1);
    let (host, mut policy) = pool(&backends, json!({ "sample": 9 }));
    assert_eq!(tally(&mut policy), all_of::<9>(8));
    host.at("b8").stat(Stat::InFlight, 2);
    assert_eq!(tally(&mut policy), all_of::<9>(4));
}

#[test]
fn where_all_are_hot_the_least_loaded_is_picked() {
    let mut backends = [(10, 0); 10];
    backends[7] = (1_000, 0);
    let (host, mut policy) = pool(&backends, json!({ "sample": 10 }));
    policy.pick_name(&TestRequest::new());
    for index in 0..10 {
        host.at(&format!("b{index}")).stat(Stat::InFlight, if index == 7 { 5 } else { 6 });
    }
    // The sixth of ten loads of a moment ago and ten of now is 0.
    assert_eq!(policy.pick_name(&TestRequest::new()), "b7");
    assert_ne!(
        policy.pick_name(&TestRequest::new()),
        "b7",
        "now 6 isn't much any more: 60 ms is less than 6 s"
    );
}

#[test]
fn load_is_by_weight() {
    let host = TestHost::new().backend("small").backend("large").weight(4).config(json!({ "quantile": 0 }));
    let mut policy: TestPolicy<Prequal> = host.policy().expect("a good configuration");
    host.at("small").stat(Stat::InFlight, 2);
    host.at("large").stat(Stat::InFlight, 7);
    assert_eq!(tally(&mut policy), [0, 100], "7/4 is less than 2");
    host.at("large").stat(Stat::InFlight, 9);
    assert_eq!(tally(&mut policy), [100, 0], "9/4 is more than 2");
}

#[test]
fn draws_are_by_weight_and_equals_are_left_to_chance() {
    for (seed, weights, expected) in [(1, [1, 1, 1], [0.333, 0.333, 0.333]), (2, [6, 3, 1], [0.6, 0.3, 0.1])]
    {
        let host = TestHost::of(3).seed(seed);
        for (index, weight) in weights.into_iter().enumerate() {
            host.at(&format!("b{index}")).weight(weight);
        }
        let mut policy: TestPolicy<Prequal> = host.policy().expect("a good configuration");
        let mut shares = [0.0_f64; 3];
        for _ in 0..20_000 {
            let name = policy.pick_name(&TestRequest::new());
            shares[usize::from(name.as_bytes()[1] - b'0')] += 1.0 / 20_000.0;
        }
        for (share, expected) in shares.into_iter().zip(expected) {
            assert!((share - expected).abs() < 0.015, "seed {seed}: {shares:?}");
        }
    }
}

/// The best of 20 is picked whenever it is drawn: `sample` of 20.
#[test]
fn so_many_are_drawn() {
    for sample in [2, 8, 16] {
        let mut backends = [(100, 1); 20];
        backends[0] = (1, 0);
        let (_, mut policy) = pool(&backends, json!({ "sample": sample }));
        let picked = (0..10_000).filter(|_| policy.pick_name(&TestRequest::new()) == "b0").count();
        let expected = 500 * sample;
        assert!(picked.abs_diff(expected) < 200, "{sample}: {picked} instead of {expected}");
    }
}

#[test]
fn what_may_not_be_picked_is_not() {
    for seed in 0..20 {
        let host = TestHost::of(6).seed(seed).config(json!({ "sample": 2 }));
        host.at("b0").healthy(false);
        host.at("b1").draining(true);
        host.at("b2").full(true);
        let mut policy: TestPolicy<Prequal> = host.policy().expect("a good configuration");
        for _ in 0..50 {
            let name = policy.pick_name(&TestRequest::new().tried("b3"));
            assert!(["b4", "b5"].contains(&name.as_str()), "seed {seed}: {name}");
        }
        host.at("b4").healthy(false);
        host.remove("b5");
        let request = TestRequest::new().tried("b2").tried("b3");
        assert_eq!(policy.pick(&request), Verdict::Abstain, "seed {seed}");
    }
    let mut empty: TestPolicy<Prequal> = TestHost::new().policy().expect("a good configuration");
    assert_eq!(empty.pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn one_that_has_tried_all_that_are_drawn_gets_the_least_loaded_of_the_others() {
    let (_, mut policy) = pool(&[(10, 0), (10, 0), (10, 9), (10, 3), (10, 9)], json!({ "sample": 2 }));
    let mut request = TestRequest::new().tried("b0").tried("b1");
    let mut picked = [0; 5];
    for _ in 0..200 {
        picked[usize::from(policy.pick_name(&request).as_bytes()[1] - b'0')] += 1;
    }
    // It is drawn with one of the other four in 4 of 10 draws, and in 1 of 10 they are b0 and b1: half of 200, and not the 80 of chance alone.
    assert!(picked[..2] == [0, 0] && picked[3] > 90, "{picked:?}");
    request = request.tried("b3").tried("b2");
    for _ in 0..50 {
        assert_eq!(policy.pick_name(&request), "b4");
    }
    assert_eq!(policy.pick(&request.tried("b4")), Verdict::Abstain);
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(2).config(table).policy::<Prequal>().err().map(|error| error.to_string());
    for good in [json!({}), json!({ "sample": 2, "quantile": 0 }), json!({ "sample": 16, "quantile": 100 })] {
        assert_eq!(refusal(good), None);
    }
    for sample in [0, 1, 17] {
        let expected = Some("policy.config.sample: must be 2 to 16");
        assert_eq!(refusal(json!({ "sample": sample })).as_deref(), expected);
    }
    assert_eq!(
        refusal(json!({ "quantile": 101 })).as_deref(),
        Some("policy.config.quantile: must be 0 to 100")
    );
    assert_eq!(
        refusal(json!({ "q": 30 })).as_deref(),
        Some("policy.config: unknown field `q`, expected `sample` or `quantile`")
    );
}
