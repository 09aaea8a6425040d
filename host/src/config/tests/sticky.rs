//! `[pool.NAME.sticky]`.

use std::time::Duration;

use super::*;

fn with(sticky: &str) -> String {
    format!("{LISTENER}[pool.\"a/b\"]\nbackends = ['127.0.0.1:9']\n[pool.\"a/b\".sticky]\n{sticky}")
}

#[test]
fn it_has_the_documented_defaults() {
    let of = |text: &str| good(text).pools.remove(0).sticky;
    assert_eq!(of(&format!("{LISTENER}{POOL}")), None, "off");
    let default = StickyConfig {
        cookie: "pointsman-a%2Fb".into(),
        mode: StickyMode::Soft,
        max_age: None,
        same_site: SameSite::Lax,
        strip: false,
        secret_file: None,
    };
    assert_eq!(of(&with("")), Some(default));
    let all = of(&with(
        "cookie = 'SRV'\nmode = 'strict'\nmax_age = '1h'\nsame_site = 'none'\nstrip = true\nsecret_file = 'k'",
    ));
    let all = all.expect("sessions");
    assert_eq!(
        (&*all.cookie, all.mode, all.max_age),
        ("SRV", StickyMode::Strict, Some(Duration::from_hours(1)))
    );
    assert_eq!((all.same_site, all.strip), (SameSite::None, true));
    let (path, line) = all.secret_file.expect("a file");
    assert!(path.ends_with("k") && line == 11, "{path:?} {line}");
}

#[test]
fn faults_of_sessions() {
    check_all(
        &with("{}"),
        &[
            (
                "cookie = 'a b'",
                &["6: pool.\"a/b\".sticky.cookie: `a b` is no name of a cookie; write one such as `session`"],
            ),
            (
                "cookie = ''",
                &[
                    "6: pool.\"a/b\".sticky.cookie: is empty; write a text in the quotes, or leave the key out",
                ],
            ),
            (
                "mode = 'hard'",
                &[
                    "6: pool.\"a/b\".sticky.mode: `hard` is none of the choices; write one of `soft`, `strict`",
                ],
            ),
        ],
    );
}

/// What is said of two pools with sessions, and routes.
fn warnings(routes: &str, cookies: [&str; 2]) -> Vec<String> {
    let pool = |name: &str, cookie: &str| {
        format!("[pool.{name}]\nbackends = ['127.0.0.1:9']\nsticky = {{ cookie = '{cookie}' }}\n")
    };
    let text = format!("{routes}\n{LISTENER}{}{}", pool("a", cookies[0]), pool("b", cookies[1]));
    good(&text).warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn two_cookies_of_one_name_at_one_host_are_warned_of() {
    let two = |first: &str, second: &str| {
        format!("[[route]]\nprefix = '/a'\n{first}\npool = 'a'\n[[route]]\n{second}\npool = 'b'")
    };
    let clash = |line: u32, place: u32, one: &str, other: &str| {
        format!(
            "f.toml:{line}: route[{place}]: clients get a cookie `SRV` for {one}, and one of the same name for {other}, and keep only one of \
             them; give one of them another name, by `cookie`"
        )
    };
    let [a, b] = ["the sessions of pool `a`", "the sessions of pool `b`"];
    for (first, second) in [("", ""), ("host = 'x.com'", ""), ("host = 'x.com'", "host = ['y.com', 'x.com']")]
    {
        assert_eq!(warnings(&two(first, second), ["SRV", "SRV"]), [clash(5, 1, b, a)], "{first} {second}");
    }
    assert_eq!(warnings(&two("host = 'x.com'", "host = 'y.com'"), ["SRV", "SRV"]), [""; 0], "other sites");
    assert_eq!(warnings(&two("", ""), ["SRV", "SRV2"]), [""; 0]);
    assert_eq!(
        warnings("[[route]]\nprefix = '/a'\npool = 'a'\n[[route]]\npool = 'a'", ["SRV", "SRV"]),
        [""; 0],
        "one pool"
    );
    let split =
        |cookie: &str| format!("[[route]]\nsplit = {{ pools = {{ a = 1, b = 1 }}, cookie = '{cookie}' }}");
    assert_eq!(warnings(&split("A"), ["SRV", "SRV"]), [clash(1, 0, b, a)]);
    assert_eq!(warnings(&split("SRV"), ["SRV", "B"]), [clash(1, 0, "the split of route[0]", a)]);
    assert_eq!(warnings(&split("A"), ["B", "C"]), [""; 0]);
    let both = format!(
        "[[route]]\nprefix = '/a'\nsplit = {{ pools = {{ b = 9, a = 1 }}, cookie = 'A' }}\n{}",
        split("A")
    );
    assert_eq!(warnings(&both, ["B", "C"]), [""; 0], "the same pools");
    let one = "[[route]]\nprefix = '/a'\nsplit = { pools = { a = 1 }, cookie = 'SRV' }";
    let both = format!("{one}\n{}", split("SRV"));
    assert_eq!(warnings(&both, ["B", "C"]), [clash(4, 1, "the split of route[1]", "the split of route[0]")]);
}
