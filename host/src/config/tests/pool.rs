//! `[pool.NAME]` and its backends.

use pointsman_core::backend::BackendLimits;

use super::*;

#[test]
fn a_pool_has_the_documented_defaults() {
    let pool = good(&format!("{LISTENER}{POOL}")).pools.remove(0);
    assert_eq!(pool.name, "a");
    assert_eq!(pool.hash_seed, 0);
    assert_eq!(pool.limits.connect_timeout, Duration::from_secs(1));
    assert_eq!(pool.limits.response_timeout, Duration::from_secs(30));
    assert_eq!(pool.limits.idle_timeout, Duration::from_secs(60));
    assert_eq!(pool.limits.exchange.total_timeout, None);
    assert_eq!(pool.limits.idle_connections, 256);
    assert_eq!(pool.limits.idle_connection_timeout, Duration::from_secs(15));
    assert_eq!(pool.limits.max_response_header_bytes, 65_536);
    assert_eq!(pool.limits.max_response_headers, 256);

    let backend = &pool.backends[0];
    assert_eq!(backend.name, "127.0.0.1:9");
    assert_eq!(backend.address.to_string(), "127.0.0.1:9");
    assert_eq!((backend.weight, backend.zone.as_str()), (1, ""));
    assert!(backend.labels.is_empty() && !backend.backup && !backend.draining);
}

#[test]
fn what_is_written_is_taken() {
    let text = format!(
        "{LISTENER}[pool.z]\nhash_seed = 18446744073709551615\nconnect_timeout = '1ms'\nresponse_timeout = '2s'\n\
         idle_timeout = '3m'\ntotal_timeout = '24h'\nidle_connections = 0\nidle_connection_timeout = '4h'\n\
         max_response_header_bytes = '8KiB'\nmax_response_headers = 4096\nbackends = [\n\
         {{ name = 'b', address = '[::1]:9', weight = 1000, zone = 'eu-1a', labels = {{ z = '1', a = '2' }} }},\n\
         {{ address = '127.0.0.1:9', backup = true }},\n\
         {{ address = '127.0.0.2:9', draining = true }},\n\
         ]\n[pool.a]\nbackends = ['127.0.0.1:9']\n[[route]]\npool = 'a'"
    );
    let pools = good(&text).pools;
    let names: Vec<_> = pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["z", "a"], "in the order of the file");

    let pool = &pools[0];
    assert_eq!(pool.hash_seed, u64::MAX);
    assert_eq!(pool.limits.connect_timeout, Duration::from_millis(1));
    assert_eq!(pool.limits.response_timeout, Duration::from_secs(2));
    assert_eq!(pool.limits.idle_timeout, Duration::from_secs(180));
    assert_eq!(pool.limits.exchange.total_timeout, Some(Duration::from_hours(24)));
    assert_eq!(pool.limits.idle_connections, 0);
    assert_eq!(pool.limits.idle_connection_timeout, Duration::from_secs(14_400));
    assert_eq!(pool.limits.max_response_header_bytes, 8_192);
    assert_eq!(pool.limits.max_response_headers, 4_096);

    let [first, second, third] = &pool.backends[..] else { panic!("{:?}", pool.backends) };
    assert_eq!((first.name.as_str(), first.weight, first.zone.as_str()), ("b", 1_000, "eu-1a"));
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(first.labels, [label("z", "1"), label("a", "2")], "in the order of the file");
    assert_eq!((second.name.as_str(), second.backup, second.draining), ("127.0.0.1:9", true, false));
    assert_eq!((third.name.as_str(), third.backup, third.draining), ("127.0.0.2:9", false, true));
}

