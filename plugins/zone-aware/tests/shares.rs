//! How much stays in the own zone.

use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use serde_json::json;
use zone_aware::ZoneAware;

/// So many backends in each of the zones a, b and c: `a0`, `a1`, and so on.
fn host(counts: [usize; 3]) -> TestHost {
    let host = TestHost::new();
    for (zone, count) in ["a", "b", "c"].into_iter().zip(counts) {
        for number in 0..count {
            let name = format!("{zone}{number}");
            host.add(&name);
            host.at(&name).zone(zone);
        }
    }
    host
}

fn start(host: &TestHost) -> TestPolicy<ZoneAware> {
    host.policy().expect("a good configuration")
}

/// Percent of picks that go to backends of a, b and c, by the first letter of their names.
fn shares(host: &TestHost, picks: u32) -> [f64; 3] {
    let (mut policy, mut shares) = (start(host), [0.0; 3]);
    for _ in 0..picks {
        let zone = policy.pick_name(&TestRequest::new()).as_bytes()[0];
        shares[usize::from(zone - b'a')] += 100.0 / f64::from(picks);
    }
    shares
}

fn check(host: TestHost, seed: u64, expected: [f64; 3]) {
    let shares = shares(&host.seed(seed), 100_000);
    for (share, expected) in shares.iter().zip(expected) {
        assert!((share - expected).abs() < 0.5, "seed {seed}: {shares:?} instead of {expected}");
    }
}

/// The published figures, within half a point.
#[test]
fn what_the_own_zone_is_short_of_goes_where_there_is_more_than_needed() {
    let forty = json!({ "zone": "a", "proxies": { "a": 40, "b": 40, "c": 20 } });
    check(host([5, 10, 5]).config(forty), 1, [62.5, 25.0, 12.5]);
    let short = json!({ "zone": "a", "proxies": { "a": 20, "b": 70, "c": 10 } });
    check(host([2, 8, 10]).config(short), 2, [50.0, 0.0, 50.0]);
}

#[test]
fn all_stays_where_the_own_zone_has_its_share() {
    let enough = |zone| json!({ "zone": zone, "proxies": { "a": 20, "b": 40, "c": 40 } });
    check(host([2, 4, 4]).config(enough("a")), 3, [100.0, 0.0, 0.0]);
    check(host([4, 3, 3]).config(enough("a")), 4, [100.0, 0.0, 0.0]);
}

#[test]
fn all_proxies_together_load_all_backends_alike() {
    let proxies = [("a", 0.4), ("b", 0.4), ("c", 0.2)];
    let mut total = [0.0; 3];
    for (zone, part) in proxies {
        let config = json!({ "zone": zone, "proxies": { "a": 40, "b": 40, "c": 20 } });
        let shares = shares(&host([2, 4, 6]).config(config).seed(11), 20_000);
        total.iter_mut().zip(shares).for_each(|(total, share)| *total += part * share);
    }
    for (total, count) in total.iter().zip([2.0, 4.0, 6.0]) {
        assert!((total - 100.0 * count / 12.0).abs() < 1.0, "{total} for {count} of 12");
    }
}

#[test]
fn backends_count_by_weight_and_health() {
    let even = json!({ "zone": "a", "proxies": { "a": 1, "b": 1 } });
    let heavy = host([2, 4, 0]).config(even.clone());
    heavy.at("a0").weight(2);
    heavy.at("a1").weight(2);
    check(heavy, 5, [100.0, 0.0, 0.0]);
    let sick = host([4, 4, 0]).config(even.clone());
    sick.at("a3").healthy(false);
    // 3 of 7 of one half: 6/7.
    check(sick, 6, [600.0 / 7.0, 100.0 / 7.0, 0.0]);
    let large = host([3, 3, 0]).config(even);
    for name in ["a0", "a1", "a2", "b0", "b1", "b2"] {
        large.at(name).weight_thousandths(if name.starts_with('a') { u32::MAX / 3 } else { u32::MAX });
    }
    check(large, 7, [50.0, 50.0, 0.0]);
}

#[test]
fn without_a_number_of_proxies_there_are_as_many_in_each_zone() {
    check(host([2, 4, 4]).config(json!({ "zone": "a" })), 8, [60.0, 20.0, 20.0]);
    check(host([4, 3, 3]).config(json!({ "zone": "a" })), 9, [100.0, 0.0, 0.0]);
    // A zone that is down still has its proxies; one without a name has none.
    let down = host([2, 4, 2]).config(json!({ "zone": "a" }));
    down.at("c0").healthy(false);
    down.at("c1").healthy(false);
    check(down, 10, [100.0, 0.0, 0.0]);
    let nameless = host([2, 2, 4]).config(json!({ "zone": "a" }));
    for number in 0..4 {
        nameless.at(&format!("c{number}")).zone("");
    }
    check(nameless, 11, [50.0, 0.0, 50.0]);
}

