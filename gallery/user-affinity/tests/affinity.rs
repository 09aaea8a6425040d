//! Which requests are of one user, and that no input does harm.

use pointsman_sdk::Verdict;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use proptest::prelude::*;
use user_affinity::UserAffinity;

fn start(host: &TestHost) -> TestPolicy<UserAffinity> {
    host.policy().expect("it takes any pool")
}

fn bearer(token: &str) -> TestRequest {
    TestRequest::new().header("authorization", &format!("Bearer {token}"))
}

#[test]
fn all_devices_of_a_user_reach_one_worker() {
    let mut policy = start(&TestHost::of(20));
    // "alice", twice in the field and twice in the query.
    let requests = [
        bearer("syt_YWxpY2U_ZuXBfJkqLmNoPqRsTuVw_0aBcDe"),
        TestRequest::new().header("authorization", "bearer  syt_YWxpY2U_AAAAAAAAAAAAAAAAAAAA_111111"),
        TestRequest::new().query("since=s1&access_token=syt_YWxpY2U_BBBBBBBBBBBBBBBBBBBB_222222"),
        TestRequest::new()
            .query("access_token=syt%5FYWxpY2U%5FCCCCCCCCCCCCCCCCCCCC%5F333333")
            .path("/_matrix/client/v3/sync"),
    ];
    let workers: Vec<_> = requests.iter().map(|request| policy.pick_name(request)).collect();
    assert!(workers.iter().all(|worker| *worker == workers[0]), "{workers:?}");
}

#[test]
fn users_are_spread_and_only_those_of_a_worker_that_leaves_move() {
    let host = TestHost::of(4);
    let mut policy = start(&host);
    let mut workers = || {
        (0..400)
            .map(|user| policy.pick_name(&bearer(&format!("syt_dXNlc{user}_random_crc"))))
            .collect::<Vec<_>>()
    };
    let before = workers();
    for name in ["b0", "b1", "b2", "b3"] {
        let users = before.iter().filter(|worker| *worker == name).count();
        assert!((70..130).contains(&users), "{name}: {users}");
    }
    host.at("b2").healthy(false);
    for (was, is) in before.iter().zip(workers()) {
        assert!(is != "b2" && (*was == is || was == "b2"), "{was} to {is}");
    }
}

#[test]
fn a_token_of_another_kind_counts_as_a_whole() {
    let mut policy = start(&TestHost::of(50));
    let tokens = [
        "mct_one",
        "mct_two",
        "syt_",
        "syt_x",
        "syt__a_b",
        "syt__c_d",
        "MDAx",
        "_",
        "syt_!!!not base64!!!_a_b",
    ];
    let workers: std::collections::HashSet<_> = tokens.map(|token| policy.pick_name(&bearer(token))).into();
    assert!(workers.len() > 4, "{workers:?}");
}

#[test]
fn without_a_token_the_fallback_picks() {
    let plain = TestRequest::new();
    let field = |value: &str| plain.clone().header("authorization", value);
    for request in [
        plain.clone(),
        field(""),
        field("Bearer"),
        field("Bearer "),
        field("Basic syt_a_b_c"),
        plain.query("access_token="),
    ] {
        assert_eq!(start(&TestHost::of(3)).pick(&request), Verdict::Abstain, "{request:?}");
    }
    assert_eq!(start(&TestHost::new()).pick(&bearer("syt_a_b_c")), Verdict::Abstain, "an empty pool");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_token_gets_a_verdict_that_stays(
        value in "(Bearer |bearer|Basic )?(syt_)?([_=%+/]|.){0,40}",
        query in "(access_token=)?([_=%&+]|.){0,40}",
        times in 1_usize..3_000,
    ) {
        let mut policy = start(&TestHost::of(3));
        let request = TestRequest::new().header("authorization", &value.repeat(times)).query(&query.repeat(times));
        let verdict = policy.pick(&request);
        prop_assert!(matches!(verdict, Verdict::Abstain | Verdict::Backend(0..3)));
        prop_assert_eq!(policy.pick(&request), verdict);
    }
}
