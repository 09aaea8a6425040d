//! Health checks, ejection, panic and slow start.

use pointsman_core::pool::BackendProtocol;

use super::*;

/// The pool's health with these lines in its section.
fn health(lines: &str) -> HealthConfig {
    good(&format!("{LISTENER}{POOL}{lines}")).pools.remove(0).health
}

fn http(check: &HealthCheckConfig) -> &HttpCheckConfig {
    let CheckKind::Http(http) = &check.kind else { panic!("{check:?}") };
    http
}

#[test]
fn health_has_the_documented_defaults() {
    let health = health("");
    assert!(health.check.is_none());
    assert_eq!((health.panic_threshold, health.slow_start), (10, Duration::ZERO));
    let ejection = health.ejection;
    assert!(ejection.enabled);
    assert_eq!((ejection.consecutive_gateway_failures, ejection.consecutive_5xx), (5, 20));
    assert_eq!((ejection.failure_percent, ejection.min_requests), (85, 50));
    let seconds = [ejection.window, ejection.base_time, ejection.max_time].map(|time| time.as_secs());
    assert_eq!((seconds, ejection.max_percent), ([10, 30, 300], 50));
}

#[test]
fn a_check_has_the_documented_defaults() {
    let check = health("[pool.a.health_check]\ntype = 'http'").check.unwrap();
    let times = [check.interval, check.fast_interval, check.timeout].map(|time| time.as_millis());
    assert_eq!(times, [2_000, 1_000, 1_000]);
    assert_eq!((check.rise, check.fall, check.initial, check.port), (2, 3, InitialHealth::Up, None));
    let http = http(&check);
    assert_eq!((http.method.as_str(), http.path.as_str(), &http.host), ("GET", "/", &None));
    assert_eq!(http.protocol, None, "that of the pool");
    assert!(http.headers.is_empty() && http.body_contains.is_none());
    assert_eq!(http.expected_statuses, [200..=299]);

    let tcp = health("health_check = { type = 'tcp', interval = '300ms' }").check.unwrap();
    assert!(matches!(tcp.kind, CheckKind::Tcp));
    assert_eq!(
        [tcp.fast_interval, tcp.timeout].map(|time| time.as_millis()),
        [300, 300],
        "at most the interval"
    );
    assert!(health("health_check = { type = 'none' }").check.is_none());
}

#[test]
fn what_is_written_is_taken() {
    let text = "panic_threshold = 100\nslow_start = '1h'\n\
        [pool.a.health_check]\ntype = 'http'\nprotocol = 'h2'\nmethod = 'HEAD'\npath = '/z?a=b'\nhost = '[::1]:80'\n\
        headers = { X-Check = 'yes' }\nexpected_statuses = ['200-204', '301', 404]\nport = 65535\n\
        interval = '10ms'\nfast_interval = '10ms'\ntimeout = '10ms'\nrise = 100\nfall = 1\ninitial = 'unchecked'\n\
        [pool.a.ejection]\nenabled = false\nconsecutive_gateway_failures = 0\nconsecutive_5xx = 0\n\
        failure_percent = 0\nmin_requests = 1\nwindow = '1s'\nbase_time = '1h'\nmax_percent = 100";
    let health = health(text);
    assert_eq!((health.panic_threshold, health.slow_start.as_secs()), (100, 3_600));
    let check = health.check.as_ref().unwrap();
    assert_eq!((check.port, check.rise, check.fall), (Some(65_535), 100, 1));
    assert_eq!(check.initial, InitialHealth::Unchecked);
    let http = http(check);
    assert_eq!((http.method.as_str(), http.path.as_str()), ("HEAD", "/z?a=b"));
    assert_eq!(http.protocol, Some(BackendProtocol::H2));
    assert_eq!(http.host.as_ref().unwrap(), "[::1]:80");
    assert_eq!(http.headers["x-check"], "yes");
    assert_eq!(http.expected_statuses, [200..=204, 301..=301, 404..=404]);
    let ejection = &health.ejection;
    assert!(!ejection.enabled);
    assert_eq!((ejection.min_requests, ejection.max_percent), (1, 100));
    assert_eq!(ejection.max_time.as_secs(), 3_600, "a longer base alone needs no second key");

    let backends = "backends = [{ address = '127.0.0.1:9', check_address = '[::1]:8' }]";
    let pool =
        good(&format!("{LISTENER}[pool.a]\n{backends}\nhealth_check = {{ type = 'tcp' }}")).pools.remove(0);
    assert_eq!(pool.backends[0].check_address, Some("[::1]:8".parse().unwrap()));
}