#[test]
fn faults_of_a_pool() {
    check_all(
        &format!("{LISTENER}[pool.a]\n{{}}"),
        &[
            ("", &[r#"3: pool.a.backends: is missing; write `backends = ["10.0.0.1:8080"]`"#]),
            (
                "backends = []",
                &[r#"4: pool.a.backends: there is no backend in it; write `backends = ["10.0.0.1:8080"]`"#],
            ),
            (
                "backends = '127.0.0.1:9'",
                &[r#"4: pool.a.backends: is a text, not an array; write `backends = ["10.0.0.1:8080"]`"#],
            ),
            (
                "backends = ['127.0.0.1:9']\n[pool.b]\nbackends = ['127.0.0.1:9']",
                &[
                    "route: there is no route to the pools `a`, `b`; add a `[[route]]` with `pool = …` for each of them",
                ],
            ),
            (
                "backends = ['127.0.0.1:9']\n[pool.'b c']\nbackends = ['127.0.0.1:9']",
                &[
                    "route: there is no route to the pools `a`, `b c`; add a `[[route]]` with `pool = …` for each of them",
                    r#"5: pool."b c": `b c` is no usable name; use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`"#,
                ],
            ),
            (
                "backend = ['127.0.0.1:9']",
                &[
                    r#"3: pool.a.backends: is missing; write `backends = ["10.0.0.1:8080"]`"#,
                    "4: pool.a.backend: unknown key `backend`; did you mean `backends`?",
                ],
            ),
            (
                "backends = ['127.0.0.1:9']\nhash_seed = -1",
                &[
                    "5: pool.a.hash_seed: `-1` is out of range; write a whole number from 0 to 18446744073709551615",
                ],
            ),
            (
                "backends = ['127.0.0.1:9']\nhash_seed = '1'",
                &[
                    "5: pool.a.hash_seed: is a text, not an integer; write a whole number from 0 to 18446744073709551615, without quotes",
                ],
            ),
            (
                "backends = ['127.0.0.1:9']\nconnect_timeout = '0s'\nresponse_timeout = 30\nidle_timeout = '2d'\nidle_connections = 100001\nidle_connection_timeout = '48h'\nmax_response_header_bytes = '2MiB'\nmax_response_headers = 0",
                &[
                    r#"5: pool.a.connect_timeout: `0s` is out of range; write a duration from `"1ms"` to `"24h"`"#,
                    r#"6: pool.a.response_timeout: `30` has no unit; write `"30s"`"#,
                    r#"7: pool.a.idle_timeout: `2d` is not a duration; write a whole number and one of ms, s, m or h, such as `"30s"`"#,
                    "8: pool.a.idle_connections: `100001` is out of range; write a whole number from 0 to 100000",
                    r#"9: pool.a.idle_connection_timeout: `48h` is out of range; write a duration from `"1ms"` to `"24h"`"#,
                    r#"10: pool.a.max_response_header_bytes: `2MiB` is out of range; write a size from `"8KiB"` to `"1MiB"`"#,
                    "11: pool.a.max_response_headers: `0` is out of range; write a whole number from 1 to 4096",
                ],
            ),
        ],
    );
}

#[test]
fn limits_have_the_documented_defaults_and_take_what_is_written() {
    let limits = good(&format!("{LISTENER}{POOL}")).pools.remove(0).limits;
    assert_eq!(
        (limits.max_requests, limits.max_connections, limits.capacity().of(BackendLimits::default())),
        (10_000, 10_000, 10_000)
    );
    assert_eq!((limits.queue.length, limits.queue.timeout), (1_024, Duration::from_secs(1)));
    let text = format!(
        "{LISTENER}{POOL}max_requests = 7\nmax_connections = 5\n[pool.a.queue]\nlength = 0\ntimeout = '10ms'"
    );
    let limits = good(&text).pools.remove(0).limits;
    assert_eq!(
        (limits.max_requests, limits.max_connections, limits.capacity().of(BackendLimits::default())),
        (7, 5, 5)
    );
    assert_eq!((limits.queue.length, limits.queue.timeout), (0, Duration::from_millis(10)));
}

#[test]
fn a_backend_may_have_limits_of_its_own() {
    let pool = good(&format!(
        "{LISTENER}[pool.a]\nmax_requests = 7\nbackends = [\n'127.0.0.1:9',\n\
         {{ address = '127.0.0.1:10', max_requests = 50 }},\n\
         {{ address = '127.0.0.1:11', max_connections = 1_000_000 }},\n\
         {{ address = 'a.test:80', resolve = 'each', max_requests = 1, max_connections = 2 }}]"
    ))
    .pools
    .remove(0);
    let limits = |max_requests, max_connections| BackendLimits { max_requests, max_connections };
    let of_backends: Vec<_> = pool.backends.iter().map(|backend| backend.limits).collect();
    assert_eq!(of_backends, [limits(None, None), limits(Some(50), None), limits(None, Some(1_000_000))]);
    assert_eq!(pool.discovered[0].limits, limits(Some(1), Some(2)));
    let capacity = pool.limits.capacity();
    assert_eq!([0, 1, 2].map(|place| capacity.of(of_backends[place])), [7, 50, 7]);
    check(
        &format!(
            "{LISTENER}[pool.a]\nbackends = [{{ address = '127.0.0.1:9', max_requests = 0, max_connections = '9' }}]"
        ),
        &[
            "4: pool.a.backends[0].max_requests: `0` is out of range; write a whole number from 1 to 1000000",
            "4: pool.a.backends[0].max_connections: is a text, not an integer; write a whole number from 1 to 1000000, without quotes",
        ],
    );
}

#[test]
fn faults_of_limits() {
    check(
        &format!(
            "{LISTENER}{POOL}total_timeout = '1s'\nmax_requests = 0\nmax_connections = 1000001\n\
             [pool.a.queue]\nlength = 100001\ntimeout = '2s'\nsize = 1"
        ),
        &[
            "6: pool.a.max_requests: `0` is out of range; write a whole number from 1 to 1000000",
            "7: pool.a.max_connections: `1000001` is out of range; write a whole number from 1 to 1000000",
            "9: pool.a.queue.length: `100001` is out of range; write a whole number from 0 to 100000",
            r#"10: pool.a.queue.timeout: never fires: `total_timeout` is 1s; write at most `"1s"`, or raise `total_timeout`"#,
            "11: pool.a.queue.size: unknown key `size`; the keys here are `timeout`, `length`",
        ],
    );
}

#[test]
fn a_timeout_that_never_fires_is_a_fault_unless_it_is_a_default() {
    good(&format!("{LISTENER}{POOL}total_timeout = '100ms'"));
    check(
        &format!(
            "{LISTENER}{POOL}connect_timeout = '6s'\nresponse_timeout = '5s'\nidle_timeout = '7s'\ntotal_timeout = '5s'\n\
             [pool.a.retry]\nper_try_timeout = '5s'"
        ),
        &[
            r#"5: pool.a.connect_timeout: never fires: `total_timeout` is 5s; write at most `"5s"`, or raise `total_timeout`"#,
            r#"7: pool.a.idle_timeout: never fires: `total_timeout` is 5s; write at most `"5s"`, or raise `total_timeout`"#,
        ],
    );
    check(
        &format!("{LISTENER}{POOL}total_timeout = '5s'\n[pool.a.retry]\nper_try_timeout = '6s'"),
        &[
            r#"7: pool.a.retry.per_try_timeout: never fires: `total_timeout` is 5s; write at most `"5s"`, or raise `total_timeout`"#,
        ],
    );
}

#[test]
fn retries_have_the_documented_defaults_and_take_what_is_written() {
    let retry = good(&format!("{LISTENER}{POOL}")).pools.remove(0).limits.retry;
    assert_eq!((retry.attempts, retry.statuses.len(), retry.per_try_timeout), (2, 0, None));
    assert_eq!((retry.backoff, retry.body), (Duration::from_millis(25), 16 << 10));
    assert_eq!((retry.budget_percent, retry.budget_per_second), (20, 10));
    assert_eq!(retry.wait, Duration::ZERO);

    let text = format!(
        "{LISTENER}{POOL}[pool.a.retry]\nattempts = 0\nstatuses = [429, 503]\nper_try_timeout = '30s'\nbackoff = '10s'\n\
         body = '0B'\nbudget_percent = 100\nbudget_per_second = 0\nwait = '60s'"
    );
    let retry = good(&text).pools.remove(0).limits.retry;
    let statuses: Vec<u16> = retry.statuses.iter().map(|status| status.as_u16()).collect();
    assert_eq!((retry.attempts, statuses), (0, vec![429, 503]));
    assert_eq!(
        (retry.per_try_timeout, retry.backoff),
        (Some(Duration::from_secs(30)), Duration::from_secs(10))
    );
    assert_eq!((retry.body, retry.budget_percent, retry.budget_per_second), (0, 100, 0));
    assert_eq!(retry.wait, Duration::from_secs(60));
}

#[test]
fn faults_of_retries() {
    check_all(
        &format!("{LISTENER}{POOL}[pool.a.retry]\n{{}}"),
        &[
            (
                "attempts = 11\nstatuses = [200]\nbackoff = '0ms'\nbody = '2MiB'\nbudget_percent = 101\nbudget_per_second = -1",
                &[
                    "6: pool.a.retry.attempts: `11` is out of range; write a whole number from 0 to 10",
                    "7: pool.a.retry.statuses[0]: `200` is out of range; write a whole number from 400 to 599",
                    r#"8: pool.a.retry.backoff: `0ms` is out of range; write a duration from `"1ms"` to `"10s"`"#,
                    r#"9: pool.a.retry.body: `2MiB` is out of range; write a size from `"0B"` to `"1MiB"`"#,
                    "10: pool.a.retry.budget_percent: `101` is out of range; write a whole number from 0 to 100",
                    "11: pool.a.retry.budget_per_second: `-1` is out of range; write a whole number from 0 to 100000",
                ],
            ),
            (
                "statuses = 503",
                &["6: pool.a.retry.statuses: is an integer, not an array; write `statuses = [503]`"],
            ),
            (
                "per_try_timeout = '31s'",
                &[
                    r#"6: pool.a.retry.per_try_timeout: never fires: `response_timeout` is 30s; write at most `"30s"`, or raise `response_timeout`"#,
                ],
            ),
            (
                "retries = 1",
                &[
                    "6: pool.a.retry.retries: unknown key `retries`; the keys here are `per_try_timeout`, `wait`, `attempts`, `statuses`, `backoff`, `body`, `budget_percent`, `budget_per_second`",
                ],
            ),
        ],
    );
}
