//! `mirror` of a `[[route]]`.

use super::*;

const POOLS: &str = "[pool.a]\nbackends = ['127.0.0.1:9']\n[pool.shadow]\nbackends = ['127.0.0.1:9']\n";

fn mirror(keys: &str) -> Option<MirrorConfig> {
    let config = good(&format!("[[route]]\npool = 'a'\n{keys}\n{LISTENER}{POOLS}"));
    config.routes[0].mirror.clone()
}

#[test]
fn a_mirror_has_defaults() {
    let defaults = MirrorConfig {
        pool: 1,
        share: 1_000_000,
        max_body: 64 << 10,
        max_requests: 100,
        timeout: Duration::from_secs(10),
    };
    assert_eq!(mirror(""), None);
    assert_eq!(mirror("mirror = { pool = 'shadow' }"), Some(defaults.clone()));
    let all =
        "mirror = { pool = 'shadow', share = '12.5%', max_body = '0B', max_requests = 7, timeout = '1s' }";
    let (max_body, timeout) = (0, Duration::from_secs(1));
    assert_eq!(
        mirror(all),
        Some(MirrorConfig { share: 125_000, max_body, max_requests: 7, timeout, ..defaults })
    );
    for (text, share) in [("100%", 1_000_000), ("0.0001%", 1), ("007%", 70_000), ("10.05%", 100_500)] {
        let found = mirror(&format!("mirror = {{ pool = 'shadow', share = '{text}' }}"));
        assert_eq!(found.map(|mirror| mirror.share), Some(share), "{text}");
    }
}

#[test]
fn faults_of_a_mirror() {
    check_all(
        &format!("[[route]]\npool = 'a'\n{{}}\n{LISTENER}{POOLS}"),
        &[
            ("mirror = {}", &[r#"3: route[0].mirror.pool: is missing; write `pool = "shadow"`"#]),
            (
                "mirror = 'shadow'",
                &[
                    r#"3: route[0].mirror: is a text, not a table; write `mirror = { pool = "shadow", share = "10%" }`"#,
                ],
            ),
            (
                "mirror = { pool = 'a' }",
                &["3: route[0].mirror.pool: `a` gets the requests of this route already; name another pool"],
            ),
            (
                "mirror = { pool = 'shadwo' }",
                &[
                    "3: route[0].mirror.pool: there is no pool `shadwo`; did you mean `shadow`? The pools are `a`, `shadow`",
                ],
            ),
            (
                "mirror = { pool = 'shadow', max_body = '1GiB' }",
                &[
                    "3: route[0].mirror.max_body: `1GiB` is out of range; write a size from `\"0B\"` to `\"16MiB\"`",
                ],
            ),
            (
                "mirror = { pool = 'shadow', percent = 1 }",
                &[
                    "3: route[0].mirror.percent: unknown key `percent`; the keys here are `pool`, `share`, `max_body`, \
                   `max_requests`, `timeout`",
                ],
            ),
        ],
    );
    for share in ["0%", "10", "100.1%", "101%", "-1%", "1.00001%", ".5%", "1.%", "%", "0.00%", "1e1%"] {
        check(
            &format!(
                "[[route]]\npool = 'a'\nmirror = {{ pool = 'shadow', share = '{share}' }}\n{LISTENER}{POOLS}"
            ),
            &[&format!(
                "3: route[0].mirror.share: `{share}` is no share; write a percentage from `\"0.0001%\"` to `\"100%\"`"
            )],
        );
    }
    check(
        &format!(
            "[[route]]\nsplit = {{ pools = {{ a = 1, shadow = 0 }} }}\nmirror = {{ pool = 'shadow' }}\n{LISTENER}{POOLS}"
        ),
        &["3: route[0].mirror.pool: `shadow` gets the requests of this route already; name another pool"],
    );
    check(
        &format!("[[route]]\nredirect = 'https://x.test'\nmirror = {{ pool = 'shadow' }}\n{LISTENER}{POOLS}"),
        &[
            "3: route[0].mirror: no pool gets the requests of this route; leave it out: there is nothing to mirror",
        ],
    );
}
