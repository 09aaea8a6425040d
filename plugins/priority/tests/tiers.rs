//! Which tier serves.

use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use priority::Priority;

/// Tiers of so many backends, the first of each healthy: `t0-0`, `t0-1`, and so on.
fn host(tiers: &[(usize, usize)]) -> TestHost {
    let host = TestHost::new();
    for (tier, (count, healthy)) in tiers.iter().enumerate() {
        for number in 0..*count {
            let name = format!("t{tier}-{number}");
            host.add(&name);
            host.at(&name).label("priority", &tier.to_string()).healthy(number < *healthy);
        }
    }
    host
}

fn start(host: &TestHost) -> TestPolicy<Priority> {
    host.policy().expect("good labels")
}

fn tier_of(name: &str) -> usize {
    name[1..2].parse().expect("a tier")
}

/// Percent of picks that each tier gets.
fn shares<const TIERS: usize>(host: &TestHost, picks: u32) -> [f64; TIERS] {
    let (mut policy, mut shares) = (start(host), [0.0; TIERS]);
    for _ in 0..picks {
        shares[tier_of(&policy.pick_name(&TestRequest::new()))] += 100.0 / f64::from(picks);
    }
    shares
}

/// The published figures, within half a point.
#[test]
fn the_next_tier_gets_what_the_first_cannot_take() {
    for (healthy, expected) in [(72, [100.0, 0.0]), (71, [99.0, 1.0]), (50, [70.0, 30.0]), (25, [35.0, 65.0])]
    {
        let seed = 7;
        let host = host(&[(100, healthy), (20, 20)]).seed(seed);
        let shares: [f64; 2] = shares(&host, 50_000);
        for (share, expected) in shares.into_iter().zip(expected) {
            assert!((share - expected).abs() < 0.5, "seed {seed}, {healthy} % healthy: {shares:?}");
        }
    }
}

#[test]
fn where_it_is_short_shares_are_scaled_up() {
    for (seed, tiers, expected) in [
        (1, [(20, 5), (20, 5), (0, 0)], [50.0, 50.0, 0.0]),
        (2, [(10, 0), (10, 0), (10, 3)], [0.0, 0.0, 100.0]),
        (3, [(10, 1), (10, 2), (10, 10)], [14.0, 28.0, 58.0]),
    ] {
        let shares: [f64; 3] = shares(&host(&tiers).seed(seed), 20_000);
        for (share, expected) in shares.into_iter().zip(expected) {
            assert!((share - expected).abs() < 1.1, "seed {seed}, {tiers:?}: {shares:?}");
        }
    }
}

#[test]
fn when_all_tiers_panic_each_counts_by_its_backends() {
    let host = host(&[(30, 3), (10, 4)]).seed(5);
    host.panics(true);
    let shares: [f64; 2] = shares(&host, 20_000);
    assert!((shares[0] - 75.0).abs() < 1.0, "{shares:?}");
}

#[test]
fn a_tier_that_does_not_panic_takes_it_all_alone() {
    for (seed, tiers, expected) in [
        // The second is healthy enough: its load is scaled up, and its unhealthy ones get nothing.
        (1, [(10, 0), (10, 6)], [0.0, 100.0]),
        // 14 and 84 percent of which 14 are of a tier that panics.
        (2, [(10, 1), (10, 6)], [15.0, 85.0]),
        // All together can take everything: nothing panics.
        (3, [(10, 3), (10, 9)], [42.0, 58.0]),
    ] {
        let host = host(&tiers).seed(seed);
        host.panics(true);
        let (mut policy, mut shares) = (start(&host), [0.0_f64; 2]);
        let mut is_unhealthy_picked = [false; 2];
        for _ in 0..20_000 {
            let name = policy.pick_name(&TestRequest::new());
            let tier = tier_of(&name);
            shares[tier] += 100.0 / 20_000.0;
            let number: usize = name[3..].parse().expect("a number");
            is_unhealthy_picked[tier] |= number >= tiers[tier].1;
        }
        for (share, expected) in shares.into_iter().zip(expected) {
            assert!((share - expected).abs() < 1.1, "seed {seed}, {tiers:?}: {shares:?}");
        }
        assert_eq!(is_unhealthy_picked, [seed == 2, false], "{tiers:?}");
    }
}

