//! What only reads.

use std::sync::Arc;

use axum::http::Method;
use pointsman_core::topology::Health;

use super::{Api, ODD, ODD_IN_PATH};
use crate::admin::model::{
    BackendReply, ConfigurationState, EventList, Overview, PolicyList, PolicyState, PoolList, PoolReply,
    Problem, VersionList, VersionReply, WorkerList,
};

#[tokio::test]
async fn the_overview_has_everything_of_a_proxy() {
    let overview: Overview = Api::new().get("/api/v1/overview?since=0").await.good();
    assert_eq!((overview.configuration, overview.workers.len()), (3, 2));
    assert_eq!(overview.pools.iter().map(|pool| &*pool.name).collect::<Vec<_>>(), ["web", ODD]);
    let pool = &overview.pools[0];
    assert_eq!((pool.eligible, pool.healthy, pool.ejected, pool.draining), (2, 2, 0, 0));
    assert_eq!((pool.capacity, pool.saturation), (None, None), "max_requests isn't set");
    assert_eq!(pool.backends.iter().map(|backend| backend.expected_share).collect::<Vec<_>>(), [0.5, 0.5]);
    assert_eq!((pool.requests, pool.responses["5xx"], pool.errors["no-backend"]), (0, 0, 0));
    assert_eq!(pool.latency_buckets.len() + 1, pool.backends[1].head_seconds.counts.len());
    let policy = &overview.policies[1];
    assert_eq!((&*policy.pool, &*policy.name, policy.publication), (ODD, "round-robin", 1));
    assert_eq!(policy.version.len(), 12);
    let chosen_by: Vec<&str> = policy.picks.keys().map(String::as_str).collect();
    assert_eq!(chosen_by, ["abstention", "failed", "fallback", "policy", "rejected"]);
    assert_eq!(policy.pick_buckets.len() + 1, policy.pick_seconds.counts.len());
    assert!(policy.versions.iter().all(|version| version.active && version.published_ms > 1_700_000_000_000));
}

#[tokio::test]
async fn a_backend_before_its_first_check_is_unchecked_and_neither_healthy_nor_eligible() {
    let api = Api::new();
    let pool = Arc::clone(&api.configuration.borrow().pools[0].pool);
    pool.change(|members| (members[0].health, members[1].health) = (Health::Unknown, Health::Down));
    let reply: PoolReply = api.get("/api/v1/pools/web").await.good();
    let states = reply.pool.backends.iter();
    let states: Vec<_> = states.map(|it| (it.unchecked, it.healthy, it.eligible)).collect();
    assert_eq!(states, [(true, false, false), (false, false, false)]);
}

#[tokio::test]
async fn every_name_can_be_asked_for() {
    let api = Api::new();
    for (written, name) in [("web", "web"), (ODD_IN_PATH, ODD)] {
        let reply: PoolReply = api.get(&format!("/api/v1/pools/{written}")).await.good();
        assert_eq!(reply.pool.name, name);
        let reply: BackendReply =
            api.get(&format!("/api/v1/pools/{written}/backends/{ODD_IN_PATH}")).await.good();
        assert_eq!((&*reply.pool, &*reply.backend.name), (name, ODD));
        let reply: PolicyState = api.get(&format!("/api/v1/pools/{written}/policy")).await.good();
        assert_eq!(reply.pool, name);
        let reply: VersionList = api.get(&format!("/api/v1/pools/{written}/policy/versions")).await.good();
        assert_eq!(reply.versions.len(), 1);
    }
    let _: PoolList = api.get("/api/v1/pools").await.good();
    let _: PolicyList = api.get("/api/v1/policies").await.good();
    let _: WorkerList = api.get("/api/v1/workers").await.good();
    let _: ConfigurationState = api.get("/api/v1/configuration").await.good();
    let _: EventList = api.get("/api/v1/events?since=7").await.good();
    let _: VersionReply = api.get("/api/v1/version").await.good();
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let api = Api::new();
    for (path, error, known) in [
        ("pools/wbe", "unknown-pool", &["web", ODD][..]),
        ("pools/web/backends/b", "unknown-backend", &["b1", ODD]),
        ("pools/wbe/policy", "unknown-pool", &["web", ODD]),
        ("pools/web/policy?route=x", "unknown-route-policy", &[]),
        ("pools/web/", "unknown-route", &[]),
        ("nothing", "unknown-route", &[]),
    ] {
        let answer = api.get(&format!("/api/v1/{path}")).await;
        let problem: Problem = serde_json::from_value(answer.body.clone()).expect("a problem");
        assert_eq!(answer.problem(), (404, error.to_owned()), "{path}");
        assert_eq!(problem.known, known, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_request_of_the_api_is_refused_as_a_problem() {
    let api = Api::new();
    for (path, error) in [
        ("events?since=x", "bad-query"),
        ("events?since=-1", "bad-query"),
        ("events?since=9223372036854775808", "bad-query"),
        ("overview?since=18446744073709551616", "bad-query"),
        ("events?since=1&since=2", "bad-query"),
        ("overview?sicne=1", "bad-query"),
        ("pools/%ff", "bad-path"),
    ] {
        assert_eq!(api.get(&format!("/api/v1/{path}")).await.problem(), (400, error.to_owned()), "{path}");
    }
    let answer = api.ask(Method::DELETE, "/api/v1/pools").await;
    assert_eq!(answer.allow.as_deref(), Some("GET,HEAD"));
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
}
