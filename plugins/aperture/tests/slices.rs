//! Which backends each proxy uses, and how much.

use aperture::Aperture;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use serde_json::json;
use std::collections::BTreeMap;

fn start(host: &TestHost) -> TestPolicy<Aperture> {
    host.policy().expect("a good configuration")
}

fn numbered(proxy: u32, proxies: u32) -> serde_json::Value {
    json!({ "proxy": proxy, "proxies": proxies })
}

/// Share of the picks that each backend gets; those without any are left out.
fn shares(host: &TestHost, picks: u32) -> BTreeMap<String, f64> {
    let (mut policy, mut shares) = (start(host), BTreeMap::new());
    for _ in 0..picks {
        *shares.entry(policy.pick_name(&TestRequest::new())).or_insert(0.0) += 1.0 / f64::from(picks);
    }
    shares
}

/// The backends of 1.5 that each of two proxies has of three: the whole one and the half one of the first.
fn of_three() -> (TestHost, String, String) {
    let host = TestHost::of(3).config(json!({ "proxy": 0, "proxies": 2, "aperture": 1 }));
    let shares = shares(&host, 10_000);
    let with = |expected: f64| {
        let mut found = shares.iter().filter(|(_, share)| (*share - expected).abs() < 0.02);
        let (name, _) = found.next().unwrap_or_else(|| panic!("none has {expected}: {shares:?}"));
        name.clone()
    };
    let (whole, half) = (with(2.0 / 3.0), with(1.0 / 3.0));
    assert_eq!(shares.len(), 2, "{shares:?}");
    (host, whole, half)
}

#[test]
fn all_proxies_together_use_all_backends_alike() {
    for (proxies, backends_each) in [(8, 13), (32, 13), (100, 12)] {
        let mut total: BTreeMap<String, f64> = BTreeMap::new();
        for proxy in 0..proxies {
            let host = TestHost::of(100).config(numbered(proxy, proxies)).seed(u64::from(proxy));
            let shares = shares(&host, 160_000 / proxies);
            let used = shares.len();
            assert!(used == backends_each || used == backends_each + 1, "{proxies} proxies: {used}");
            for (name, share) in shares {
                *total.entry(name).or_insert(0.0) += share / f64::from(proxies);
            }
        }
        assert_eq!(total.len(), 100, "{proxies} proxies");
        for (name, share) in total {
            // 1,600 picks each, ± 40.
            assert!((share - 0.01).abs() < 0.002, "{proxies} proxies: {name} has {share}");
        }
    }
}

#[test]
fn a_few_backends_are_everybodys() {
    for (backends, proxies) in [(1, 1), (12, 5), (100, 1)] {
        let host = TestHost::of(backends).config(numbered(0, proxies));
        assert_eq!(shares(&host, 3_000).len(), backends, "{proxies} proxies");
    }
}

#[test]
fn the_order_of_the_configuration_does_not_matter() {
    let used = |host: &TestHost| shares(host, 3_000).into_keys().collect::<Vec<_>>();
    let host = TestHost::of(100).config(numbered(3, 8));
    let before = used(&host);
    host.reverse();
    assert_eq!(used(&host), before);
    host.add("another");
    let after = used(&host);
    let kept = before.iter().filter(|name| after.contains(name)).count();
    assert!(kept + 2 >= before.len(), "{before:?} became {after:?}");
}

#[test]
fn a_slice_is_at_least_as_wide_as_configured() {
    for (aperture, expected) in [(1, 1), (3, 3), (50, 50), (1_000, 100)] {
        let host = TestHost::of(100).config(json!({ "proxy": 7, "proxies": 100, "aperture": aperture }));
        assert_eq!(shares(&host, 4_000).len(), expected);
    }
}

#[test]
fn load_is_by_what_is_in_the_slice() {
    let (host, whole, half) = of_three();
    let picks = |on_whole, on_half| {
        host.at(&whole).stat(Stat::InFlight, on_whole);
        host.at(&half).stat(Stat::InFlight, on_half);
        start(&host).pick_name(&TestRequest::new())
    };
    assert_eq!(picks(1, 1), whole, "half of one counts for two");
    assert_eq!(picks(3, 1), half);
    assert_eq!(picks(5, 3), whole);
}

