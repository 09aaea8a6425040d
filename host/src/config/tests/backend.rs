//! Backends of a pool.

use super::*;

#[test]
fn a_host_is_looked_up_and_its_ipv4_address_preferred() {
    let config = good(&format!("{LISTENER}[pool.a]\nbackends = ['localhost:9']"));
    let backend = &config.pools[0].backends[0];
    assert_eq!((backend.name.as_str(), backend.address.to_string().as_str()), ("localhost:9", "127.0.0.1:9"));
}

/// The rest of the message is the system's.
#[test]
fn a_host_that_does_not_exist_is_a_fault_of_its_line() {
    let errors =
        parse(&format!("{LISTENER}[pool.a]\nbackends = ['no-such-host.invalid:9']")).unwrap_err().to_string();
    let expected = "f.toml:4: pool.a.backends[0]: host `no-such-host.invalid` ";
    assert!(errors.starts_with(expected), "{errors}");
}

#[test]
fn a_pool_has_its_limit_of_backends() {
    let pool = |count: usize| {
        let backends: Vec<_> = (1..=count).map(|port| format!("'127.0.0.1:{port}'")).collect();
        format!("{LISTENER}[pool.a]\nbackends = [{}]", backends.join(","))
    };
    assert_eq!(good(&pool(10_000)).pools[0].backends.len(), 10_000);
    check(&pool(10_001), &["4: pool.a.backends: has 10001 backends; use at most 10000 in a pool"]);
}

