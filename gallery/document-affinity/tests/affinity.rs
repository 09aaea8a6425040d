//! Which requests are of one document, and that no input does harm.

use document_affinity::DocumentAffinity;
use pointsman_sdk::Verdict;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use proptest::prelude::*;

fn start(host: &TestHost) -> TestPolicy<DocumentAffinity> {
    host.policy().expect("it takes any pool")
}

fn editor(query: &str) -> TestRequest {
    TestRequest::new().path("/cool/ws").query(query)
}

#[test]
fn all_editors_of_a_document_reach_one_server() {
    let mut policy = start(&TestHost::of(20));
    let servers = [
        "WOPISrc=https%3A%2F%2Fcloud.example.com%2Fwopi%2Ffiles%2F7_oc1&compat=/ws",
        "WOPISrc=https%3a%2f%2fcloud.example.com%2fwopi%2ffiles%2f7_oc1",
        "access_token=x&WOPISrc=https://cloud.example.com/wopi/files/7_oc1&WOPISrc=other",
        "lang=de&WOPI%53rc=https%3A//cloud.example.com/wopi/files/7%5Foc1",
    ]
    .map(|query| policy.pick_name(&editor(query)));
    assert!(servers.iter().all(|server| *server == servers[0]), "{servers:?}");
}

#[test]
fn documents_are_spread_and_only_those_of_a_server_that_leaves_move() {
    let host = TestHost::of(4);
    let mut policy = start(&host);
    let mut servers = || {
        let query = |document| format!("WOPISrc=https%3A%2F%2Fcloud.example.com%2Fwopi%2Ffiles%2F{document}");
        (0..400).map(|document| policy.pick_name(&editor(&query(document)))).collect::<Vec<_>>()
    };
    let before = servers();
    for name in ["b0", "b1", "b2", "b3"] {
        let documents = before.iter().filter(|server| *server == name).count();
        assert!((70..130).contains(&documents), "{name}: {documents}");
    }
    host.at("b0").draining(true);
    for (was, is) in before.iter().zip(servers()) {
        assert!(is != "b0" && (*was == is || was == "b0"), "{was} to {is}");
    }
}

#[test]
fn without_a_document_the_fallback_picks() {
    for query in ["", "WOPISrc", "WOPISrc=", "wopisrc=x", "x=WOPISrc"] {
        assert_eq!(start(&TestHost::of(3)).pick(&editor(query)), Verdict::Abstain, "{query:?}");
    }
    assert_eq!(start(&TestHost::of(3)).pick(&TestRequest::new()), Verdict::Abstain, "no query");
    assert_eq!(start(&TestHost::new()).pick(&editor("WOPISrc=x")), Verdict::Abstain, "an empty pool");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_query_gets_a_verdict_that_stays(query in "(WOPISrc=)?([%=&+0-9a-f]|.){0,40}", times in 1_usize..3_000) {
        let mut policy = start(&TestHost::of(3));
        let request = editor(&query.repeat(times));
        let verdict = policy.pick(&request);
        prop_assert!(matches!(verdict, Verdict::Abstain | Verdict::Backend(0..3)));
        prop_assert_eq!(policy.pick(&request), verdict);
    }
}
