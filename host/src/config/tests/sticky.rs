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
