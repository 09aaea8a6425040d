//! `listener` of a `[[route]]`.

use super::*;

const LISTENERS: &str = "[[listener]]\nname = 'public'\naddress = '127.0.0.1:80'\n[[listener]]\naddress = '[::1]:81'\n\
                         [[listener]]\nname = 'local'\naddress = 'unix:@x'\n";

/// What the only route of a text matches.
fn pattern(keys: &str) -> String {
    let config = good(&format!("[[route]]\n{keys}\npool = 'a'\n{LISTENERS}{POOL}"));
    config.routes[0].pattern.to_string()
}

#[test]
fn a_route_names_listeners_by_name_or_address() {
    assert_eq!(pattern("listener = 'public'"), "/, listener 127.0.0.1:80");
    assert_eq!(pattern("listener = '127.0.0.1:80'"), "/, listener 127.0.0.1:80");
    assert_eq!(pattern("listener = ['[0:0::1]:81', 'local']"), "/, listener {[::1]:81,unix:@x}");
    assert_eq!(pattern("not = { listener = 'unix:@x' }"), "/, not (listener unix:@x)");
}

#[test]
fn faults_of_a_routes_listener() {
    check_all(
        &format!("[[route]]\npool = 'a'\n{{}}\n{LISTENERS}{POOL}"),
        &[
            (
                "listener = 'pubic'",
                &[
                    "3: route[0].listener: there is no listener `pubic`; did you mean `public`? The listeners are \
                   `public`, `[::1]:81`, `local`",
                ],
            ),
            (
                "not = [{ listener = ['local', '0.0.0.0:9999'] }]",
                &[
                    "3: route[0].not[0].listener[1]: there is no listener `0.0.0.0:9999`; the listeners are `public`, \
                   `[::1]:81`, `local`",
                ],
            ),
            (
                "listener = 80",
                &[r#"3: route[0].listener: is an integer, not a text; put it in quotes: `"80"`"#],
            ),
            (
                "listener = []",
                &["3: route[0].listener: is an empty list; write a value, or leave the key out"],
            ),
        ],
    );
}

#[test]
fn faults_of_a_listeners_name() {
    let two = |first: &str, second: &str| {
        format!(
            "[[listener]]\n{first}\naddress = '127.0.0.1:0'\n[[listener]]\n{second}\naddress = '127.0.0.1:0'\n"
        )
    };
    check(
        &format!("{}{POOL}", two("name = 'x'", "name = 'x'")),
        &[
            "5: listener[1].name: `x` is taken by `listener[0].name` on line 2; give each listener its own name",
        ],
    );
    check(
        &format!("{}{POOL}", two("name = 'a b'", "")),
        &[
            "2: listener[0].name: `a b` is no usable name; use 1 to 128 printable characters without spaces, quotes and \
           backslashes, and not `.` or `..`",
        ],
    );
    check(
        &format!("[[route]]\npool = 'a'\nlistener = 'y'\n{}{POOL}", two("name = 'x'", "name = 'y'")),
        &[
            "3: route[0].listener: `y` is one of several listeners at `127.0.0.1:0`; routes tell listeners apart by \
           their addresses: give each its own",
        ],
    );
}

#[test]
fn a_redirect_at_the_listener_in_clear_leads_away() {
    good(&format!(
        "[[route]]\nlistener = 'public'\nredirect = {{ scheme = 'https' }}\n[[route]]\npool = 'a'\n{LISTENERS}{POOL}"
    ));
    check(
        &format!("[[route]]\nlistener = 'public'\nredirect = {{ path = '/x' }}\n{LISTENERS}{POOL}"),
        &[
            "1: route[0]: the redirect leads back to this route, for ever; lead to another host or path, or narrow what \
           the route matches",
        ],
    );
}
