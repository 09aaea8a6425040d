//! `[[listener]]`.

use super::*;

#[test]
fn a_listener_has_the_documented_defaults() {
    let config = good(&format!("{LISTENER}{POOL}"));
    let ListenerConfig { address, trusted_proxies, limits, .. } = &config.listeners[0];
    assert_eq!(address.to_string(), "127.0.0.1:0");
    assert!(trusted_proxies.is_empty());
    assert_eq!(limits.header_timeout, Duration::from_secs(10));
    assert_eq!(limits.body_timeout, Duration::from_secs(30));
    assert_eq!(limits.min_body_rate, 500);
    assert_eq!(limits.keepalive_timeout, Duration::from_secs(60));
    assert_eq!(limits.keepalive_requests, 10_000);
    assert_eq!(limits.max_connection_age, Duration::from_secs(3_600));
    assert_eq!(limits.send_timeout, Duration::from_secs(60));
    assert_eq!(limits.min_send_rate, 500);
    assert_eq!(limits.tunnel_timeout, Duration::from_secs(3_600));
    assert_eq!(limits.tunnel_close_timeout, Duration::from_secs(5));
    assert_eq!(limits.max_header_bytes, 65_536);
    assert_eq!(limits.max_headers, 100);
    assert_eq!(limits.max_uri_bytes, 16_384);
    assert_eq!((limits.max_connections, limits.max_body), (10_000, 0));
    assert_eq!((limits.max_hops, limits.path_normalization), (5, PathNormalization::Match));
    assert_eq!(limits.early_hints, EarlyHintsUse::Http2);
    assert_eq!(limits.request_id, RequestIdUse::Pass);
}

#[test]
fn what_is_written_is_taken() {
    let text = format!(
        "[[listener]]\naddress = '[::1]:0'\ntrusted_proxies = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::ffff:10.0.0.0/104', '::ffff:0:0/96']\n\
         header_timeout = '1ms'\nbody_timeout = '24h'\nmin_body_rate = '0B'\nkeepalive_timeout = '2m'\n\
         keepalive_requests = 1\nmax_connection_age = '1m'\nsend_timeout = '3s'\nmin_send_rate = '1GiB'\ntunnel_timeout = '4h'\ntunnel_close_timeout = '1m'\nmax_header_bytes = '1MiB'\n\
         max_headers = 1\nmax_uri_bytes = '256B'\nmax_connections = 1_000_000\nmax_body = '5GiB'\n\
         max_hops = 100\npath_normalization = 'refuse'\nrequest_id = 'replace'\nearly_hints = 'all'\n\
         [[listener]]\naddress = '127.0.0.1:0'\n{LISTENER}{POOL}"
    );
    let config = good(&text);
    assert_eq!(config.listeners.len(), 3, "port 0 is another port each time");
    let ListenerConfig { address, trusted_proxies, limits, .. } = &config.listeners[0];
    assert_eq!(address.to_string(), "[::1]:0");
    let trusted: Vec<_> = trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "10.0.0.0/8", "0.0.0.0/0"]);
    assert_eq!(limits.header_timeout, Duration::from_millis(1));
    assert_eq!(limits.body_timeout, Duration::from_secs(86_400));
    assert_eq!(limits.min_body_rate, 0);
    assert_eq!(limits.keepalive_timeout, Duration::from_secs(120));
    assert_eq!(limits.keepalive_requests, 1);
    assert_eq!(limits.max_connection_age, Duration::from_secs(60));
    assert_eq!(limits.send_timeout, Duration::from_secs(3));
    assert_eq!(limits.min_send_rate, 1 << 30);
    assert_eq!(limits.tunnel_timeout, Duration::from_secs(14_400));
    assert_eq!(limits.tunnel_close_timeout, Duration::from_secs(60));
    assert_eq!(limits.max_header_bytes, 1 << 20);
    assert_eq!(limits.max_headers, 1);
    assert_eq!(limits.max_uri_bytes, 256);
    assert_eq!((limits.max_connections, limits.max_body), (1_000_000, 5 << 30));
    assert_eq!((limits.max_hops, limits.path_normalization), (100, PathNormalization::Refuse));
    assert_eq!(limits.early_hints, EarlyHintsUse::All);
    assert_eq!(limits.request_id, RequestIdUse::Replace);
}

