//! `rewrite` of a route.

use pointsman_core::route::TargetChange;

use super::*;

#[track_caller]
fn rewrite(text: &str) -> TargetChange {
    let config = good(&format!("[[route]]\npool = 'a'\n{text}\n{LISTENER}{POOL}"));
    let change = config.routes[0].rewrite.as_deref();
    change.unwrap_or_else(|| panic!("{text}: nothing is rewritten")).clone()
}

#[test]
fn a_text_is_short_for_a_table() {
    for (text, table) in [
        ("'/new'", "{ path = '/new' }"),
        ("'/new/$1'", "{ path = '/new/$1' }"),
        ("'$1'", "{ path = '$1', query = 'keep' }"),
        ("'/new?'", "{ path = '/new', query = 'drop' }"),
        ("'/new?id=$1'", "{ path = '/new', query = 'id=$1' }"),
    ] {
        let route = |rewrite: &str| format!("regex = '^/a(/.*)$'\nrewrite = {rewrite}");
        assert_eq!(rewrite(&route(text)), rewrite(&route(table)), "{text}");
    }
    // The prefix of the route is taken off by either.
    let route = |change: &str| format!("prefix = '/api'\nrewrite = {{ {change} }}");
    assert_eq!(rewrite(&route("strip_prefix = '/api/'")), rewrite(&route("replace_prefix = '/'")));
}

#[test]
fn only_pools_are_asked_for_something_else() {
    let split = "split = { pools = { a = 1 } }\nrewrite = '/x'";
    assert!(good(&format!("[[route]]\n{split}\n{LISTENER}{POOL}")).routes[0].rewrite.is_some());
    for target in ["respond = 404", "redirect = '/y'\nexact = '/z'"] {
        check(
            &format!("[[route]]\nrewrite = '/x'\n{target}\n{LISTENER}{POOL}"),
            &[
                "2: route[0].rewrite: changes what backends are asked for, and none gets these requests; leave it out",
            ],
        );
    }
}

#[test]
fn faults_of_a_rewrite() {
    const HINT: &str = "write a path such as `rewrite = \"/new/$1\"`, or a table with what is different, such as \
                        `rewrite = { strip_prefix = \"/api\" }`";
    check_all(
        &format!("[[route]]\npool = 'a'\n{{}}\n{LISTENER}{POOL}"),
        &[
            ("rewrite = {}", &[&format!("3: route[0].rewrite: changes nothing; {HINT}")]),
            ("rewrite = 1", &[&format!("3: route[0].rewrite: is an integer, not a table; {HINT}")]),
            ("rewrite = 'x'", &["3: route[0].rewrite: `x` doesn't start with a slash; write `\"/x\"`"]),
            (
                "rewrite = '/a/../b'",
                &["3: route[0].rewrite: `/a/../b` has dot segments; write the path that they lead to"],
            ),
            (
                "rewrite = '/$1'",
                &[
                    "3: route[0].rewrite: `/$1`: at character 2: there is no regular expression with a capture `1`; `$1` and `${name}` are captures of the route's `regex`, `$$` is a dollar sign",
                ],
            ),
            (
                "regex = '^/a'\nrewrite = '/$1'",
                &[
                    "4: route[0].rewrite: `/$1`: at character 2: `^/a` has no capture `1`; `$1` and `${name}` are captures of the route's `regex`, `$$` is a dollar sign",
                ],
            ),
            (
                "rewrite = { replace_prefix = '/new' }",
                &[
                    "3: route[0].rewrite.replace_prefix: the route has no `prefix`; write `prefix = \"/…\"` in the route",
                ],
            ),
            (
                "prefix = '/a'\nrewrite = { strip_prefix = '/a', path = '/x' }",
                &["4: route[0].rewrite.path: stands beside `strip_prefix`; write one of them"],
            ),
            (
                "rewrite = { strip_prefix = '/' }",
                &[
                    "3: route[0].rewrite.strip_prefix: every path begins with a slash, which stays; write the prefix that is to go, such as `\"/api\"`",
                ],
            ),
            (
                "prefix = ['/a', '/apis']\nrewrite = { strip_prefix = '/api' }",
                &[
                    "4: route[0].rewrite.strip_prefix: no path of the route begins with `/api`; write the route's `prefix`, or the beginning of it",
                ],
            ),
            (
                "prefix = '/a'\nrewrite = { prefix = '/b' }",
                &[
                    "4: route[0].rewrite.prefix: unknown key `prefix`; the keys here are `strip_prefix`, `path`, `replace_prefix`, `query`",
                    &format!("4: route[0].rewrite: changes nothing; {HINT}"),
                ],
            ),
            (
                "rewrite = \"/a\\r\\nHost: x\"",
                &[
                    "3: route[0].rewrite: `/a\\r\\nHost: x` is not how a path goes over the wire; write what isn't plain ASCII percent-encoded, such as `%20` for a space",
                ],
            ),
        ],
    );
}
