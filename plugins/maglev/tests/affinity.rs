//! Which key reaches which backend.

use maglev::Maglev as Subject;
use pointsman_sdk::testing::TestHost;

#[path = "../../parts/testing/keyed.rs"]
mod keyed;

use keyed::{clients, homes, shares, start};

#[test]
fn shares_follow_weights() {
    let host = TestHost::new().backend("a").weight(1).backend("b").weight(2).backend("c").weight(5);
    let homes = homes(&mut start(&host), &clients(20_000));
    for (name, expected) in [("a", 0.125), ("b", 0.25), ("c", 0.625)] {
        let share = shares(&homes)[name];
        assert!((share / expected - 1.0).abs() < 0.05, "{name} has {share}");
    }
}

#[test]
fn little_more_moves_than_a_new_backend_takes() {
    let host = TestHost::of(10);
    let (mut policy, clients) = (start(&host), clients(4_000));
    let before = homes(&mut policy, &clients);
    host.add("new");
    let after = homes(&mut policy, &clients);
    let moved = before.iter().zip(&after).filter(|(was, is)| was != is);
    let stray = moved.clone().filter(|(_, is)| *is != "new").count() as f64 / 4_000.0;
    let share = moved.count() as f64 / 4_000.0;
    assert!((0.08..0.12).contains(&share) && stray < 0.02, "{share}, {stray} to another than the new one");
}
