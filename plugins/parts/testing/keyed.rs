//! What every policy must do that keeps requests with the same key together. The test that includes this file names the policy
//! `Subject`.

use super::Subject;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Stat, Verdict};
use serde_json::json;
use std::collections::BTreeMap;

/// A request with this value of the key.
type RequestOf = fn(&str) -> TestRequest;

pub(crate) fn start(host: &TestHost) -> TestPolicy<Subject> {
    host.policy().expect("a good configuration")
}

pub(crate) fn clients(count: u32) -> Vec<TestRequest> {
    (0..count)
        .map(|number| TestRequest::new().client_ip((0x0a00_0000 + 977 * number).to_be_bytes()))
        .collect()
}

pub(crate) fn homes(policy: &mut TestPolicy<Subject>, clients: &[TestRequest]) -> Vec<String> {
    clients.iter().map(|client| policy.pick_name(client)).collect()
}

pub(crate) fn shares(homes: &[String]) -> BTreeMap<&str, f64> {
    let mut shares = BTreeMap::new();
    homes.iter().for_each(|home| *shares.entry(home.as_str()).or_default() += 1.0 / homes.len() as f64);
    shares
}

#[test]
fn only_the_clients_of_a_backend_that_leaves_move_and_they_come_back() {
    let host = TestHost::of(10);
    let (mut policy, clients) = (start(&host), clients(2_000));
    let before = homes(&mut policy, &clients);
    for gone in ["b0", "b5", "b9"] {
        host.at(gone).healthy(false);
        let after = homes(&mut policy, &clients);
        assert!(before.iter().zip(&after).all(|(was, is)| if was == gone { is != gone } else { was == is }));
        let strays: Vec<String> =
            before.iter().zip(after).filter(|(was, _)| *was == gone).map(|(_, is)| is).collect();
        let most = shares(&strays).into_values().fold(0.0, f64::max);
        assert!(most < 0.35, "{most} of those of {gone} go to one other");
        host.at(gone).healthy(true);
        assert_eq!(homes(&mut policy, &clients), before);
    }
}

#[test]
fn every_instance_and_every_order_agrees() {
    let host = TestHost::of(20);
    let clients = clients(1_000);
    let (mut one, mut other) = (start(&host), start(&host));
    let expected = homes(&mut one, &clients);
    assert_eq!(homes(&mut other, &clients), expected);
    host.reverse();
    assert_eq!(homes(&mut one, &clients), expected);
    assert_eq!(homes(&mut start(&host), &clients), expected);
}

#[test]
fn slow_start_moves_no_client() {
    let host = TestHost::of(4);
    let (mut policy, clients) = (start(&host), clients(500));
    let before = homes(&mut policy, &clients);
    host.at("b1").slow_start(100);
    assert_eq!(homes(&mut policy, &clients), before);
}

#[test]
fn a_retry_goes_elsewhere_and_always_to_the_same_place() {
    let host = TestHost::of(4);
    let mut policy = start(&host);
    for client in clients(100) {
        let home = policy.pick_name(&client);
        let retry = client.attempt(1).tried(&home);
        let second = policy.pick_name(&retry);
        assert_ne!(second, home);
        assert_eq!(policy.pick_name(&retry), second);
    }
}

#[test]
fn the_last_backend_is_found() {
    let host = TestHost::of(200);
    for index in 0..199 {
        host.at(&format!("b{index}")).healthy(false);
    }
    let (mut policy, clients) = (start(&host), clients(50));
    assert!(homes(&mut policy, &clients).iter().all(|home| home == "b199"));
    host.at("b199").draining(true);
    assert_eq!(policy.pick(&clients[0]), Verdict::Abstain);
}

#[test]
fn pools_without_a_weight_or_a_backend() {
    let host = TestHost::new().backend("a").weight(0);
    assert_eq!(start(&host).pick_names(1), "a");
    assert_eq!(start(&TestHost::new()).pick(&TestRequest::new()), Verdict::Abstain);
    let host = TestHost::new().backend("a").backend("none").weight(0);
    let mut policy = start(&host);
    assert!(homes(&mut policy, &clients(200)).iter().all(|home| home == "a"));
    host.at("a").healthy(false);
    assert_eq!(policy.pick_name(&clients(1)[0]), "none");
}

#[test]
fn any_part_of_a_request_may_be_the_key() {
    let plain = TestRequest::new;
    let cases: [(&str, RequestOf); 5] = [
        ("client", |value| TestRequest::new().client_ip([10, 0, value.len() as u8, value.as_bytes()[0]])),
        ("path", |value| TestRequest::new().path(&format!("/{value}"))),
        ("header:X-User", |value| TestRequest::new().header("x-user", value)),
        ("cookie:session", |value| TestRequest::new().header("cookie", &format!("a=b; session={value}"))),
        ("query:room", |value| TestRequest::new().query(&format!("a=b&room={value}"))),
    ];
    for (key, request) in cases {
        let host = TestHost::of(8).config(json!({ "key": key }));
        let mut policy = start(&host);
        let values = ["a", "b", "c", "dd", "ee", "ff", "ggg", "hhh", "iiii", "j", "k", "l"];
        let homes: Vec<String> = values.iter().map(|value| policy.pick_name(&request(value))).collect();
        let again: Vec<String> = values.iter().map(|value| policy.pick_name(&request(value))).collect();
        assert_eq!(homes, again, "{key}");
        assert!(shares(&homes).len() > 3, "{key}: {homes:?}");
        if !["client", "path"].contains(&key) {
            assert_eq!(policy.pick(&plain()), Verdict::Abstain, "{key}: the request has none");
        }
    }
    assert_eq!(start(&TestHost::of(2)).pick(&plain().no_client_ip()), Verdict::Abstain);
}

