//! The file as a whole, its top level and `[admin]`.

use super::*;

#[test]
fn the_least_configuration_has_the_documented_defaults() {
    let config = good(&format!("{LISTENER}{POOL}"));
    assert_eq!(config.workers, std::thread::available_parallelism().unwrap().get());
    assert_eq!(config.policy_dir, None);
    assert_eq!((config.state_dir, config.watch), (None, true));
    assert_eq!((config.drain_delay, config.drain_timeout), (Duration::ZERO, Duration::from_secs(30)));
    assert_eq!(config.admin, None);
    assert_eq!((config.listeners.len(), config.routes.len(), config.pools.len()), (1, 1, 1));
}

#[test]
fn what_is_written_at_the_top_is_taken() {
    let text = format!(
        "workers = 0x10\npolicy_dir = 'src'\nstate_dir = 'made/later'\ndrain_timeout = '2m'\ndrain_delay = '5s'\nwatch = false\n{LISTENER}{POOL}\
         [admin]\naddress = '[::1]:0'"
    );
    let config = good(&text);
    assert_eq!((config.workers, config.watch), (16, false));
    assert_eq!(config.policy_dir, Some("src".into()));
    let state_dir = config.state_dir.clone().map(|folder| (folder.path, folder.line));
    assert_eq!(state_dir, Some(("made/later".into(), 3)));
    assert_eq!(
        (config.drain_delay, config.drain_timeout),
        (Duration::from_secs(5), Duration::from_secs(120))
    );
    let admin = |config: Config| config.admin.expect("an admin server");
    assert_eq!(admin(config).address.to_string(), "[::1]:0");

    let remote = "admin = { address = '0.0.0.0:1', token_file = 'secret', hosts = ['Proxy.example.com.'] }";
    let remote = admin(good(&format!("{remote}\n{LISTENER}{POOL}")));
    assert_eq!(remote.token_file.map(|file| file.path), Some("secret".into()));
    assert_eq!(
        (remote.address.to_string().as_str(), remote.hosts),
        ("0.0.0.0:1", vec!["proxy.example.com".to_owned()])
    );
    let unix = admin(good(&format!("admin = {{ address = 'unix:run/a.sock' }}\n{LISTENER}{POOL}")));
    assert_eq!(unix.address.to_string(), "unix:run/a.sock");
}

