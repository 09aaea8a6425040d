//! `split` of a `[[route]]`.

use std::time::Duration;

use pointsman_core::request_key::RequestKey;

use super::*;

#[test]
fn a_route_can_lead_to_several_pools() {
    let split = |text: &str| {
        let config = good(&format!(
            "[[route]]\nsplit = {{ {text} }}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"
        ));
        let RouteTarget::Split(split) = &config.routes[0].target else { panic!("a split") };
        split.clone()
    };
    assert_eq!(
        split("pools = { bee = 5, a = 95 }"),
        SplitConfig { shares: vec![(1, 5), (0, 95)], by: None, cookie: None }
    );
    let of = |text: &str| split(&format!("pools = {{ a = 1 }}, {text}"));
    assert_eq!(of("by = 'random'").by, None);
    for (by, key) in [
        ("client", RequestKey::Client),
        ("header:X-User", RequestKey::Header(http::HeaderName::from_static("x-user"))),
        ("cookie:uid", RequestKey::Cookie("uid".into())),
        ("query:u", RequestKey::Query("u".into())),
    ] {
        assert_eq!(of(&format!("by = '{by}'")).by, Some(key));
    }
    let cookie = |max_age| Some(SplitCookie { name: "group".into(), max_age });
    assert_eq!(of("cookie = 'group'").cookie, cookie(None));
    assert_eq!(
        of("cookie = { name = 'group', max_age = '48h' }").cookie,
        cookie(Some(Duration::from_hours(48)))
    );
}

#[test]
fn faults_of_a_split() {
    check_all(
        &format!("[[route]]\n{{}}\n{LISTENER}{POOL}[pool.bee]\nbackends = ['127.0.0.1:9']"),
        &[
            (
                "split = 'a'",
                &[
                    "2: route[0].split: is a text, not a table; write `split = { pools = { web = 95, next = 5 } }`",
                ],
            ),
            ("split = {}", &["2: route[0].split.pools: is missing; write `pools = { web = 95, next = 5 }`"]),
            (
                "split = { pools = {} }",
                &[
                    "2: route[0].split.pools: has no weight above 0, so that nothing goes anywhere; write `split = { pools = { web = 95, next = 5 } }`",
                ],
            ),
            (
                "split = { pools = { a = 0, bee = 0 } }",
                &[
                    "2: route[0].split.pools: has no weight above 0, so that nothing goes anywhere; write `split = { pools = { web = 95, next = 5 } }`",
                ],
            ),
            (
                "split = { pools = { c = 1, bee = -1 } }",
                &[
                    "2: route[0].split.pools.c: there is no pool `c`; did you mean `a`? The pools are `a`, `bee`",
                    "2: route[0].split.pools.bee: `-1` is out of range; write a whole number from 0 to 1000000",
                ],
            ),
            (
                "pool = 'a'\nsplit = { pools = { a = 1 } }\npolicy = 'least-conn'",
                &[
                    "2: route[0].pool: stands beside `split`; leave it out: each pool of a split picks by its own policy",
                    "4: route[0].policy: stands beside `split`; leave it out: each pool of a split picks by its own policy",
                ],
            ),
            (
                "split = { pools = { a = 1 }, by = 'ip', cookie = 'a b' }",
                &[
                    "2: route[0].split.by: `ip` is no part of a request; write one of `random`, `client`, `header:NAME`, `cookie:NAME`, `query:NAME`",
                    "2: route[0].split.cookie: `a b` is no name of a cookie; write one such as `session`",
                ],
            ),
            (
                "split = { pools = { a = 1 }, by = 'header:a b', cookie = {} }",
                &[
                    "2: route[0].split.by: `a b` is no name of a header field; write one such as `x-api-version`",
                    "2: route[0].split.cookie.name: is missing; write `name = \"group\"`",
                ],
            ),
        ],
    );
}