#[test]
fn faults_of_a_check() {
    let template = format!("{LISTENER}{POOL}[pool.a.health_check]\n{{}}");
    let nothing = "pool.a.health_check.type: nothing is checked, in spite of the other keys; \
                   write `type = \"http\"` or `type = \"tcp\"`";
    check_all(
        &template,
        &[
            (
                "type = 'udp'",
                &[
                    "6: pool.a.health_check.type: `udp` is none of the choices; write one of `none`, `tcp`, `http`, `grpc`",
                ],
            ),
            ("path = '/'", &[&format!("5: {nothing}")]),
            ("type = 'none'\nrise = 2", &[&format!("6: {nothing}")]),
            (
                "type = 'tcp'\npath = '/'",
                &["7: pool.a.health_check.path: a check of type `tcp` sends nothing; \
                   remove it, or write `type = \"http\"`"],
            ),
            (
                "type = 'tcp'\nrise = 0\nfall = 101\nport = 0\ninitial = 'maybe'",
                &[
                    "7: pool.a.health_check.rise: `0` is out of range; write a whole number from 1 to 100",
                    "8: pool.a.health_check.fall: `101` is out of range; write a whole number from 1 to 100",
                    "9: pool.a.health_check.port: `0` is out of range; write a whole number from 1 to 65535",
                    "10: pool.a.health_check.initial: `maybe` is none of the choices; \
                     write one of `up`, `down`, `unchecked`",
                ],
            ),
            (
                "type = 'tcp'\ninterval = '500ms'\ntimeout = '1s'\nfast_interval = '2s'",
                &[
                    "8: pool.a.health_check.timeout: is more than `interval`, which is 500ms; \
                     write at most `\"500ms\"`, or raise `interval`",
                    "9: pool.a.health_check.fast_interval: is more than `interval`, which is 500ms; \
                     write at most `\"500ms\"`, or raise `interval`",
                ],
            ),
            (
                "type = 'http'\nmethod = 'HEAD'\nbody_contains = 'ok'",
                &[
                    "8: pool.a.health_check.body_contains: a response to HEAD has no body; write `method = \"GET\"`",
                ],
            ),
            (
                "type = 'http'\nmethod = 'get'\npath = 'healthz'\nhost = 'a b'\nexpected_statuses = []",
                &[
                    "7: pool.a.health_check.method: `get` is none of the choices; \
                     write one of `GET`, `HEAD`, `OPTIONS`, `POST`",
                    "8: pool.a.health_check.path: `healthz` is no path; write one such as `\"/healthz\"`",
                    "9: pool.a.health_check.host: `a b` is no host; write one such as `\"api.example.com\"`",
                    "10: pool.a.health_check.expected_statuses: no status would pass; \
                     write `expected_statuses = [\"200-299\"]`",
                ],
            ),
            (
                "type = 'http'\nexpected_statuses = ['200', '299-200', '2xx', 100]",
                &[
                    "7: pool.a.health_check.expected_statuses[1]: `299-200` is no status; \
                     write a status from 200 to 599, or a range such as `\"200-299\"`",
                    "7: pool.a.health_check.expected_statuses[2]: `2xx` is no status; \
                     write a status from 200 to 599, or a range such as `\"200-299\"`",
                    "7: pool.a.health_check.expected_statuses[3]: `100` is no status; \
                     write a status from 200 to 599, or a range such as `\"200-299\"`",
                ],
            ),
            (
                "type = 'http'\nheaders = { Host = 'a', 'b c' = 'd' }",
                &[
                    "7: pool.a.health_check.headers.Host: is set by the check itself; \
                     remove it; the host has a key of its own, `host`",
                    "7: pool.a.health_check.headers.\"b c\": is no header; \
                     use a name and a text that can stand in a request",
                ],
            ),
        ],
    );
}

