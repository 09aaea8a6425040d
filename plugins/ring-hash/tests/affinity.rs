//! Which key reaches which backend.

use pointsman_sdk::testing::TestHost;
use ring_hash::RingHash as Subject;

#[path = "../../parts/testing/keyed.rs"]
mod keyed;

use keyed::{clients, homes, shares, start};

#[test]
fn shares_follow_weights_as_far_as_a_ring_has_it() {
    let host = TestHost::new().backend("a").weight(1).backend("b").weight(2).backend("c").weight(5);
    let homes = homes(&mut start(&host), &clients(20_000));
    for (name, expected) in [("a", 0.125), ("b", 0.25), ("c", 0.625)] {
        let share = shares(&homes)[name];
        // Four times the standard deviation of 1/√160.
        assert!((share / expected - 1.0).abs() < 0.32, "{name} has {share}");
    }
}

#[test]
fn only_what_a_new_backend_takes_moves() {
    let host = TestHost::of(10);
    let (mut policy, clients) = (start(&host), clients(2_000));
    let before = homes(&mut policy, &clients);
    host.add("new");
    let after = homes(&mut policy, &clients);
    let moved = before.iter().zip(&after).filter(|(was, is)| was != is);
    assert!(moved.clone().all(|(_, is)| is == "new"));
    let share = moved.count() as f64 / 2_000.0;
    assert!((0.05..0.14).contains(&share), "{share}");
}
