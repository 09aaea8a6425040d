//! `request_headers`, `response_headers` and `host_header` of routes and pools.

use super::*;

const ROUTE: &str =
    "[[route]]\npool = 'a'\n{}\n[[listener]]\naddress = '127.0.0.1:0'\n[pool.a]\nbackends = ['127.0.0.1:9']";

/// The changes of a route with this table in `request_headers`, each as a text.
fn changes(table: &str) -> Vec<String> {
    let config = good(&ROUTE.replacen("{}", &format!("request_headers = {table}"), 1));
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.to_string(),
        Piece::Value(value) => format!("<{value:?}>"),
    };
    let value = |template: &Template| template.0.iter().map(piece).collect::<Vec<_>>().join("");
    let change = |change: &HeaderChange| match &change.action {
        HeaderAction::Remove => format!("-{}", change.name),
        HeaderAction::Set(template) => format!("{}={}", change.name, value(template)),
        HeaderAction::Add(template) => format!("{}+{}", change.name, value(template)),
    };
    config.routes[0].headers.request.iter().map(change).collect()
}

#[test]
fn changes_are_in_the_order_in_which_they_apply() {
    assert_eq!(
        changes("{ add = { a = ['1', '2'], X-B = '3' }, set = { c = ['4', '5'] }, remove = ['A', 'd'] }"),
        ["-a", "-d", "c=4", "c+5", "a+1", "a+2", "x-b+3"]
    );
    assert_eq!(changes("{ remove = 'a' }"), ["-a"]);
}

#[test]
fn a_value_is_text_with_named_values() {
    let value = |text: &str| changes(&format!("{{ set = {{ a = '{text}' }} }}")).concat();
    assert_eq!(value("{client}"), "a=<Client>");
    assert_eq!(value("for={peer};proto={scheme}"), "a=for=<Peer>;proto=<Scheme>");
    assert_eq!(value("{{{host}}} }}{{"), "a={<Host>} }{");
    assert_eq!(value("{uri}{query}"), "a=<Uri><Query>");
}

#[test]
fn what_rules_cannot_change_is_refused() {
    let connection =
        "it concerns a single connection or the framing, which the proxy does itself; remove the rule";
    for name in [
        "Connection",
        "content-length",
        "Expect",
        "http2-settings",
        "Keep-Alive",
        "proxy-connection",
        "TE",
        "trailer",
        "Transfer-Encoding",
        "upgrade",
    ] {
        let lower = name.to_ascii_lowercase();
        for key in ["request_headers", "response_headers"] {
            check(
                &ROUTE.replacen("{}", &format!("{key}.set.{name} = 'x'"), 1),
                &[&format!(
                    "3: route[0].{key}.set.{name}: `{lower}` can't be changed by a rule: {connection}"
                )],
            );
            check(
                &ROUTE.replacen("{}", &format!("{key}.remove = ['a', '{name}']"), 1),
                &[&format!(
                    "3: route[0].{key}.remove[1]: `{lower}` can't be changed by a rule: {connection}"
                )],
            );
        }
    }
    check_all(
        ROUTE,
        &[
            (
                "request_headers.set.Host = 'x'",
                &[
                    "3: route[0].request_headers.set.Host: `host` can't be changed by a rule: requests have exactly one; \
                   write `host_header = \"backend\"` or `host_header = \"api.example.com\"` in the route or the pool",
                ],
            ),
            (
                "request_headers.set.':authority' = 'x'",
                &[
                    "3: route[0].request_headers.set.\":authority\": `:authority` is no name of a header field; \
                   the host that a backend sees is `host_header`",
                ],
            ),
            (
                "request_headers.remove = 'via'",
                &[
                    "3: route[0].request_headers.remove: `via` can't be changed by a rule: it ends requests that go round in a \
                   loop; remove the rule",
                ],
            ),
            (
                "response_headers.add.X-Pointsman-Error = 'x'",
                &[
                    "3: route[0].response_headers.add.X-Pointsman-Error: `x-pointsman-error` can't be changed by a rule: it is \
                   the proxy's own; choose another name",
                ],
            ),
            (
                "response_headers.add.grpc-status = '0'",
                &[
                    "3: route[0].response_headers.add.grpc-status: `grpc-status` can't be changed by a rule: it says how a call \
                   has ended; remove the rule",
                ],
            ),
            (
                "request_headers.set.'a b' = 'x'",
                &[
                    "3: route[0].request_headers.set.\"a b\": `a b` is no name of a header field; write one such as `x-real-ip`: \
                   letters, digits and dashes",
                ],
            ),
            (
                "request_headers.remove = ['']",
                &[
                    "3: route[0].request_headers.remove[0]: is empty; write a text in the quotes, or leave the key out",
                ],
            ),
        ],
    );
    // The proxy adds it to responses for information only.
    good(&ROUTE.replacen("{}", "response_headers = { remove = 'via', set = { host = 'x' } }", 1));
}

