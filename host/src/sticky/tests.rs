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

/// What is presented by a client that sends these lines, of a pool with the backends a and b. In them A and B are the backends' marks.
fn presented(sticky: &Sticky, lines: &[&str]) -> Presented {
    let topology = topology(1, &["a", "b"]);
    let [a, b] = [0, 1].map(|place: usize| sticky.mark(&topology.backends()[place]));
    let lines = lines.iter().map(|line| {
        let line = line.replace('A', a.as_str()).replace('B', b.as_str());
        (COOKIE, HeaderValue::from_str(&line).unwrap())
    });
    sticky.presented(&lines.collect(), &topology)
}

#[test]
fn a_session_is_read_from_what_is_one_of_ours() {
    let sticky = sticky(config(), "");
    let mark_of = |name: &str| Some(sticky.mark(&Backend::new(name, ([127, 0, 0, 1], 1))));
    for lines in [
        &[][..],
        &["other=A"],
        &["stay="],
        &["stay=short"],
        &["stay=A!"],
        &["stay=Ax"],
        &["stay=A."],
        &["stay=A.-1"],
        &["stay=A.99999999999999999999999"],
        &["stay=A.1.2"],
        &["stay=\"A\""],
        // It may be of another secret, or its backend has left.
        &["stay=zzzzzzzzzzzzzzzz"],
    ] {
        assert_eq!(presented(&sticky, lines), Presented { mark: None, is_due: false }, "{lines:?}");
    }
    for lines in [
        &["stay=B"][..],
        &["a=1; stay=B; b=2"],
        &["stay=old", "stay=B"],
        &["stay=zzzzzzzzzzzzzzzz; stay=B; stay=A"],
        &["stay=B.1700000000"],
    ] {
        let expected = Presented { mark: mark_of("b"), is_due: false };
        assert_eq!(presented(&sticky, lines), expected, "{lines:?}");
    }
}

#[test]
fn a_session_with_an_age_is_renewed_in_its_second_half_and_ends() {
    let sticky = sticky(StickyConfig { max_age: Some(Duration::from_secs(1000)), ..config() }, "");
    let mark = Some(sticky.mark(&Backend::new("a", ([127, 0, 0, 1], 1))));
    let at = |age: i64| {
        let issued = i64::try_from(now().as_secs()).unwrap() - age;
        presented(&sticky, &[&format!("stay=A.{issued}")])
    };
    for (age, expected) in [
        (0, Presented { mark, is_due: false }),
        (400, Presented { mark, is_due: false }),
        (600, Presented { mark, is_due: true }),
        (900, Presented { mark, is_due: true }),
        (1100, Presented { mark: None, is_due: true }),
        // The clock of the proxy that gave it was ahead, or the client has made up a time.
        (-50, Presented { mark, is_due: true }),
        (-1100, Presented { mark: None, is_due: true }),
    ] {
        assert_eq!(at(age), expected, "{age} s old");
    }
    // Given before there was an age.
    assert_eq!(presented(&sticky, &["stay=A"]), Presented { mark, is_due: true });
}

#[test]
fn the_field_says_what_browsers_are_to_do() {
    let mark = Mark::parse(b"AAAAAAAAAAAAAAAA").unwrap();
    let set = |config: StickyConfig, issued: Option<u64>, over_tls: bool| {
        let value = Value { mark, issued: issued.map(Duration::from_secs) }.to_string();
        set_cookie(&config.cookie, &value, config.same_site, config.max_age, over_tls)
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
