use http::HeaderValue;
use http::header::COOKIE;
use pointsman_core::backend::TopologyGeneration;

use super::*;
use crate::config::SameSite;

fn config() -> StickyConfig {
    StickyConfig {
        cookie: "stay".into(),
        mode: StickyMode::Soft,
        max_age: None,
        same_site: SameSite::Lax,
        strip: false,
        secret_file: None,
    }
}

fn sticky(config: StickyConfig, secret: &str) -> Sticky {
    Sticky::new(Arc::new(StickySettings::new(config, secret.as_bytes())), "web")
}

fn topology(generation: u64, names: &[&str]) -> Topology {
    let backends = names.iter().map(|name| Arc::new(Backend::new(*name, ([127, 0, 0, 1], 1)))).collect();
    Topology::new(TopologyGeneration(generation), backends)
}

fn sent(lines: &[&'static str]) -> HeaderMap {
    lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect()
}

/// Found with Python: `base64.urlsafe_b64encode(hmac.new(secret, b"\0\0\0\0\0\0\0\3web" + b"a", hashlib.sha256).digest()[:12])`.
#[test]
fn marks_are_the_hmac_of_pool_and_name() {
    let mark = |secret: &str, name: &str| {
        let sticky = sticky(config(), secret);
        sticky.mark(&Backend::new(name, ([127, 0, 0, 1], 1))).as_str().to_owned()
    };
    assert_eq!(mark("0123456789abcdef\n", "a"), "icBGb2_3hidiWwmS");
    assert_eq!(mark("", "a"), "qrZsgxHP4HlsCVdD");
    assert_ne!(mark("", "a"), mark("", "b"));
}

#[test]
fn a_backend_is_found_wherever_it_is_and_not_when_it_is_gone() {
    let sticky = sticky(config(), "secret");
    let first = topology(1, &["a", "b", "c"]);
    let marks: Vec<Mark> = first.backends().iter().map(|backend| sticky.mark(backend)).collect();
    let places = |topology: &Topology| -> Vec<Option<u32>> {
        marks.iter().map(|mark| sticky.place(*mark, topology).map(|index| index.0)).collect()
    };
    assert_eq!(places(&first), [Some(0), Some(1), Some(2)]);
    assert_eq!(places(&topology(2, &["c", "a"])), [Some(1), None, Some(0)]);
    assert_eq!(places(&topology(3, &["b", "d", "a"])), [Some(2), Some(0), None]);
}

#[test]
fn a_session_is_read_from_what_can_be_one_of_ours() {
    let none = Presented { mark: None, is_due: false };
    let sticky = sticky(config(), "");
    for lines in [
        &[][..],
        &["other=AAAAAAAAAAAAAAAA"],
        &["stay="],
        &["stay=short"],
        &["stay=AAAAAAAAAAAAAAA!"],
        &["stay=AAAAAAAAAAAAAAAAA"],
        &["stay=AAAAAAAAAAAAAAAA."],
        &["stay=AAAAAAAAAAAAAAAA.-1"],
        &["stay=AAAAAAAAAAAAAAAA.99999999999999999999999"],
        &["stay=AAAAAAAAAAAAAAAA.1.2"],
        &["stay=\"AAAAAAAAAAAAAAAA\""],
    ] {
        assert_eq!(sticky.presented(&sent(lines)), none, "{lines:?}");
    }
    let found = Presented { mark: Mark::parse(b"AAAA-AAA_AAAAAAA"), is_due: false };
    for lines in [
        &["stay=AAAA-AAA_AAAAAAA"][..],
        &["a=1; stay=AAAA-AAA_AAAAAAA; b=2"],
        &["stay=old", "stay=AAAA-AAA_AAAAAAA"],
        &["stay=AAAA-AAA_AAAAAAA.1700000000"],
    ] {
        assert_eq!(sticky.presented(&sent(lines)), found, "{lines:?}");
    }
}

#[test]
fn a_session_with_an_age_is_renewed_in_its_second_half_and_ends() {
    let sticky = sticky(StickyConfig { max_age: Some(Duration::from_secs(1000)), ..config() }, "");
    let mark = Mark::parse(b"AAAAAAAAAAAAAAAA");
    let at = |age: i64| {
        let issued = i64::try_from(now().as_secs()).unwrap() - age;
        let line = HeaderValue::from_str(&format!("stay=AAAAAAAAAAAAAAAA.{issued}")).unwrap();
        sticky.presented(&HeaderMap::from_iter([(COOKIE, line)]))
    };
    for (age, expected) in [
        (0, Presented { mark, is_due: false }),
        (400, Presented { mark, is_due: false }),
        (600, Presented { mark, is_due: true }),
        (900, Presented { mark, is_due: true }),
        (1100, Presented { mark: None, is_due: true }),
        // The clock of the proxy that gave it was ahead.
        (-50, Presented { mark, is_due: false }),
    ] {
        assert_eq!(at(age), expected, "{age} s old");
    }
    // Given before there was an age.
    let old = sticky.presented(&sent(&["stay=AAAAAAAAAAAAAAAA"]));
    assert_eq!(old, Presented { mark, is_due: true });
}

#[test]
fn the_field_says_what_browsers_are_to_do() {
    let mark = Mark::parse(b"AAAAAAAAAAAAAAAA").unwrap();
    let set = |config: StickyConfig, issued: Option<u64>, over_tls: bool| {
        cookie::set(&config, Value { mark, issued: issued.map(Duration::from_secs) }, over_tls)
    };
    assert_eq!(set(config(), None, false), "stay=AAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax");
    let long = StickyConfig { max_age: Some(Duration::from_hours(1)), same_site: SameSite::None, ..config() };
    assert_eq!(
        set(long, Some(1_700_000_000), true),
        "stay=AAAAAAAAAAAAAAAA.1700000000; Path=/; HttpOnly; SameSite=None; Max-Age=3600; Secure"
    );
}

#[test]
fn only_the_cookie_of_the_session_is_taken_out() {
    for (lines, left) in [
        (&["a=1; stay=x; b=2"][..], &["a=1; b=2"][..]),
        (&["stay=x"], &[]),
        (&["stay=x; stay=y", "a=1"], &["a=1"]),
        (&["stayed=x;a=1", "b=2;stay=;c"], &["stayed=x;a=1", "b=2; c"]),
        (&["a=stay=x;  b"], &["a=stay=x;  b"]),
        (&[], &[]),
    ] {
        let mut headers = sent(lines);
        strip(&mut headers, "stay");
        let found: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let left: Vec<&[u8]> = left.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(found, left, "{lines:?}");
    }
}