#[test]
fn smaller_heads_need_no_second_key() {
    let config = good(&format!("{LISTENER}max_header_bytes = '8KiB'\n{POOL}"));
    assert_eq!(config.listeners[0].limits.max_uri_bytes, 8_192);
}

#[test]
fn faults_of_a_listener() {
    check_all(
        &format!("[[listener]]\n{{}}\n{POOL}"),
        &[
            (
                "x = 1",
                &[
                    r#"1: listener[0].address: is missing; write `address = "0.0.0.0:8080"`"#,
                    "2: listener[0].x: unknown key `x`; the keys here are `name`, `address`, `mode`, `trusted_proxies`, `max_header_bytes`, `max_uri_bytes`, `header_timeout`, `body_timeout`, `min_body_rate`, `keepalive_timeout`, `keepalive_requests`, `max_connection_age`, `send_timeout`, `min_send_rate`, `tunnel_timeout`, `tunnel_close_timeout`, `max_headers`, `max_connections`, `max_hops`, `path_normalization`, `request_id`, `redirect`, `max_body`, `early_hints`, `http2`, `http2_max_streams`, `http2_stream_window`, `http2_connection_window`, `http2_max_frame`, `tls`, `proxy_protocol`",
                ],
            ),
            (
                "adress = '0.0.0.0:80'",
                &[
                    r#"1: listener[0].address: is missing; write `address = "0.0.0.0:8080"`"#,
                    "2: listener[0].adress: unknown key `adress`; did you mean `address`?",
                ],
            ),
            (
                "address = 8080",
                &[
                    r#"2: listener[0].address: is an integer, not an address; write it with an IP address: `"0.0.0.0:8080"`"#,
                ],
            ),
            (
                "address = ':8080'",
                &[
                    r#"2: listener[0].address: `:8080` is not an IP address with a port; write `"0.0.0.0:8080"` for all addresses of this machine"#,
                ],
            ),
            (
                "address = '*:8080'",
                &[
                    r#"2: listener[0].address: `*:8080` is not an IP address with a port; write `"0.0.0.0:8080"` for all addresses of this machine"#,
                ],
            ),
            (
                "address = 'localhost:8080'",
                &[
                    r#"2: listener[0].address: `localhost:8080` is not an IP address with a port; write `"127.0.0.1:8080"`"#,
                ],
            ),
            (
                "address = '::1'",
                &[r#"2: listener[0].address: `::1` is not an IP address with a port; write `"[::1]:8080"`"#],
            ),
            (
                "address = '10.0.0.1'",
                &[
                    r#"2: listener[0].address: `10.0.0.1` is not an IP address with a port; write `"10.0.0.1:8080"`"#,
                ],
            ),
            (
                "address = 'example.com'",
                &[
                    r#"2: listener[0].address: `example.com` is not an IP address with a port; write one such as `"0.0.0.0:8080"` or `"[::1]:8080"`"#,
                ],
            ),
            (
                "address = '0.0.0.0:70000'",
                &[
                    r#"2: listener[0].address: `0.0.0.0:70000` is not an IP address with a port; write one such as `"0.0.0.0:8080"` or `"[::1]:8080"`"#,
                ],
            ),
            (
                "address = '127.0.0.1:0'\ntrusted_proxies = '10.0.0.0/8'",
                &[
                    r#"3: listener[0].trusted_proxies: is a text, not an array; write `trusted_proxies = ["10.0.0.0/8"]`"#,
                ],
            ),
            (
                "address = '127.0.0.1:0'\ntrusted_proxies = ['10.0.0.1/8', 'proxy', '10.0.0.0/33', 10, '']",
                &[
                    r#"3: listener[0].trusted_proxies[0]: `10.0.0.1/8` is an address in a network of /8; write `"10.0.0.0/8"` for the network or `"10.0.0.1"` for the address"#,
                    r#"3: listener[0].trusted_proxies[1]: `proxy` is no network; write an address or a range, such as `"10.0.0.1"` or `"10.0.0.0/8"`"#,
                    r#"3: listener[0].trusted_proxies[2]: `10.0.0.0/33` is no network; write an address or a range, such as `"10.0.0.1"` or `"10.0.0.0/8"`"#,
                    r#"3: listener[0].trusted_proxies[3]: is an integer, not a text; put it in quotes: `"10"`"#,
                    "3: listener[0].trusted_proxies[4]: is empty; write a text in the quotes, or leave the key out",
                ],
            ),
        ],
    );
}

#[test]
fn faults_of_limits() {
    check_all(
        &format!("[[listener]]\naddress = '127.0.0.1:0'\n{{}}\n{POOL}"),
        &[
            (
                "header_timeout = '0ms'",
                &[
                    r#"3: listener[0].header_timeout: `0ms` is out of range; write a duration from `"1ms"` to `"24h"`"#,
                ],
            ),
            ("body_timeout = 30", &[r#"3: listener[0].body_timeout: `30` has no unit; write `"30s"`"#]),
            ("min_body_rate = 0", &[r#"3: listener[0].min_body_rate: `0` has no unit; write `"0B"`"#]),
            (
                "min_body_rate = '2GiB'",
                &[
                    r#"3: listener[0].min_body_rate: `2GiB` is out of range; write a size from `"0B"` to `"1GiB"`"#,
                ],
            ),
            (
                "keepalive_timeout = '25h'",
                &[
                    r#"3: listener[0].keepalive_timeout: `25h` is out of range; write a duration from `"1ms"` to `"24h"`"#,
                ],
            ),
            (
                "keepalive_requests = 0",
                &[
                    "3: listener[0].keepalive_requests: `0` is out of range; write a whole number from 1 to 1000000000",
                ],
            ),
            (
                "keepalive_requests = '10'",
                &[
                    "3: listener[0].keepalive_requests: is a text, not an integer; write a whole number from 1 to 1000000000, without quotes",
                ],
            ),
            (
                "send_timeout = 1.5",
                &[
                    r#"3: listener[0].send_timeout: is a number with a fraction, not a duration; write a duration from `"1ms"` to `"24h"`"#,
                ],
            ),
            (
                "tunnel_timeout = '1d'",
                &[
                    r#"3: listener[0].tunnel_timeout: `1d` is not a duration; write a whole number and one of ms, s, m or h, such as `"30s"`"#,
                ],
            ),
            (
                "max_header_bytes = '4KiB'",
                &[
                    r#"3: listener[0].max_header_bytes: `4KiB` is out of range; write a size from `"8KiB"` to `"1MiB"`"#,
                ],
            ),
            (
                "max_header_bytes = 65536",
                &[r#"3: listener[0].max_header_bytes: `65536` has no unit; write `"65536B"`"#],
            ),
            (
                "max_header_bytes = '64k'",
                &[
                    r#"3: listener[0].max_header_bytes: `64k` is not a size; write a whole number and one of B, KiB, MiB or GiB (or KB, MB, GB for thousands), such as `"64KiB"`"#,
                ],
            ),
            (
                "max_headers = 101",
                &["3: listener[0].max_headers: `101` is out of range; write a whole number from 1 to 100"],
            ),
            (
                "max_headers = 0",
                &["3: listener[0].max_headers: `0` is out of range; write a whole number from 1 to 100"],
            ),
            (
                "max_uri_bytes = '64KiB'",
                &[
                    r#"3: listener[0].max_uri_bytes: `64KiB` is out of range; write a size from `"256B"` to `"63KiB"`"#,
                ],
            ),
            (
                "max_uri_bytes = '255B'",
                &[
                    r#"3: listener[0].max_uri_bytes: `255B` is out of range; write a size from `"256B"` to `"63KiB"`"#,
                ],
            ),
            (
                "max_header_bytes = '8KiB'\nmax_uri_bytes = '9KiB'",
                &[
                    r#"4: listener[0].max_uri_bytes: is more than a whole request head may be: `max_header_bytes` is 8KiB; write at most `"8KiB"`, or raise `max_header_bytes`"#,
                ],
            ),
            (
                "max_connections = 0",
                &[
                    "3: listener[0].max_connections: `0` is out of range; write a whole number from 1 to 1000000",
                ],
            ),
            (
                "max_hops = 0",
                &["3: listener[0].max_hops: `0` is out of range; write a whole number from 1 to 100"],
            ),
            (
                "request_id = true",
                &["3: listener[0].request_id: is a boolean, not a text; put it in quotes: `\"true\"`"],
            ),
            (
                "request_id = 'keep'",
                &[
                    "3: listener[0].request_id: `keep` is none of the choices; write one of `pass`, `replace`, `off`",
                ],
            ),
            (
                "path_normalization = 'merge'",
                &[
                    "3: listener[0].path_normalization: `merge` is none of the choices; write one of `off`, `match`, `rewrite`, `refuse`",
                ],
            ),
            (
                "early_hints = true",
                &[r#"3: listener[0].early_hints: is a boolean, not a text; put it in quotes: `"true"`"#],
            ),
            (
                "early_hints = 'http1'",
                &[
                    "3: listener[0].early_hints: `http1` is none of the choices; write one of `http2`, `all`, `off`",
                ],
            ),
            (
                "max_connections = 1000001",
                &[
                    "3: listener[0].max_connections: `1000001` is out of range; write a whole number from 1 to 1000000",
                ],
            ),
            (
                "connect_timeout = '1s'",
                &[
                    "3: listener[0].connect_timeout: unknown key `connect_timeout`; the keys here are `name`, `address`, `mode`, `trusted_proxies`, `max_header_bytes`, `max_uri_bytes`, `header_timeout`, `body_timeout`, `min_body_rate`, `keepalive_timeout`, `keepalive_requests`, `max_connection_age`, `send_timeout`, `min_send_rate`, `tunnel_timeout`, `tunnel_close_timeout`, `max_headers`, `max_connections`, `max_hops`, `path_normalization`, `request_id`, `redirect`, `max_body`, `early_hints`, `http2`, `http2_max_streams`, `http2_stream_window`, `http2_connection_window`, `http2_max_frame`, `tls`, `proxy_protocol`",
                ],
            ),
            (
                "max_header = 5",
                &["3: listener[0].max_header: unknown key `max_header`; did you mean `max_headers`?"],
            ),
        ],
    );
}

#[test]
fn a_listener_may_be_a_unix_socket() {
    let with = |lines: &str| format!("[[listener]]\n{lines}\n{POOL}");
    let config =
        good(&with("address = 'unix:/run/a.sock'\nmode = '0600'\n[[listener]]\naddress = 'unix:@a'"));
    let shown: Vec<_> =
        config.listeners.iter().map(|listener| (listener.address.to_string(), listener.mode)).collect();
    assert_eq!(shown, [("unix:/run/a.sock".to_owned(), 0o600), ("unix:@a".to_owned(), 0o660)]);
    for (mode, octal) in [("666", 0o666), ("0o770", 0o770), ("0777", 0o777)] {
        assert_eq!(good(&with(&format!("address = 'unix:/a'\nmode = '{mode}'"))).listeners[0].mode, octal);
    }
    const HINT: &str =
        "write three octal digits, such as `\"0660\"` for owner and group, or `\"0666\"` for everybody";
    for mode in ["0", "66", "1660", "0888", "rw-rw----", "06600", "-660"] {
        check(
            &with(&format!("address = 'unix:/a'\nmode = '{mode}'")),
            &[&format!("3: listener[0].mode: `{mode}` is no mode of a file; {HINT}")],
        );
    }
    check(
        &with("address = 'unix:/a'\nmode = '0060'"),
        &[&format!("3: listener[0].mode: `0060` keeps the owner out; {HINT}")],
    );
    check(
        &with("address = '127.0.0.1:0'\nmode = '0660'"),
        &[
            "3: listener[0].mode: is about the file of a Unix socket; remove it, or write `address = \"unix:/run/…\"`",
        ],
    );
    check(
        &with("address = 'unix:@name'\nmode = '0600'"),
        &[
            "3: listener[0].mode: is about a file, and a name behind `@` is none: whoever shares the network namespace may connect; remove it, or choose a path",
        ],
    );
    let everywhere = "admin = { address = 'unix:a.sock' }\n[[listener]]\naddress = 'unix:run/b.sock'\n[pool.a]\nbackends = ['unix:c.sock']";
    let config = Config::parse(everywhere, Path::new("/etc/p/test.toml")).expect("a configuration");
    let addresses = [
        &config.admin.expect("a section").address,
        &config.listeners[0].address,
        &config.pools[0].backends[0].address,
    ];
    assert_eq!(
        addresses.map(ToString::to_string),
        ["unix:/etc/p/a.sock", "unix:/etc/p/run/b.sock", "unix:/etc/p/c.sock"]
    );
    check(
        &format!("admin = {{ address = 'unix:/a' }}\n[[listener]]\naddress = 'unix:/a'\n{POOL}"),
        &["1: admin.address: `unix:/a` is taken by `listener[0].address` on line 3; give each its own path"],
    );
}
