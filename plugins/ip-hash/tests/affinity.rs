//! Which backend serves which client, and which clients move when the pool changes.

use ip_hash::IpHash;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use pointsman_sdk::{Verdict, random};
use std::collections::BTreeMap;
use std::net::IpAddr;

const SEED: u64 = 11;

fn start(host: &TestHost) -> TestPolicy<IpHash> {
    host.policy().expect("ip-hash takes any pool")
}

/// Random clients, every other one with an IPv6 address.
fn clients(count: usize) -> Vec<TestRequest> {
    println!("seed {SEED}");
    let bits = || (u128::from(random()) << 64) | u128::from(random());
    let address = |index| -> IpAddr {
        let bits = bits();
        if index % 2 == 0 { (bits as u32).to_be_bytes().into() } else { bits.to_be_bytes().into() }
    };
    TestHost::new()
        .seed(SEED)
        .run(|_| (0..count).map(|index| TestRequest::new().client_ip(address(index))).collect())
}

fn homes(policy: &mut TestPolicy<IpHash>, clients: &[TestRequest]) -> Vec<String> {
    clients.iter().map(|client| policy.pick_name(client)).collect()
}

fn tally<'a>(homes: impl IntoIterator<Item = &'a String>) -> BTreeMap<&'a str, f64> {
    let mut counts = BTreeMap::new();
    homes.into_iter().for_each(|home| *counts.entry(home.as_str()).or_default() += 1.0);
    counts
}

/// Asserts that only clients of `left` moved, and to the others in proportion to their weights.
fn assert_only_its_clients_move(
    before: &[String],
    after: &[String],
    left: &str,
    weights: &BTreeMap<&str, f64>,
) {
    for (was, is) in before.iter().zip(after) {
        assert!(was == is || was == left, "{was} is there, and still a client moved from it to {is}");
    }
    let moved = tally(before.iter().zip(after).filter(|(was, _)| *was == left).map(|(_, is)| is));
    assert!(!moved.contains_key(left));
    let (total, weight): (f64, f64) = (moved.values().sum(), weights.values().sum::<f64>() - weights[left]);
    for (name, count) in moved {
        let relative = count / total / (weights[name] / weight);
        assert!((0.8..1.2).contains(&relative), "{name} got {relative} of its share of {total} clients");
    }
}

#[test]
fn only_clients_of_a_backend_that_leaves_move() {
    let weights = BTreeMap::from([("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 2.0), ("e", 2.0)]);
    let host = TestHost::new();
    for (name, weight) in &weights {
        host.add(name);
        host.at(name).weight(*weight as u32);
    }
    let (mut policy, clients) = (start(&host), clients(20_000));
    let before = homes(&mut policy, &clients);
    for left in ["a", "c", "e"] {
        host.at(left).healthy(false);
        assert_only_its_clients_move(&before, &homes(&mut policy, &clients), left, &weights);
        host.at(left).healthy(true);
        assert_eq!(homes(&mut policy, &clients), before, "{left} is back");

        host.remove(left);
        assert_only_its_clients_move(&before, &homes(&mut policy, &clients), left, &weights);
        host.add(left);
        host.at(left).weight(weights[left] as u32);
        assert_eq!(homes(&mut policy, &clients), before, "{left} is back, at the end of the topology");
    }
}

#[test]
fn removal_from_a_large_pool_moves_no_other_client() {
    let host = TestHost::of(33);
    let (mut policy, clients) = (start(&host), clients(20_000));
    let mut before = homes(&mut policy, &clients);
    for left in ["b0", "b20", "b32"] {
        host.remove(left);
        let after = homes(&mut policy, &clients);
        assert!(before.iter().zip(&after).all(|(was, is)| was == is || was == left));
        before = after;
    }
}

#[test]
fn every_instance_and_every_order_agrees() {
    let host = TestHost::of(20);
    let clients = clients(2_000);
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
    let (mut policy, clients) = (start(&host), clients(1_000));
    let before = homes(&mut policy, &clients);
    host.at("b1").slow_start(100);
    assert_eq!(homes(&mut policy, &clients), before);
}

#[test]
fn a_retry_goes_elsewhere_and_always_to_the_same_place() {
    let host = TestHost::of(4);
    let (mut policy, clients) = (start(&host), clients(100));
    for client in clients {
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
    let (mut policy, clients) = (start(&host), clients(100));
    assert!(homes(&mut policy, &clients).iter().all(|home| home == "b199"));
    host.at("b199").draining(true);
    assert_eq!(policy.pick(&clients[0]), Verdict::Abstain);
}

#[test]
fn pools_without_a_weight_still_serve() {
    let host = TestHost::new().backend("a").weight(0);
    assert_eq!(start(&host).pick_names(1), "a");
    assert_eq!(start(&TestHost::new()).pick(&TestRequest::new()), Verdict::Abstain);
}

#[test]
fn a_client_without_an_address_is_left_to_the_fallback() {
    let host = TestHost::of(4);
    assert_eq!(start(&host).pick(&TestRequest::new().no_client_ip()), Verdict::Abstain);
}
