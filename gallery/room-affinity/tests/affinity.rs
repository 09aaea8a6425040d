//! Which requests are of one room, and that no input does harm.

use pointsman_sdk::Verdict;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use proptest::prelude::*;
use room_affinity::RoomAffinity;

fn start(host: &TestHost) -> TestPolicy<RoomAffinity> {
    host.policy().expect("it takes any pool")
}

fn asked(target: &str) -> TestRequest {
    match target.split_once('?') {
        Some((path, query)) => TestRequest::new().path(path).query(query),
        None => TestRequest::new().path(target),
    }
}

#[test]
fn all_of_a_room_meet_on_one_bridge() {
    let host = TestHost::of(20);
    let mut policy = start(&host);
    for spellings in [
        &[
            "/standup",
            "/Standup/",
            "//standup",
            "/http-bind?room=standup",
            "/xmpp-websocket?x=1&room=%73tandUp",
        ][..],
        &["/caf%C3%A9", "/Caf%c3%89", "/http-bind?room=caf%C3%A9", "/caf\u{e9}?room="],
        &["/two%20words", "/http-bind?room=two+words"],
    ] {
        let bridges: Vec<_> = spellings.iter().map(|target| policy.pick_name(&asked(target))).collect();
        assert!(bridges.iter().all(|bridge| *bridge == bridges[0]), "{spellings:?}: {bridges:?}");
    }
}

#[test]
fn rooms_are_spread_and_only_those_of_a_bridge_that_leaves_move() {
    let host = TestHost::of(4);
    let mut policy = start(&host);
    let mut bridges =
        || (0..400).map(|room| policy.pick_name(&asked(&format!("/room-{room}")))).collect::<Vec<_>>();
    let before = bridges();
    for name in ["b0", "b1", "b2", "b3"] {
        let rooms = before.iter().filter(|bridge| *bridge == name).count();
        assert!((70..130).contains(&rooms), "{name}: {rooms}");
    }
    host.remove("b1");
    for (was, is) in before.iter().zip(bridges()) {
        assert!(is != "b1" && (*was == is || was == "b1"), "{was} to {is}");
    }
    host.add("b1");
    assert_eq!(bridges(), before, "rooms come back");
}

#[test]
fn without_a_room_the_fallback_picks() {
    for target in ["", "/", "//", "/?room=", "?x=1"] {
        assert_eq!(start(&TestHost::of(3)).pick(&asked(target)), Verdict::Abstain, "{target:?}");
    }
    assert_eq!(start(&TestHost::new()).pick(&asked("/standup")), Verdict::Abstain, "an empty pool");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_path_and_query_get_a_verdict_that_stays(path in ".{0,40}", query in "([%&=+room]|.){0,40}", times in 1_usize..3_000) {
        let mut policy = start(&TestHost::of(3));
        let request = TestRequest::new().path(&path.repeat(times)).query(&query.repeat(times));
        let verdict = policy.pick(&request);
        prop_assert!(matches!(verdict, Verdict::Abstain | Verdict::Backend(0..3)));
        prop_assert_eq!(policy.pick(&request), verdict);
    }
}