/// Loads rise one by one, and some requests end at random: no backend is ever above its slots, and a request that leaves its home has
/// one place to go.
#[test]
fn no_backend_is_above_its_bound() {
    for (seed, balance) in [(1, 125), (2, 150), (3, 200), (4, 150)] {
        let weights = [1_000_u64, 1_000, 2_000, 1_000, 500, 1_000, 1_000, 4_000];
        let host = TestHost::of(weights.len()).config(json!({ "balance": balance, "key": "path" }));
        for (index, weight) in weights.iter().enumerate() {
            host.at(&format!("b{index}")).weight_thousandths(*weight as u32);
        }
        let total: u64 = weights.iter().sum();
        let mut policy = start(&host);
        let (mut loads, mut bits) = ([0_u64; 8], seed as u64);
        for step in 0..3_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few keys, so that some backends would have most of them.
            let key = (bits >> 33) % 40 * ((bits >> 50) % 2);
            let request = TestRequest::new().path(&format!("/{key}"));
            let name = policy.pick_name(&request);
            assert_eq!(policy.pick_name(&request), name, "seed {seed}, step {step}");
            let picked: usize = name[1..].parse().expect("a number");
            let in_flight: u64 = loads.iter().sum();
            let slots = (balance * (in_flight + 1) * weights[picked]).div_ceil(100 * total).max(2);
            assert!(
                loads[picked] < slots,
                "seed {seed}, step {step}: {} of {slots} at {name}",
                loads[picked]
            );
            loads[picked] += 1;
            if in_flight > 150 || (bits >> 60) < 5 {
                let ended = (bits >> 40) as usize % 8;
                loads[ended] = loads[ended].saturating_sub(3);
                host.at(&format!("b{ended}")).stat(Stat::InFlight, loads[ended]);
            }
            host.at(&name).stat(Stat::InFlight, loads[picked]);
        }
    }
}

#[test]
fn affinity_holds_where_less_is_in_flight_than_there_are_backends() {
    let host = TestHost::of(50);
    let mut policy = start(&host);
    let client = &clients(1)[0];
    let home = policy.pick_name(client);
    host.at(&home).stat(Stat::InFlight, 1);
    assert_eq!(policy.pick_name(client), home, "its fair share would be less than one");
    host.at(&home).stat(Stat::InFlight, 2);
    assert_ne!(policy.pick_name(client), home);
}

#[test]
fn without_a_bound_a_hot_key_stays_where_it_is() {
    let host = TestHost::of(4).config(json!({ "balance": 0 }));
    let mut policy = start(&host);
    let client = &clients(1)[0];
    let home = policy.pick_name(client);
    host.at(&home).stat(Stat::InFlight, 1_000_000);
    assert_eq!(policy.pick_name(client), home);
}

#[test]
fn where_all_others_are_tried_the_bound_gives_way() {
    let host = TestHost::of(3);
    let mut policy = start(&host);
    let client = clients(1).remove(0);
    let home = policy.pick_name(&client);
    host.at(&home).stat(Stat::InFlight, 100);
    let others = ["b0", "b1", "b2"].into_iter().filter(|name| *name != home);
    let request = others.fold(client, |request, name| request.tried(name));
    assert_eq!(policy.pick_name(&request), home);
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal =
        |table| TestHost::of(2).config(table).policy::<Subject>().err().map(|error| error.to_string());
    assert_eq!(refusal(json!({ "key": "header:x-user", "balance": 125, "min_slots": 1 })), None);
    let key =
        "policy.config.key: must be \"client\", \"path\", \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"";
    let balance = "policy.config.balance: must be 101 to 1000 percent of the fair share, or 0 for no bound";
    for (table, expected) in [
        (json!({ "key": "ip" }), key),
        (json!({ "key": "header:" }), key),
        (json!({ "key": "body:x" }), key),
        (json!({ "balance": 100 }), balance),
        (json!({ "balance": 1_001 }), balance),
        (json!({ "min_slots": 0 }), "policy.config.min_slots: must be 1 to 1000000"),
        (
            json!({ "keys": "client" }),
            "policy.config: unknown field `keys`, expected one of `key`, `balance`, `min_slots`",
        ),
    ] {
        assert_eq!(refusal(table.clone()).as_deref(), Some(expected), "{table}");
    }
}