#[test]
fn a_check_over_grpc_asks_for_a_service() {
    let grpc = |lines: &str| {
        let check =
            health(&format!("protocol = 'h2'\n[pool.a.health_check]\ntype = 'grpc'\n{lines}")).check.unwrap();
        let CheckKind::Grpc(grpc) = check.kind else { panic!("{check:?}") };
        *grpc
    };
    let default = grpc("");
    assert_eq!((default.service.as_str(), default.host, default.headers.len()), ("", None, 0));
    let written = grpc("service = 'a.B'\nhost = 'x:1'\nheaders = { authorization = 'Bearer x' }");
    assert_eq!((written.service.as_str(), written.host.unwrap().as_bytes()), ("a.B", &b"x:1"[..]));
    assert_eq!(written.headers["authorization"], "Bearer x");

    let template = format!("{LISTENER}{POOL}{{}}");
    let own = "a check of type `grpc` is a call of the health service, which has a path and an answer of its own; \
               remove it, or write `type = \"http\"`";
    let only = "only a check of type `grpc` asks for a service; remove it, or write `type = \"grpc\"`";
    check_all(
        &template,
        &[
            (
                "[pool.a.health_check]\ntype = 'grpc'",
                &[
                    "6: pool.a.health_check.type: gRPC needs HTTP/2, and the backends are spoken to in HTTP/1; \
                   write `protocol = \"h2\"` in `[pool.NAME]`",
                ],
            ),
            (
                "protocol = 'h2'\n[pool.a.health_check]\ntype = 'grpc'\npath = '/'",
                &[&format!("8: pool.a.health_check.path: {own}")],
            ),
            (
                "[pool.a.health_check]\ntype = 'http'\nprotocol = 'auto'",
                &[
                    "7: pool.a.health_check.protocol: `auto` is none of the choices; write one of `http1`, `h2`",
                ],
            ),
            (
                "protocol = 'h2'\n[pool.a.health_check]\ntype = 'http'\nservice = 'a.B'",
                &[&format!("8: pool.a.health_check.service: {only}")],
            ),
            (
                "[pool.a.health_check]\ntype = 'tcp'\nservice = 'a.B'",
                &[&format!("7: pool.a.health_check.service: {only}")],
            ),
            (
                "protocol = 'h2'\n[pool.a.health_check]\ntype = 'grpc'\nservice = 7\nheaders = { TE = 'x' }",
                &[
                    "8: pool.a.health_check.service: is an integer, not a text; put it in quotes: `\"7\"`",
                    "9: pool.a.health_check.headers.TE: is set by the check itself; \
                     remove it; the host has a key of its own, `host`",
                ],
            ),
        ],
    );
}

#[test]
fn faults_of_ejection_panic_and_slow_start() {
    check_all(
        &format!("{LISTENER}{POOL}{{}}"),
        &[
            (
                "panic_threshold = 101\nslow_start = '2h'",
                &[
                    "5: pool.a.panic_threshold: `101` is out of range; write a whole number from 0 to 100",
                    "6: pool.a.slow_start: `2h` is out of range; write a duration from `\"0ms\"` to `\"1h\"`",
                ],
            ),
            (
                "[pool.a.ejection]\nmax_percent = 101\nfailure_percent = 101\nmin_requests = 0\nwindow = '10ms'",
                &[
                    "6: pool.a.ejection.max_percent: `101` is out of range; write a whole number from 1 to 100",
                    "7: pool.a.ejection.failure_percent: `101` is out of range; write a whole number from 0 to 100",
                    "8: pool.a.ejection.min_requests: `0` is out of range; write a whole number from 1 to 1000000",
                    "9: pool.a.ejection.window: `10ms` is out of range; write a duration from `\"1s\"` to `\"10m\"`",
                ],
            ),
            (
                "[pool.a.ejection]\nbase_time = '2m'\nmax_time = '1m'",
                &["7: pool.a.ejection.max_time: is less than `base_time`; write at least as much as there"],
            ),
            (
                "[pool.a.ejection]\nconsecutive_gateway_failures = 0\nconsecutive_5xx = 0\nfailure_percent = 0",
                &["5: pool.a.ejection.enabled: there is nothing left to eject for; write `enabled = false`"],
            ),
        ],
    );
}

#[test]
fn an_address_for_checks_needs_a_check() {
    check(
        &format!(
            "{LISTENER}[pool.a]\nbackends = [{{ name = 'b', address = '127.0.0.1:9', check_address = '127.0.0.1:8' }}]"
        ),
        &["4: pool.a.backends: `b` has a `check_address`, but nothing is checked; \
           add a section `[pool.NAME.health_check]` with `type = \"http\"`"],
    );
}