#[test]
fn a_value_that_cannot_be_one_is_refused() {
    let faults = [
        ("''", "is empty; name the field in `remove` to get rid of it"),
        (
            "\"a\\r\\nb\"",
            "holds \\r, which no field can hold; write it without control characters and line breaks",
        ),
        (
            "\"a\\u0000\"",
            "holds \\u{0}, which no field can hold; write it without control characters and line breaks",
        ),
        (
            "\"\\u007f\"",
            "holds \\u{7f}, which no field can hold; write it without control characters and line breaks",
        ),
        (
            "' a'",
            "begins or ends with a space, or is longer than 8192 bytes; spaces at the ends of a field don't count: write it \
             without them",
        ),
        ("'{clinet}'", "there is no value `clinet`; did you mean `{client}`?"),
        (
            "'ä{'",
            "has a brace at character 2 without its other one; write `{{` and `}}` for braces, and a value such as `{client}`",
        ),
        (
            "'a}b'",
            "has a brace at character 2 without its other one; write `{{` and `}}` for braces, and a value such as `{client}`",
        ),
        ("7", "is an integer, not a text; put it in quotes: `\"7\"`"),
        ("[]", "is an empty list; write a value, or leave the key out"),
    ];
    for (value, fault) in faults {
        check(
            &ROUTE.replacen("{}", &format!("request_headers.add.b = {value}"), 1),
            &[&format!("3: route[0].request_headers.add.b: {fault}")],
        );
    }
}

#[test]
fn rules_that_say_nothing_or_two_things_are_refused() {
    let table = "write `{ set = { NAME = \"VALUE\" }, add = { NAME = \"VALUE\" }, remove = [\"NAME\"] }`, each of which may be left out";
    check_all(
        ROUTE,
        &[
            ("request_headers = {}", &[&format!("3: route[0].request_headers: changes nothing; {table}")]),
            (
                "request_headers = { set = { X-A = '1', x-a = '2' } }",
                &[
                    "3: route[0].request_headers.set.x-a: is `route[0].request_headers.set.X-A` on line 3 once more: names are \
                   the same in capitals; keep one of them; several values are a list",
                ],
            ),
            (
                "request_headers = { set = { a = '1' }, remove = ['A'] }",
                &[
                    "3: route[0].request_headers.remove[0]: `a` is removed and set; leave it out here: `set` replaces all lines \
                   that are there",
                ],
            ),
            (
                "request_headers.sett.a = '1'",
                &["3: route[0].request_headers.sett: unknown key `sett`; did you mean `set`?"],
            ),
            (
                "host_header = 'a b'",
                &[
                    "3: route[0].host_header: `a b` is no host; write `\"client\"`, `\"backend\"`, or a host such as \
                   `\"api.example.com\"`",
                ],
            ),
            (
                "host_header = 'u@a'",
                &[
                    "3: route[0].host_header: `u@a` is no host; write `\"client\"`, `\"backend\"`, or a host such as \
                   `\"api.example.com\"`",
                ],
            ),
        ],
    );
    let many: Vec<String> = (0..101).map(|number| format!("'x-{number}'")).collect();
    check(
        &ROUTE.replacen("{}", &format!("request_headers.remove = [{}]", many.join(",")), 1),
        &["3: route[0].request_headers: has 101 changes; use at most 100"],
    );
}

#[test]
fn a_pool_has_rules_of_its_own() {
    let config = good(&format!(
        "{LISTENER}{POOL}host_header = 'backend'\nrequest_headers.remove = 'x'\nresponse_headers.set.y = '{{backend}}'"
    ));
    let headers = &config.pools[0].headers;
    assert_eq!(headers.host, Some(HostHeader::Backend));
    assert_eq!((headers.request.len(), headers.response.len()), (1, 1));
}
