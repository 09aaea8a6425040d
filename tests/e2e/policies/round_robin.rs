//! Smooth weighted turns that all workers share.

use std::collections::HashSet;
use std::thread;

use harness::{Backend, Proxy};

use super::{answers, list, proxy, tally};

/// One round of weights 5, 1, 1.
const ROUND: &str = "aabacaa";

/// A proxy with backends a, b and c of weights 5, 1 and 1.
fn weighted(backends: &[Backend; 3]) -> Proxy {
    let [a, b, c] = backends;
    proxy("\"round-robin\"", &[(a, "weight = 5"), (b, ""), (c, "")], "")
}

fn abc() -> [Backend; 3] {
    ["a", "b", "c"].map(Backend::named)
}

fn goes_on_from_anywhere(seen: &str) -> bool {
    (0..ROUND.len()).any(|start| ROUND.chars().cycle().skip(start).take(seen.len()).eq(seen.chars()))
}

#[test]
fn weights_5_1_1_give_a_a_b_a_c_a_a_from_any_start() {
    let backends = abc();
    let proxy = weighted(&backends);
    let seen = answers(&mut proxy.client(), 21);
    assert!(goes_on_from_anywhere(&seen), "{seen}");
}

#[test]
fn every_pool_starts_at_a_random_place() {
    const POOLS: usize = 24;
    let [a, b, c] = abc();
    let mut config = "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n".to_owned();
    for pool in 0..POOLS {
        let backends = list(&[(&a, ""), (&b, ""), (&c, "")]);
        config += &format!("[[route]]\npath = \"/{pool}/\"\npool = \"p{pool}\"\n");
        config += &format!("[pool.p{pool}]\npolicy = \"round-robin\"\n{backends}\n");
    }
    let proxy = Proxy::start(&config);
    let mut client = proxy.client();
    let firsts: HashSet<String> = (0..POOLS).map(|pool| client.get(&format!("/{pool}/")).text()).collect();
    // All the same by chance: once in 10¹⁰ runs.
    assert!(firsts.len() > 1, "{POOLS} pools all start with {firsts:?}");
}

#[test]
fn connections_of_both_workers_share_one_turn() {
    let backends = abc();
    let proxy = weighted(&backends);
    // All on one worker by chance: never.
    let seen: String = (0..70).map(|_| answers(&mut proxy.client(), 1)).collect();
    assert!(goes_on_from_anywhere(&seen), "{seen}");
}

#[test]
fn concurrent_requests_get_exactly_their_shares() {
    let backends = abc();
    let proxy = weighted(&backends);
    let clients: Vec<_> = (0..8).map(|_| proxy.client()).collect();
    let threads: Vec<_> =
        clients.into_iter().map(|mut client| thread::spawn(move || answers(&mut client, 70))).collect();
    let seen: String = threads.into_iter().map(|thread| thread.join().expect("all are served")).collect();
    assert_eq!(tally(&seen, ['a', 'b', 'c']), [400, 80, 80]);
}

#[test]
fn equal_backends_differ_by_at_most_one() {
    let [a, b, c] = abc();
    let proxy = proxy("\"round-robin\"", &[(&a, ""), (&b, ""), (&c, "")], "");
    for requests in 1..=25 {
        proxy.client().get("/");
        let counts = [&a, &b, &c].map(Backend::count);
        assert_eq!(counts.iter().sum::<usize>(), requests);
        let (most, least) = (counts.iter().max(), counts.iter().min());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
    }
}
