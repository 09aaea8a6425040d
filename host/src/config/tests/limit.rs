//! `[limit.NAME]`, and the limits of routes.

use std::num::NonZeroU32;

use http::StatusCode;
use http::header::HeaderName;
use pointsman_core::request_limit::{ClientPrefix, KeyPart, LimitKey, LimitSettings, MissingKey, Rate};

use super::*;

const ROUTE: &str = "[[route]]\npool = 'a'\nlimits = 'x'\n";

fn limit(keys: &str) -> LimitSettings {
    let config = good(&format!("[limit.x]\n{keys}\n{ROUTE}{LISTENER}{POOL}"));
    assert_eq!((config.limits.len(), &*config.limits[0].name, config.warnings.len()), (1, "x", 0));
    config.limits[0].settings.clone()
}

fn rate(requests: u32, seconds: u64, burst: u32) -> Option<Rate> {
    let number = |number| NonZeroU32::new(number).expect("a number");
    Some(Rate { requests: number(requests), per: Duration::from_secs(seconds), burst: number(burst) })
}

#[test]
fn a_limit_has_defaults() {
    let client = ClientPrefix { ipv4: 32, ipv6: 64 };
    let expected = LimitSettings {
        key: LimitKey { parts: vec![KeyPart::Client], client, missing: MissingKey::Share },
        rate: rate(100, 1, 100),
        concurrency: None,
        max_keys: 100_000,
        status: StatusCode::TOO_MANY_REQUESTS,
        dry_run: false,
    };
    assert_eq!(limit("key = 'client'\nrate = '100/s'"), expected);
}

#[test]
fn every_key_is_read() {
    let all = "key = ['header:X-Api-Key', 'cookie:a', 'query:b', 'host', 'path', 'client']\nrate = '7/h'\nburst = 3\n\
               concurrency = 20\nclient_prefix = { ipv4 = 24, ipv6 = 48 }\nmissing = 'pass'\nmax_keys = 9\nstatus = 503\n\
               dry_run = true";
    let parts = vec![
        KeyPart::Header(HeaderName::from_static("x-api-key")),
        KeyPart::Cookie("a".into()),
        KeyPart::Query("b".into()),
        KeyPart::Host,
        KeyPart::Path,
        KeyPart::Client,
    ];
    let client = ClientPrefix { ipv4: 24, ipv6: 48 };
    let expected = LimitSettings {
        key: LimitKey { parts, client, missing: MissingKey::Pass },
        rate: rate(7, 3_600, 3),
        concurrency: NonZeroU32::new(20),
        max_keys: 9,
        status: StatusCode::SERVICE_UNAVAILABLE,
        dry_run: true,
    };
    assert_eq!(limit(all), expected);
    assert!(limit("key = 'all'\nconcurrency = 1").key.is_one());
    for (text, seconds) in [("5/s", 1), ("5/m", 60), ("5/h", 3_600), ("5/d", 86_400)] {
        assert_eq!(limit(&format!("key = 'all'\nrate = '{text}'")).rate, rate(5, seconds, 5));
    }
}