#[test]
fn weights_count_times_what_is_in_the_slice() {
    let (host, whole, half) = of_three();
    host.at(&half).weight(8);
    let shares = shares(&host, 10_000);
    assert!((shares[&half] - 0.8).abs() < 0.02 && (shares[&whole] - 0.2).abs() < 0.02, "{shares:?}");
    host.at(&whole).stat(Stat::InFlight, 1);
    for (in_flight, expected) in [(3, &half), (5, &whole)] {
        host.at(&half).stat(Stat::InFlight, in_flight);
        assert_eq!(start(&host).pick_names(5), [expected.as_str(); 5].join(" "), "{in_flight}/8 and 1/2");
    }
}

#[test]
fn a_slice_of_which_most_is_down_is_given_up() {
    let host = TestHost::of(24).config(numbered(0, 2));
    let slice: Vec<String> = shares(&host, 3_000).into_keys().collect();
    assert_eq!(slice.len(), 12);
    let mut policy = start(&host);
    for name in &slice[..6] {
        host.at(name).healthy(false);
    }
    for _ in 0..1_000 {
        let name = policy.pick_name(&TestRequest::new());
        assert!(slice[6..].contains(&name), "{name}");
    }
    host.at(&slice[6]).draining(true);
    let used: BTreeMap<String, ()> =
        (0..3_000).map(|_| (policy.pick_name(&TestRequest::new()), ())).collect();
    assert_eq!(used.len(), 17);
    host.at(&slice[6]).draining(false);
    assert!(slice[6..].contains(&policy.pick_name(&TestRequest::new())), "it comes back");
}

#[test]
fn retries_leave_the_slice_when_all_of_it_was_tried() {
    for seed in 0..5 {
        let host = TestHost::of(24).config(numbered(1, 2)).seed(seed);
        let slice: Vec<String> = shares(&host, 3_000).into_keys().collect();
        let (mut policy, mut request) = (start(&host), TestRequest::new());
        for attempt in 0..24 {
            let name = policy.pick_name(&request);
            assert_eq!(slice.contains(&name), attempt < 12, "seed {seed}, attempt {attempt}: {name}");
            request = request.tried(&name);
        }
        assert_eq!(policy.pick(&request), Verdict::Abstain, "seed {seed}");
    }
}

#[test]
fn backups_belong_to_no_slice() {
    let host = TestHost::of(24).config(numbered(0, 2));
    let slice: Vec<String> = shares(&host, 3_000).into_keys().collect();
    let host = host.backend("spare").as_backup().backend("other spare").as_backup();
    assert_eq!(shares(&host, 3_000).into_keys().collect::<Vec<_>>(), slice);
    for index in 0..24 {
        host.at(&format!("b{index}")).healthy(false);
    }
    assert_eq!(shares(&host, 100).into_keys().collect::<Vec<_>>(), ["other spare", "spare"]);
}

#[test]
fn a_pool_without_backends_is_no_fault() {
    let host = TestHost::new().config(numbered(2, 3));
    assert_eq!(start(&host).pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn numbers_of_any_size_fit() {
    let most = u32::MAX;
    let host = TestHost::of(50).config(json!({ "proxy": most - 1, "proxies": most, "aperture": most }));
    for index in 0..50 {
        host.at(&format!("b{index}")).weight_thousandths(most);
    }
    let shares = shares(&host, 20_000);
    assert!(shares.len() == 50 && shares.values().all(|share| (share - 0.02).abs() < 0.006), "{shares:?}");
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(3).config(table).policy::<Aperture>().err().map(|error| error.to_string());
    for (table, expected) in [
        (json!({}), "policy.config.proxies: missing; set how many proxies share the backends"),
        (json!({ "proxy": 0 }), "policy.config.proxies: missing; set how many proxies share the backends"),
        (json!({ "proxies": 3 }), "policy.config.proxy: missing; set the number of this proxy, from 0 on"),
        (numbered(3, 3), "policy.config.proxy: must be less than `proxies`: they are numbered from 0 on"),
        (numbered(0, 0), "policy.config.proxy: must be less than `proxies`: they are numbered from 0 on"),
        (json!({ "proxy": 0, "proxies": 3, "aperture": 0 }), "policy.config.aperture: must be 1 or more"),
        (
            json!({ "proxy": -1, "proxies": 3 }),
            "policy.config.proxy: invalid value: integer `-1`, expected u32",
        ),
        (
            json!({ "proxy": 0, "proxies": 3, "width": 3 }),
            "policy.config: unknown field `width`, expected one of `proxy`, `proxies`, `aperture`",
        ),
    ] {
        assert_eq!(refusal(table).as_deref(), Some(expected));
    }
    assert_eq!(refusal(numbered(2, 3)), None);
}