#[test]
fn in_a_tier_the_less_loaded_of_two_is_picked() {
    let host = host(&[(2, 2), (3, 3)]);
    host.at("t0-0").stat(Stat::InFlight, 3);
    let mut policy = start(&host);
    assert_eq!(policy.pick_names(8), ["t0-1"; 8].join(" "), "not the idle ones of the next tier");
    host.at("t0-1").weight(1).stat(Stat::InFlight, 5);
    host.at("t0-0").weight(2);
    assert_eq!(policy.pick_names(8), ["t0-0"; 8].join(" "), "3/2 is less than 5");
    let host = self::host(&[(10, 10)]).seed(3);
    for number in 0..9 {
        host.at(&format!("t0-{number}")).stat(Stat::InFlight, 1 + number);
    }
    let mut policy = start(&host);
    let idle = (0..10_000).filter(|_| policy.pick_name(&TestRequest::new()) == "t0-9").count();
    assert!(
        (1_850..2_150).contains(&idle),
        "of two distinct draws of ten it is one in a fifth, not {idle} in 10,000"
    );
}

#[test]
fn a_retry_moves_on_when_nothing_untried_is_left() {
    for seed in 0..20 {
        let host = host(&[(3, 3), (2, 2), (2, 2)]).seed(seed);
        let mut policy = start(&host);
        let (mut request, mut tiers) = (TestRequest::new(), String::new());
        for attempt in 0..7 {
            let name = policy.pick_name(&request.clone().attempt(attempt));
            tiers.push_str(&name[1..2]);
            request = request.tried(&name);
        }
        assert_eq!(tiers, "0001122", "seed {seed}");
        assert_eq!(policy.pick(&request.attempt(7)), Verdict::Abstain, "seed {seed}");
    }
}

#[test]
fn a_retry_stays_in_a_lower_tier_too_and_goes_round() {
    let mut begins = [0; 2];
    for seed in 0..60 {
        // 35 and 65 percent.
        let host = host(&[(8, 2), (3, 3)]).seed(seed);
        let mut policy = start(&host);
        let (mut request, mut tiers) = (TestRequest::new(), String::new());
        for attempt in 0..5 {
            let name = policy.pick_name(&request.clone().attempt(attempt));
            tiers.push_str(&name[1..2]);
            request = request.tried(&name);
        }
        assert!(["00111", "11100"].contains(&tiers.as_str()), "seed {seed}: {tiers}");
        begins[tier_of(&format!("t{tiers}"))] += 1;
    }
    assert!(begins.iter().all(|begins| *begins > 10), "{begins:?}");
}

#[test]
fn full_ones_are_left_for_others_of_the_tier_and_then_the_next() {
    let host = host(&[(2, 2), (1, 1)]);
    host.at("t0-0").full(true);
    let mut policy = start(&host);
    for _ in 0..20 {
        assert_eq!(policy.pick_name(&TestRequest::new()), "t0-1");
    }
    assert_eq!(policy.pick_name(&TestRequest::new().tried("t0-0").tried("t0-1")), "t1-0");
}

#[test]
fn labels_order_the_tiers_whatever_the_order_of_the_backends() {
    let host = TestHost::new().backend("t2").label("priority", "20").backend("t1").label("priority", "3");
    let host = host.backend("t0").backend("t9").label("priority", "0").as_backup();
    let mut policy = start(&host);
    for expected in ["t0", "t1", "t2", "t9"] {
        assert_eq!(policy.pick_name(&TestRequest::new()), expected);
        if expected != "t9" {
            host.at(expected).healthy(false);
        }
    }
    host.at("t9").draining(true);
    assert_eq!(policy.pick(&TestRequest::new()), Verdict::Abstain);
    host.at("t1").healthy(true);
    host.at("t2").healthy(true).label("priority", "high");
    assert_eq!(policy.pick_names(4), "t1 t1 t1 t1", "what isn't a number comes last");
    assert_eq!(start(&TestHost::new()).pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn draining_backends_count_as_down() {
    let host = host(&[(4, 4), (4, 4)]).seed(9);
    host.at("t0-0").draining(true);
    host.at("t0-1").draining(true);
    let shares: [f64; 2] = shares(&host, 10_000);
    assert!((shares[0] - 70.0).abs() < 1.5, "{shares:?}");
}

#[test]
fn a_label_that_is_no_number_is_refused() {
    for label in ["", "high", "-1", "1.5", " 1", "4294967296"] {
        let host = TestHost::new().backend("a").backend("b").label("priority", label);
        let refusal = host.policy::<Priority>().err().map(|error| error.to_string());
        assert_eq!(
            refusal.as_deref(),
            Some("label `priority` of backend b: must be a whole number, 0 for the first tier"),
            "{label:?}"
        );
    }
}