#[test]
fn line_ends_and_byte_order_mark_of_other_systems_are_read() {
    let text = format!("\u{feff}{LISTENER}{POOL}x = 1").replace('\n', "\r\n");
    let errors = parse(&text).unwrap_err();
    assert!(errors.to_string().starts_with("f.toml:5: pool.a.x: unknown key"), "{errors}");
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_file() {
    check(
        "workers = 0\n\
         [pool.web]\nbackends = ['10.0.0.1', { name = 'b', address = '10.0.0.2:80', weight = 0 }]\ndeadline = '5ms'\n\
         policy = { file = 'x.wasm', memory = 16 }\n\
         [[route]]\npool = 'wbe'\n\
         [[listener]]\naddress = '0.0.0.0:80'\nbody_timeout = 30\n",
        &[
            "1: workers: `0` is out of range; write a whole number from 1 to 1024",
            r#"3: pool.web.backends[0]: `10.0.0.1` has no port; write `"10.0.0.1:8080"`"#,
            "3: pool.web.backends[1].weight: `0` is no share of the requests; \
             write `draining = true` for a backend that gets none",
            "4: pool.web.deadline: unknown key `deadline`; the keys here are `backends`, `policy`, `hash_seed`, \
             `connect_timeout`, `response_timeout`, `idle_timeout`, `max_body`, `total_timeout`, `tunnel_timeout`, `idle_connections`, `idle_connection_timeout`, \
             `max_response_header_bytes`, `max_response_headers`, `max_requests`, `max_connections`, `proxy_protocol`, `protocol`, `http2_max_streams`, `http2_stream_window`, `http2_connection_window`, `queue`, `retry`, `tls`, `compression`, `sticky`, `health_check`, `ejection`, `panic_threshold`, `slow_start`, `request_headers`, `response_headers`, `host_header`, `error_page`, `intercept`",
            r#"5: pool.web.policy.memory: `16` has no unit; write a size from `"64KiB"` to `"256MiB"`"#,
            "7: route[0].pool: there is no pool `wbe`; did you mean `web`? The pools are `web`",
            r#"10: listener[0].body_timeout: `30` has no unit; write `"30s"`"#,
        ],
    );
}

#[test]
fn faults_of_the_file() {
    check_all(
        "{}",
        &[
            (
                "",
                &[
                    r#"listener: there is no listener; add a section `[[listener]]` with `address = "0.0.0.0:8080"`"#,
                    r#"pool: there is no pool; add a section `[pool.web]` with `backends = ["127.0.0.1:9000"]`"#,
                ],
            ),
            ("workers", &["1: not TOML: key with no value, expected `=`"]),
            (
                "a = b\nc =\nworkers = 10s\n[listener",
                &[
                    r#"1: `b` is no TOML value; write `"b"`"#,
                    "2: there is no value; write one behind the `=`, a text in quotes",
                    r#"3: `10s` is no TOML value; write `"10s"`"#,
                    "4: not TOML: unclosed table, expected `]`",
                ],
            ),
            (
                "workers = 1\nworkers = 2",
                &[
                    "2: `workers` stands here a second time; keep one of them (a section that repeats has double brackets)",
                ],
            ),
            (
                "[listener]\naddress = '0.0.0.0:80'\n[listener]",
                &[
                    "3: `listener` stands here a second time; keep one of them (a section that repeats has double brackets)",
                ],
            ),
            (
                "x = 'one\ntwo'",
                &[
                    "1: not TOML: invalid literal string, expected `'`",
                    "2: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`",
                ],
            ),
            (
                "a = Yes\nb = off\nc = 10.0.0.1:80",
                &[
                    "1: `Yes` is no TOML value; write `true`",
                    "2: `off` is no TOML value; write `false`",
                    r#"3: `10.0.0.1:80` is no TOML value; write `"10.0.0.1:80"`"#,
                ],
            ),
            (
                "listener = []\npool = {}",
                &[
                    r#"1: listener: there is no listener; add a section `[[listener]]` with `address = "0.0.0.0:8080"`"#,
                    r#"2: pool: there is no pool; add a section `[pool.web]` with `backends = ["127.0.0.1:9000"]`"#,
                ],
            ),
            (
                "[listener]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']\n",
                &["1: listener: is a table, not an array; write `[[listener]]` above its keys"],
            ),
            (
                "listener = 1\npool = 2\nroute = 3\nadmin = 4",
                &[
                    "1: listener: is an integer, not an array; write `[[listener]]` above its keys",
                    "2: pool: is an integer, not a table; write `[pool.NAME]` above its keys",
                    "3: route: is an integer, not an array; write `[[route]]` above its keys",
                    "4: admin: is an integer, not a table; write `[admin]` above its keys",
                ],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[pool]\nbackends = ['127.0.0.1:9']",
                &["4: pool.backends: is an array, not a table; write `[pool.NAME]` above its keys"],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[[pool]]\nbackends = ['127.0.0.1:9']",
                &["3: pool: is an array, not a table; write `[pool.NAME]` above its keys"],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']\n[route]\npool = 'a'",
                &["5: route: is a table, not an array; write `[[route]]` above its keys"],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[[pool.a]]\nbackends = ['127.0.0.1:9']",
                &["3: pool.a: is an array, not a table; write `[pool.NAME]` above its keys"],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']\nworkers = 2",
                &[
                    "5: pool.a.workers: unknown key `workers`; move it to the top of the file, above the first section",
                ],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']\ntimeout = '1s'",
                &[
                    "5: pool.a.timeout: unknown key `timeout`; the keys here are `backends`, `policy`, `hash_seed`, `connect_timeout`, `response_timeout`, `idle_timeout`, `max_body`, `total_timeout`, `tunnel_timeout`, `idle_connections`, `idle_connection_timeout`, `max_response_header_bytes`, `max_response_headers`, `max_requests`, `max_connections`, `proxy_protocol`, `protocol`, `http2_max_streams`, `http2_stream_window`, `http2_connection_window`, `queue`, `retry`, `tls`, `compression`, `sticky`, `health_check`, `ejection`, `panic_threshold`, `slow_start`, `request_headers`, `response_headers`, `host_header`, `error_page`, `intercept`",
                ],
            ),
            (
                "[[listener]]\naddress = '127.0.0.1:80'\n[[listener]]\naddress = '127.0.0.1:80'\n[admin]\naddress = '127.0.0.1:80'\n[pool.a]\nbackends = ['127.0.0.1:9']\n",
                &[
                    "4: listener[1].address: `127.0.0.1:80` is taken by `listener[0].address` on line 2; give each its own port",
                    "6: admin.address: `127.0.0.1:80` is taken by `listener[0].address` on line 2; give each its own port",
                ],
            ),
            (
                "\"x\\n\\u001b[31m\" = 1\n[[listener]]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']\n",
                &[
                    r#"1: "x\n\u{1b}[31m": unknown key `x\n\u{1b}[31m`; the keys here are `workers`, `watch`, `policy_dir`, `state_dir`, `drain_delay`, `drain_timeout`, `listener`, `admin`, `access_log`, `metrics`, `tracing`, `dns`, `error_page`, `pool`, `limit`, `route`"#,
                ],
            ),
        ],
    );
}

#[test]
fn faults_at_the_top() {
    check_all(
        &format!("{{}}\n{LISTENER}{POOL}"),
        &[
            ("workers = 0", &["1: workers: `0` is out of range; write a whole number from 1 to 1024"]),
            ("workers = 1025", &["1: workers: `1025` is out of range; write a whole number from 1 to 1024"]),
            ("workers = -1", &["1: workers: `-1` is out of range; write a whole number from 1 to 1024"]),
            (
                "workers = 0x401",
                &["1: workers: `0x401` is out of range; write a whole number from 1 to 1024"],
            ),
            (
                "workers = '2'",
                &[
                    "1: workers: is a text, not an integer; write a whole number from 1 to 1024, without quotes",
                ],
            ),
            (
                "workers = 2.5",
                &[
                    "1: workers: is a number with a fraction, not an integer; write a whole number from 1 to 1024, without quotes",
                ],
            ),
            ("workrs = 2", &["1: workrs: unknown key `workrs`; did you mean `workers`?"]),
            (
                "colour = 'red'",
                &[
                    "1: colour: unknown key `colour`; the keys here are `workers`, `watch`, `policy_dir`, `state_dir`, `drain_delay`, `drain_timeout`, `listener`, `admin`, `access_log`, `metrics`, `tracing`, `dns`, `error_page`, `pool`, `limit`, `route`",
                ],
            ),
            (
                "drain_delay = '11m'",
                &[r#"1: drain_delay: `11m` is out of range; write a duration from `"0ms"` to `"10m"`"#],
            ),
            ("drain_delay = 5", &[r#"1: drain_delay: `5` has no unit; write `"5s"`"#]),
            ("drain_timeout = 30", &[r#"1: drain_timeout: `30` has no unit; write `"30s"`"#]),
            (
                "drain_timeout = '0s'",
                &[r#"1: drain_timeout: `0s` is out of range; write a duration from `"1ms"` to `"24h"`"#],
            ),
            (
                "drain_timeout = '25h'",
                &[r#"1: drain_timeout: `25h` is out of range; write a duration from `"1ms"` to `"24h"`"#],
            ),
            (
                "drain_timeout = '30 s'",
                &[
                    r#"1: drain_timeout: `30 s` is not a duration; write a whole number and one of ms, s, m or h, such as `"30s"`"#,
                ],
            ),
            (
                "drain_timeout = true",
                &[
                    r#"1: drain_timeout: is a boolean, not a duration; write a duration from `"1ms"` to `"24h"`"#,
                ],
            ),
            (
                "drain_timeout = 100000000",
                &[r#"1: drain_timeout: `100000000` has no unit; write a duration from `"1ms"` to `"24h"`"#],
            ),
            (
                "drain_timeout = '99999999999999999999h'",
                &[
                    r#"1: drain_timeout: `99999999999999999999h` is out of range; write a duration from `"1ms"` to `"24h"`"#,
                ],
            ),
            (
                "policy_dir = 'no/such'",
                &[
                    "1: policy_dir: `no/such` does not exist; create the folder, or name another, or leave `policy_dir` out to use the bundled policies only",
                ],
            ),
            (
                "policy_dir = 'Cargo.toml'",
                &[
                    "1: policy_dir: `Cargo.toml` is not a folder; name another, or leave `policy_dir` out to use the bundled policies only",
                ],
            ),
            (
                "policy_dir = ''",
                &["1: policy_dir: is empty; write a text in the quotes, or leave the key out"],
            ),
            ("policy_dir = ['a']", &["1: policy_dir: is an array, not a text; write one text in quotes"]),
            (
                "admin = { address = '0.0.0.0:9901' }",
                &[
                    r#"1: admin.address: `0.0.0.0:9901` is open to other machines; write `"127.0.0.1:9901"` or `"unix:admin.sock"`, or add `token_file = "admin.token"` with a secret in that file"#,
                ],
            ),
            (
                "admin = { address = 'unix:' }",
                &[
                    "1: admin.address: `unix:` is no path of a socket; write one such as `\"unix:/run/pointsman/app.sock\"`",
                ],
            ),
            (
                "admin = { address = '192.0.2.1:1', allow_remote = true, hosts = ['a b', 1], explain_from = ['10.0.0.0/33'] }",
                &[
                    "1: admin.hosts[0]: `a b` is no host name; write `hosts = [\"proxy-1.example.com\"]`",
                    "1: admin.hosts[1]: is an integer, not a text; put it in quotes: `\"1\"`",
                    "1: admin.explain_from[0]: `10.0.0.0/33` is no network; write an address or a range, such as `\"10.0.0.1\"` or `\"10.0.0.0/8\"`",
                    r#"1: admin.address: `192.0.2.1:1` is open to other machines; write `"127.0.0.1:9901"` or `"unix:admin.sock"`, or add `token_file = "admin.token"` with a secret in that file"#,
                    "1: admin.allow_remote: unknown key `allow_remote`; the keys here are `address`, `token_file`, `hosts`, `explain_from`",
                ],
            ),
            ("admin = {}", &[r#"1: admin.address: is missing; write `address = "127.0.0.1:9901"`"#]),
            (
                "admin = { address = '127.0.0.1' }",
                &[
                    r#"1: admin.address: `127.0.0.1` is not an IP address with a port; write `"127.0.0.1:8080"`"#,
                ],
            ),
            (
                "admin = { adress = '127.0.0.1:1' }",
                &[
                    r#"1: admin.address: is missing; write `address = "127.0.0.1:9901"`"#,
                    "1: admin.adress: unknown key `adress`; did you mean `address`?",
                ],
            ),
            (
                "route = []",
                &["1: route: there is no route in it; leave `route` out to send everything to the only pool"],
            ),
            ("route = [1]", &["1: route[0]: is an integer, not a table; write `[[route]]` above its keys"]),
        ],
    );
}