#[test]
fn a_name_is_printable_and_short() {
    let backend = |name: &str| {
        let name = name.replace('\\', r"\\").replace('"', r#"\""#);
        format!("{LISTENER}[pool.a]\nbackends = [{{ address = '127.0.0.1:9', name = \"{name}\" }}]")
    };
    for name in ["a", "b-1_x.y:z/ü@", "...", "a/b<c>%é#?", &"x".repeat(128)] {
        assert_eq!(good(&backend(name)).pools[0].backends[0].name, name);
    }
    for name in ["a b", "a\tb", "a\"b", "a'b", "a`b", "a\\b", "\u{202e}b", ".", "..", &"x".repeat(129)] {
        let errors = parse(&backend(name)).unwrap_err();
        assert!(errors.to_string().contains("is no usable name"), "{errors}");
    }
}

#[test]
fn faults_of_a_backend() {
    check_all(
        &format!("{LISTENER}[pool.a]\nbackends = [\n{{}}\n]"),
        &[
            (
                "1",
                &[
                    r#"5: pool.a.backends[0]: is an integer, not a table; write `"10.0.0.1:8080"` or `{ address = "10.0.0.1:8080", … }`"#,
                ],
            ),
            ("'127.0.0.1'", &[r#"5: pool.a.backends[0]: `127.0.0.1` has no port; write `"127.0.0.1:8080"`"#]),
            ("'::1'", &[r#"5: pool.a.backends[0]: `::1` has no port; write `"[::1]:8080"`"#]),
            (
                "'127.0.0.1:0'",
                &[
                    "5: pool.a.backends[0]: port 0 cannot be connected to; write the port that the backend listens on",
                ],
            ),
            (
                "'localhost:0'",
                &[
                    "5: pool.a.backends[0]: port 0 cannot be connected to; write the port that the backend listens on",
                ],
            ),
            (
                "'http://127.0.0.1:9'",
                &[
                    r#"5: pool.a.backends[0]: `http://127.0.0.1:9` is a URL; write only host and port, such as `"10.0.0.1:8080"`"#,
                ],
            ),
            (
                "'example'",
                &[
                    r#"5: pool.a.backends[0]: `example` has no port; write one behind it, such as `"example:8080"`"#,
                ],
            ),
            (
                "'a b:9'",
                &[
                    r#"5: pool.a.backends[0]: `a b` is no host name; write an address such as `"10.0.0.1:8080"` or `"localhost:8080"`"#,
                ],
            ),
            (
                "'10.1:9'",
                &[
                    r#"5: pool.a.backends[0]: `10.1` is no IP address; write an address such as `"10.0.0.1:8080"` or `"localhost:8080"`"#,
                ],
            ),
            (
                "'127.0.0.1:port'",
                &[
                    "5: pool.a.backends[0]: `port` is no port; write a number from 1 to 65535 behind the colon",
                ],
            ),
            (
                "'127.0.0.1:99999'",
                &[
                    "5: pool.a.backends[0]: `99999` is no port; write a number from 1 to 65535 behind the colon",
                ],
            ),
            ("{}", &[r#"5: pool.a.backends[0].address: is missing; write `address = "10.0.0.1:8080"`"#]),
            (
                "{ adress = '127.0.0.1:9' }",
                &[
                    r#"5: pool.a.backends[0].address: is missing; write `address = "10.0.0.1:8080"`"#,
                    "5: pool.a.backends[0].adress: unknown key `adress`; did you mean `address`?",
                ],
            ),
            (
                "{ address = 9 }",
                &[
                    r#"5: pool.a.backends[0].address: is an integer, not an address; write it with an IP address: `"10.0.0.1:9"`"#,
                ],
            ),
            (
                "'127.0.0.1:9',\n'127.0.0.1:9'",
                &[
                    "6: pool.a.backends[1]: `127.0.0.1:9` is taken by `pool.a.backends[0]` on line 5; remove one, or correct its address",
                ],
            ),
            (
                "{ name = 'x', address = '127.0.0.1:9' },\n{ name = 'x', address = '127.0.0.1:10' }",
                &[
                    "6: pool.a.backends[1]: `x` is taken by `pool.a.backends[0]` on line 5; give each backend of a pool its own name",
                ],
            ),
            (
                "{ name = 'a b', address = '127.0.0.1:9' }",
                &[
                    "5: pool.a.backends[0].name: `a b` is no usable name; use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`",
                ],
            ),
            (
                "{ name = '', address = '127.0.0.1:9' }",
                &["5: pool.a.backends[0].name: is empty; write a text in the quotes, or leave the key out"],
            ),
            (
                "{ name = 7, address = '127.0.0.1:9' }",
                &[r#"5: pool.a.backends[0].name: is an integer, not a text; put it in quotes: `"7"`"#],
            ),
            (
                "{ address = '127.0.0.1:9', weight = 0 }",
                &[
                    "5: pool.a.backends[0].weight: `0` is no share of the requests; write `draining = true` for a backend that gets none",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', weight = 1001 }",
                &[
                    "5: pool.a.backends[0].weight: `1001` is out of range; write a whole number from 1 to 1000",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', weight = '5' }",
                &[
                    "5: pool.a.backends[0].weight: is a text, not an integer; write a whole number from 1 to 1000, without quotes",
                ],
            ),
            (
                r#"{ address = '127.0.0.1:9', zone = "a'b" }"#,
                &[
                    "5: pool.a.backends[0].zone: `a'b` is no usable name; use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', labels = { gpu = 1, ok = 'x', on = true, f = 1.5, d = 2020-01-01, l = [] } }",
                &[
                    r#"5: pool.a.backends[0].labels.gpu: is an integer, not a text; put it in quotes: `"1"`"#,
                    r#"5: pool.a.backends[0].labels.on: is a boolean, not a text; put it in quotes: `"true"`"#,
                    r#"5: pool.a.backends[0].labels.f: is a number with a fraction, not a text; put it in quotes: `"1.5"`"#,
                    r#"5: pool.a.backends[0].labels.d: is a date, not a text; put it in quotes: `"2020-01-01"`"#,
                    "5: pool.a.backends[0].labels.l: is an array, not a text; write one text in quotes",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', labels = ['a'] }",
                &[
                    r#"5: pool.a.backends[0].labels: is an array, not a table; write `labels = { key = "value" }`"#,
                ],
            ),
            (
                "{ address = '127.0.0.1:9', labels = { 'a b' = 'x' } }",
                &[
                    r#"5: pool.a.backends[0].labels."a b": `a b` is no usable name; use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`"#,
                ],
            ),
            (
                "{ address = '127.0.0.1:9', backup = 1 }",
                &[
                    "5: pool.a.backends[0].backup: is an integer, not a boolean; write `true` or `false`, without quotes",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', draining = true }",
                &[
                    "4: pool.a.backends: no backend can serve: all are draining; remove `draining = true` from one of them",
                ],
            ),
            (
                "{ address = '127.0.0.1:9', backp = true }",
                &["5: pool.a.backends[0].backp: unknown key `backp`; did you mean `backup`?"],
            ),
        ],
    );
}

#[test]
fn a_backend_may_be_a_unix_socket() {
    let config = good(&format!(
        "{LISTENER}[pool.a]\nbackends = ['unix:/run/a.sock', {{ address = 'unix:@app', name = 'b', check_address = '127.0.0.1:9' }}]\nhealth_check = {{ type = 'tcp' }}"
    ));
    let shown: Vec<_> = config.pools[0]
        .backends
        .iter()
        .map(|backend| format!("{} {}", backend.name, backend.address))
        .collect();
    assert_eq!(shown, ["unix:/run/a.sock unix:/run/a.sock", "b unix:@app"]);
    let named = format!("unix:/{}", "x".repeat(106));
    good(&format!("{LISTENER}[pool.a]\nbackends = [{{ address = '{named}', name = 'a' }}]"));
    good(&format!("{LISTENER}[pool.a]\nbackends = ['unix:/a']\ntls = {{ server_name = 'a.test' }}"));
}

#[test]
fn faults_of_a_unix_socket() {
    let long = format!("'unix:/{}'", "x".repeat(107));
    let too_long = format!(
        "5: pool.a.backends[0]: `unix:{}` is too long for a socket; choose a path of at most 107 bytes",
        read::excerpt(&format!("/{}", "x".repeat(107)))
    );
    let no_path = "is no path of a socket; write one such as `\"unix:/run/pointsman/app.sock\"`";
    check_all(
        &format!("{LISTENER}[pool.a]\nbackends = [\n{{}}\n]"),
        &[
            ("'unix:'", &[&format!("5: pool.a.backends[0]: `unix:` {no_path}")]),
            ("'unix:@'", &[&format!("5: pool.a.backends[0]: `unix:@` {no_path}")]),
            (
                "\"unix:/a\\u0000b\"",
                &[
                    "5: pool.a.backends[0]: `unix:/a\\u{0}b` has control characters in it; write one such as `\"unix:/run/pointsman/app.sock\"`",
                ],
            ),
            (&long, &[&too_long]),
            (
                "'unix:/a', 'unix:/a'",
                &[
                    "5: pool.a.backends[1]: `unix:/a` is taken by `pool.a.backends[0]` on line 5; remove one, or correct its address",
                ],
            ),
        ],
    );
    check(
        &format!("{LISTENER}[pool.a]\nbackends = ['unix:/a']\ntls = {{}}"),
        &[
            "4: pool.a.backends: `unix:/a` is a Unix socket, which no certificate can be for; add `server_name` to `[pool.NAME.tls]`: the name that its certificate is for",
        ],
    );
}