#[test]
fn zones_do_not_count_where_that_is_safer() {
    let config = |min| json!({ "zone": "a", "min_backends": min });
    let quarter = [25.0, 50.0, 25.0];
    check(host([1, 2, 1]).config(json!({ "zone": "a" })), 12, quarter);
    check(host([1, 2, 1]).config(config(4)), 13, [75.0, 25.0, 0.0]);
    check(host([5, 10, 5]).config(json!({ "zone": "elsewhere" })), 14, quarter);
    let panic = host([10, 10, 0]).config(json!({ "zone": "a" }));
    panic.at("b0").healthy(false);
    panic.panics(true);
    check(panic, 15, [50.0, 50.0, 0.0]);
    let one = host([6, 1, 1]).config(json!({ "zone": "a" }));
    one.at("b0").healthy(false);
    one.at("c0").draining(true);
    check(one, 16, [100.0, 0.0, 0.0]);
}

#[test]
fn in_the_zone_the_less_loaded_of_two_is_picked() {
    let host = host([2, 2, 2]).config(json!({ "zone": "a" }));
    host.at("a0").stat(Stat::InFlight, 3);
    assert_eq!(start(&host).pick_names(8), ["a1"; 8].join(" "));
}

#[test]
fn retries_stay_in_the_zone_while_they_can() {
    for seed in 0..20 {
        let host = host([2, 2, 2]).config(json!({ "zone": "a" })).seed(seed);
        host.at("a0").full(true);
        host.at("c0").healthy(false);
        host.at("c1").draining(true);
        host.add("a2");
        host.at("a2").zone("a");
        host.add("b2");
        host.at("b2").zone("b");
        let (mut policy, mut request, mut zones) = (start(&host), TestRequest::new(), String::new());
        for _ in 0..6 {
            let Verdict::Backend(index) = policy.pick(&request) else { break };
            let name = host.run(|backends| backends.name(index));
            zones.push_str(&name[..1]);
            request = request.tried(&name);
        }
        assert_eq!(zones, "aaabbb", "seed {seed}");
        assert_eq!(policy.pick(&request), Verdict::Abstain, "seed {seed}");
    }
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| host([2, 2, 2]).config(table).policy::<ZoneAware>().err().map(|error| error.to_string());
    for (table, expected) in [
        (json!({}), "policy.config.zone: missing; set this proxy's zone, as the backends' `zone` names it"),
        (
            json!({ "zone": "a", "proxies": { "b": 3 } }),
            "policy.config.proxies: must have this proxy's zone, with 1 or more",
        ),
        (
            json!({ "zone": "a", "proxies": { "a": 0, "b": 3 } }),
            "policy.config.proxies: must have this proxy's zone, with 1 or more",
        ),
        (
            json!({ "zone": "a", "proxies": { "a": 1_u64 << 32 } }),
            "policy.config.proxies.a: invalid value: integer `4294967296`, expected u32",
        ),
        (
            json!({ "zone": "a", "proxies": 3 }),
            "policy.config.proxies: invalid type: integer `3`, expected a table of zones, such as { a = 40, b = 60 }",
        ),
        (
            json!({ "zone": "a", "proxies": { "a": -1 } }),
            "policy.config.proxies.a: invalid value: integer `-1`, expected u32",
        ),
        (
            json!({ "zone": "a", "share": 1 }),
            "policy.config: unknown field `share`, expected one of `zone`, `proxies`, `min_backends`",
        ),
    ] {
        assert_eq!(refusal(table).as_deref(), Some(expected));
    }
    assert_eq!(refusal(json!({ "zone": "a", "proxies": { "a": 1, "nowhere": 0 } })), None);
}

#[test]
fn numbers_of_any_size_make_the_same_shares() {
    let greatest = u32::MAX;
    let config = json!({ "zone": "a", "proxies": { "a": greatest, "b": greatest, "c": greatest } });
    let host = host([2, 4, 4]).config(config);
    for name in ["a0", "a1", "b0", "b1", "b2", "b3", "c0", "c1", "c2", "c3"] {
        host.at(name).weight_thousandths(greatest);
    }
    check(host, 17, [60.0, 20.0, 20.0]);
}