#[test]
fn what_is_wrong_with_a_limit_is_said() {
    let key = "write `\"client\"`, `\"host\"`, `\"path\"`, `\"header:NAME\"`, `\"cookie:NAME\"`, `\"query:NAME\"`, a list of \
               those, or `\"all\"` for all requests together";
    let hint = "write a whole number, a slash and one of s, m, h or d, such as `\"100/s\"`";
    let cases: &[(&str, &[&str])] = &[
        ("rate = '1/s'", &["1: limit.x.key: is missing; write `key = \"client\"`"]),
        (
            "key = 'client'",
            &[
                "1: limit.x.rate: is missing, and so is `concurrency`: nothing is limited; write `rate = \"100/s\"`, `concurrency = 20`, or both",
            ],
        ),
        (
            "rate = '1/s'\nkey = 'ip'",
            &[&format!("3: limit.x.key: `ip` is nothing that requests have in common; {key}")],
        ),
        (
            "rate = '1/s'\nkey = ['client', 'all']",
            &[&format!("3: limit.x.key[1]: `all` is nothing that requests have in common; {key}")],
        ),
        (
            "rate = '1/s'\nkey = 'header:a b'",
            &[&format!("3: limit.x.key: `header:a b` is nothing that requests have in common; {key}")],
        ),
        ("rate = '1/s'\nkey = ['host', 'host']", &["3: limit.x.key: has `host` twice; remove one of them"]),
        ("key = 'client'\nrate = '100'", &[&format!("3: limit.x.rate: `100` is no rate; {hint}")]),
        ("key = 'client'\nrate = '-1/s'", &[&format!("3: limit.x.rate: `-1/s` is no rate; {hint}")]),
        ("key = 'client'\nrate = '1.5/s'", &[&format!("3: limit.x.rate: `1.5/s` is no rate; {hint}")]),
        (
            "key = 'client'\nrate = '0/s'",
            &["3: limit.x.rate: `0/s` is out of range; write 1 to 1000000 requests"],
        ),
        (
            "key = 'client'\nrate = '99999999999/s'",
            &["3: limit.x.rate: `99999999999/s` is out of range; write 1 to 1000000 requests"],
        ),
        (
            "key = 'client'\nconcurrency = 1\nburst = 2",
            &["4: limit.x.burst: has no effect without a `rate`; write `rate = \"100/s\"`, or leave it out"],
        ),
        (
            "key = 'all'\nrate = '1/s'\nmax_keys = 5\nclient_prefix = {}\nmissing = 'pass'",
            &[
                "4: limit.x.max_keys: has no effect: all requests have the same key; leave it out, or correct `key`",
                "5: limit.x.client_prefix: has no effect: the client is no part of `key`; leave it out, or correct `key`",
                "6: limit.x.missing: has no effect: what is in `key` is never missing; leave it out, or correct `key`",
            ],
        ),
        (
            "key = 'client'\nrate = '1/s'\nstatus = 200",
            &["4: limit.x.status: `200` is out of range; write a whole number from 400 to 599"],
        ),
        (
            "key = 'client'\nrate = '1/s'\nclient_prefix = { ipv6 = 129 }",
            &["4: limit.x.client_prefix.ipv6: `129` is out of range; write a whole number from 0 to 128"],
        ),
    ];
    check_all(&format!("[limit.x]\n{{}}\n{ROUTE}{LISTENER}{POOL}"), cases);
}

#[test]
fn what_is_wrong_with_the_limits_of_a_route_is_said() {
    let cases: &[(&str, &[&str])] = &[
        (
            "'logn'",
            &[
                "3: route[0].limits: there is no limit `logn`; did you mean `login`? The limits are `login`, `b`",
            ],
        ),
        (
            "['b', 'other']",
            &["3: route[0].limits[1]: there is no limit `other`; the limits are `login`, `b`"],
        ),
        ("['b', 'login', 'b']", &["3: route[0].limits: names `b` twice; remove one of them"]),
        ("[]", &["3: route[0].limits: is an empty list; write a value, or leave the key out"]),
    ];
    let limits = "[limit.login]\nkey = 'all'\nrate = '1/s'\n[limit.b]\nkey = 'all'\nrate = '1/s'\n";
    check_all(&format!("[[route]]\npool = 'a'\nlimits = {{}}\n{limits}{LISTENER}{POOL}"), cases);
    check(
        &format!("[[route]]\npool = 'a'\nlimits = 'x'\n{LISTENER}{POOL}"),
        &["3: route[0].limits: there is no limit `x`; add a section `[limit.x]`"],
    );
    let unused = good(&format!("{limits}[[route]]\npool = 'a'\nlimits = 'b'\n{LISTENER}{POOL}"));
    let warnings: Vec<String> = unused.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "f.toml:1: limit.login: limits nothing: no route names `login`; write `limits = [\"NAME\"]` in a `[[route]]`"
        ]
    );
}
