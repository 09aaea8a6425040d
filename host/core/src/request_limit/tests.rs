//! Limits on a clock that is set by hand.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::HeaderName;
use http::{Request, StatusCode};

use super::*;

fn settings(rate: Option<(u32, u64, u32)>, concurrency: Option<u32>, parts: Vec<KeyPart>) -> LimitSettings {
    let some = |number| NonZeroU32::new(number).expect("a number");
    LimitSettings {
        key: LimitKey { parts, client: ClientPrefix::default(), missing: MissingKey::Share },
        rate: rate.map(|(requests, seconds, burst)| Rate {
            requests: some(requests),
            per: Duration::from_secs(seconds),
            burst: some(burst),
        }),
        concurrency: concurrency.map(some),
        max_keys: 10_000,
        status: StatusCode::TOO_MANY_REQUESTS,
        dry_run: false,
    }
}

fn from(client: &str) -> RequestHead {
    RequestHead::new(Request::new(()).into_parts().0, client.parse().expect("an address"))
}

fn with(fields: &[(&'static str, &str)], target: &str) -> RequestHead {
    let mut request = Request::builder().uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    RequestHead::new(
        request.body(()).expect("a request").into_parts().0,
        "192.0.2.1".parse().expect("an address"),
    )
}

fn admit(limit: &RequestLimit, head: &RequestHead, ms: u64) -> Admission {
    limit.admit(head, PathNormalization::default(), Moment(ms * 1_000))
}

/// How many of `count` requests pass at this moment.
fn passed(limit: &RequestLimit, head: &RequestHead, count: usize, ms: u64) -> usize {
    (0..count).filter(|_| !matches!(admit(limit, head, ms), Admission::Refused(_))).count()
}

fn wait(limit: &RequestLimit, head: &RequestHead, ms: u64) -> Duration {
    match admit(limit, head, ms) {
        Admission::Refused(Exceeded::Rate(wait)) => wait,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_burst_passes_and_then_the_rate() {
    let limit = RequestLimit::new("a", settings(Some((10, 1, 5)), None, vec![KeyPart::Client]));
    let client = from("192.0.2.1");
    assert_eq!(passed(&limit, &client, 20, 1_000), 5);
    assert_eq!(wait(&limit, &client, 1_000), Duration::from_millis(100));
    assert_eq!(wait(&limit, &client, 1_060), Duration::from_millis(40), "a refusal costs nothing");
    assert_eq!(passed(&limit, &client, 3, 1_100), 1);
    assert_eq!(passed(&limit, &client, 20, 1_400), 3);
    assert_eq!(passed(&limit, &client, 20, 60_000), 5, "a pause gives a burst and no more");
    assert_eq!(passed(&limit, &from("192.0.2.2"), 20, 60_000), 5, "others have their own");
    assert_eq!(limit.counts.limited(), ByReason { rate: 15 + 1 + 1 + 2 + 17 + 15 + 15, concurrency: 0 });
}

#[test]
fn rates_far_from_one_a_millisecond_hold() {
    // 300,000 a second: 3.33 µs between two of them.
    let limit = RequestLimit::new("a", settings(Some((300_000, 1, 1)), None, Vec::new()));
    let client = from("192.0.2.1");
    let passed = (0..100_000).filter(|us| {
        let admitted = limit.admit(&client, PathNormalization::default(), Moment(1_000 + us));
        !matches!(admitted, Admission::Refused(_))
    });
    // The clock counts whole microseconds, so that every fourth of them passes one.
    assert_eq!(passed.count(), 25_000);
    let limit = RequestLimit::new("a", settings(Some((1, 86_400, 1)), None, Vec::new()));
    assert_eq!(self::passed(&limit, &client, 2, 0), 1);
    assert_eq!(wait(&limit, &client, 1_000), Duration::from_secs(86_399));
}

#[test]
fn what_runs_is_limited_until_it_has_ended() {
    let limit = RequestLimit::new("a", settings(None, Some(2), vec![KeyPart::Client]));
    let client = from("192.0.2.1");
    let first = admit(&limit, &client, 0);
    let second = admit(&limit, &client, 0);
    assert!(matches!((&first, &second), (Admission::Held(a), Admission::Held(b)) if a.lasts() && b.lasts()));
    assert!(matches!(admit(&limit, &client, 9_000), Admission::Refused(Exceeded::Concurrency)));
    drop(second);
    assert!(matches!(admit(&limit, &client, 9_000), Admission::Held(_)), "and this one has ended by now");
    drop(first);
    assert_eq!(limit.counts.limited(), ByReason { rate: 0, concurrency: 1 });
}

#[test]
fn what_is_given_back_was_never_taken() {
    let limit = RequestLimit::new("a", settings(Some((1, 60, 2)), Some(1), Vec::new()));
    let client = from("192.0.2.1");
    for _ in 0..10 {
        match admit(&limit, &client, 0) {
            Admission::Held(hold) => limit.give_back(hold),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(passed(&limit, &client, 9, 0), 2);
}

#[test]
fn a_dry_run_counts_and_serves() {
    let settings = LimitSettings { dry_run: true, ..settings(Some((1, 1, 1)), Some(1), Vec::new()) };
    let limit = RequestLimit::new("a", settings);
    let client = from("192.0.2.1");
    let held = admit(&limit, &client, 0);
    assert!(matches!(admit(&limit, &client, 5_000), Admission::Free));
    drop(held);
    assert_eq!(passed(&limit, &client, 9, 5_000), 9);
    assert_eq!(limit.counts.would_be_limited(), ByReason { rate: 8, concurrency: 1 });
    assert_eq!(limit.counts.limited(), ByReason::default());
}

#[test]
fn clients_are_told_apart_by_their_network() {
    let limit = RequestLimit::new("a", settings(Some((1, 60, 1)), None, vec![KeyPart::Client]));
    for (client, passes) in [
        ("2001:db8:0:1::1", 1),
        // Rotating within what one customer has gets nowhere.
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", 0),
        ("2001:db8:0:2::1", 1),
        ("192.0.2.1", 1),
        ("192.0.2.2", 1),
        ("::ffff:192.0.2.1", 0),
    ] {
        assert_eq!(passed(&limit, &from(client), 1, 0), passes, "{client}");
    }
    let mut all = settings(Some((1, 60, 1)), None, vec![KeyPart::Client]);
    all.key.client = ClientPrefix { ipv4: 24, ipv6: 0 };
    let limit = RequestLimit::new("a", all);
    for (client, passes) in
        [("192.0.2.1", 1), ("192.0.2.255", 0), ("192.0.3.1", 1), ("::1", 1), ("fe80::1", 0)]
    {
        assert_eq!(passed(&limit, &from(client), 1, 0), passes, "{client}");
    }
}

#[test]
fn keys_are_of_what_they_say() {
    let header = KeyPart::Header(HeaderName::from_static("x-api-key"));
    let query = KeyPart::Query("k".into());
    let cookie = KeyPart::Cookie("sid".into());
    // Requests of one case, and for each whether it has the key of the first.
    type Case = (Vec<KeyPart>, Vec<(RequestHead, bool)>);
    let cases: Vec<Case> = vec![
        (
            vec![header.clone()],
            vec![
                (with(&[("x-api-key", "a")], "/"), true),
                (with(&[("x-api-key", "a")], "/other"), true),
                (with(&[("x-api-key", "b")], "/"), false),
                (with(&[], "/"), false),
                (with(&[("x-api-key", "")], "/"), false),
            ],
        ),
        // With two of them nobody knows which one counts elsewhere: all such requests share a key.
        (
            vec![header],
            vec![
                (with(&[("x-api-key", "a"), ("x-api-key", "1")], "/"), true),
                (with(&[("x-api-key", "a"), ("x-api-key", "2")], "/"), true),
                (with(&[("x-api-key", "a")], "/"), false),
            ],
        ),
        (
            vec![query.clone()],
            vec![
                (with(&[], "/?k=a"), true),
                (with(&[], "/x?l=1&k=%61"), true),
                (with(&[], "/?K=a"), false),
                (with(&[], "/?k=a&k=b"), false),
            ],
        ),
        (
            vec![cookie],
            vec![
                (with(&[("cookie", "x=1; sid=a")], "/"), true),
                (with(&[("cookie", "sid=a;y=2")], "/"), true),
                (with(&[("cookie", "sid=b")], "/"), false),
            ],
        ),
        (
            vec![KeyPart::Host],
            vec![
                (with(&[("host", "a.example")], "/"), true),
                (with(&[("host", "A.EXAMPLE.:8080")], "/"), true),
                (with(&[("host", "b.example")], "/"), false),
            ],
        ),
        (
            vec![KeyPart::Path],
            vec![
                (with(&[], "/login"), true),
                (with(&[], "/%6cogin?x=1"), true),
                (with(&[], "/a/../login"), true),
                (with(&[], "/logout"), false),
            ],
        ),
        // Parts don't run into each other.
        (
            vec![query, KeyPart::Query("l".into())],
            vec![(with(&[], "/?k=ab&l=c"), true), (with(&[], "/?k=a&l=bc"), false)],
        ),
    ];
    for (parts, requests) in cases {
        let name: Vec<String> = parts.iter().map(ToString::to_string).collect();
        for (place, (request, same)) in requests.iter().enumerate() {
            let limit = RequestLimit::new("a", settings(Some((1, 60, 1)), None, parts.clone()));
            assert_eq!(passed(&limit, &requests[0].0, 1, 0), 1);
            assert_eq!(passed(&limit, request, 1, 0), usize::from(!same), "{name:?} {place}");
        }
    }
}

#[test]
fn without_its_key_a_request_shares_one_or_passes() {
    let header = KeyPart::Header(HeaderName::from_static("x-api-key"));
    let mut settings = settings(Some((1, 60, 1)), None, vec![header, KeyPart::Client]);
    let limit = RequestLimit::new("a", settings.clone());
    assert_eq!(passed(&limit, &with(&[], "/"), 9, 0), 1);
    settings.key.missing = MissingKey::Pass;
    let limit = RequestLimit::new("a", settings);
    assert_eq!(passed(&limit, &with(&[], "/"), 9, 0), 9);
    assert_eq!(passed(&limit, &with(&[("x-api-key", "a")], "/"), 9, 0), 1);
    let twice = with(&[("x-api-key", "a"), ("x-api-key", "b")], "/");
    assert_eq!(passed(&limit, &twice, 9, 0), 1, "two of them aren't none");
}

#[test]
fn what_a_key_has_used_outlives_a_change_of_the_limit() {
    let client = from("192.0.2.1");
    let old = RequestLimit::new("a", settings(Some((1, 3_600, 5)), Some(1), vec![KeyPart::Client]));
    let held = admit(&old, &client, 0);
    assert!(matches!(admit(&old, &client, 0), Admission::Refused(Exceeded::Concurrency)));

    let new = |settings| RequestLimit::after("a", settings, &old);
    let same = new(settings(Some((1, 3_600, 5)), Some(1), vec![KeyPart::Client]));
    assert!(matches!(admit(&same, &client, 0), Admission::Refused(Exceeded::Concurrency)));
    drop(held);
    assert_eq!(passed(&same, &client, 9, 0), 4, "one of five was used before");
    assert_eq!(same.counts.limited().concurrency, 2);
    // The next one would be in an hour: at the new rate nobody waits for longer than a tenth of a second.
    let faster = new(settings(Some((10, 1, 5)), None, vec![KeyPart::Client]));
    assert_eq!(wait(&faster, &client, 0), Duration::from_millis(100));
    assert_eq!(passed(&faster, &client, 9, 100), 1);
    let by_host = new(settings(Some((1, 3_600, 5)), None, vec![KeyPart::Host]));
    assert_eq!(passed(&by_host, &client, 9, 0), 5, "other keys are other keys");
}

#[test]
fn a_key_as_long_as_a_head_costs_a_place_like_any_other() {
    let header = KeyPart::Header(HeaderName::from_static("x-api-key"));
    let limit = RequestLimit::new("a", settings(Some((1, 60, 1)), None, vec![header]));
    let (long, other) = ("k".repeat(64 << 10), format!("{}l", "k".repeat((64 << 10) - 1)));
    assert_eq!(passed(&limit, &with(&[("x-api-key", &long)], "/"), 2, 0), 1);
    assert_eq!(passed(&limit, &with(&[("x-api-key", &other)], "/"), 2, 0), 1);
    assert_eq!(limit.keys(), 2);
}

/// 100,000 new keys a second for three seconds: more than there are places for. What is idle gives way, and nothing else has to.
#[test]
fn a_flood_of_keys_finds_room_where_keys_are_idle() {
    let limit = RequestLimit::new("a", settings(Some((100, 1, 10)), None, vec![KeyPart::Client]));
    let heavy = from("203.0.113.1");
    for us in 0..300_000_u64 {
        let now = Moment(us * 10);
        let one = RequestHead { client: std::net::Ipv4Addr::from_bits(us as u32).into(), ..from("::1") };
        let admitted = limit.admit(&one, PathNormalization::default(), now);
        assert!(matches!(admitted, Admission::Held(_)), "{us}");
        if us % 100 == 0 {
            // A thousand times a second, of which a hundred pass.
            let _ = limit.admit(&heavy, PathNormalization::default(), now);
        }
    }
    // A key is idle after 10 ms, so that a thousand are active at a time.
    assert_eq!((limit.counts.forgotten(), limit.counts.shared()), (0, 0));
    let limited = limit.counts.limited().rate;
    assert!((2_680..=2_700).contains(&limited), "{limited} of 3,000 were refused");
    assert!(limit.keys() <= limit.most_keys() && limit.most_keys() < 21_000);
}

/// When all of them are active, those that have used the least give way: who uses much stays limited.
#[test]
fn with_too_many_active_keys_the_ones_that_used_least_give_way() {
    let small =
        LimitSettings { max_keys: 1_000, ..settings(Some((10, 60, 10)), None, vec![KeyPart::Client]) };
    let limit = RequestLimit::new("a", small);
    let heavy = from("203.0.113.1");
    assert_eq!(passed(&limit, &heavy, 100, 0), 10);
    for number in 0..100_000_u32 {
        let one = RequestHead { client: std::net::Ipv4Addr::from_bits(number).into(), ..from("::1") };
        assert_eq!(passed(&limit, &one, 1, 0), 1, "a new key gets its share");
    }
    assert_eq!(passed(&limit, &heavy, 100, 0), 0, "and this one no second one");
    assert!(limit.counts.forgotten() > 90_000);
    assert_eq!((limit.keys(), limit.counts.shared()), (limit.most_keys(), 0));
}

#[test]
fn keys_of_running_requests_stay_and_others_share_a_place() {
    let few = LimitSettings { max_keys: 2, ..settings(None, Some(1), vec![KeyPart::Client]) };
    let limit = RequestLimit::new("a", few);
    let clients: Vec<RequestHead> = (1..=6).map(|number| from(&format!("192.0.2.{number}"))).collect();
    let held: Vec<Admission> = clients.iter().map(|client| admit(&limit, client, 0)).collect();
    let is_held = |admission: &&Admission| matches!(admission, Admission::Held(_));
    // Four places, and the one that is shared.
    assert_eq!(held.iter().filter(is_held).count(), 5);
    assert_eq!(limit.counts.shared(), 2);
    drop(held);
    let held: Vec<Admission> = clients.iter().map(|client| admit(&limit, client, 0)).collect();
    assert_eq!(held.iter().filter(is_held).count(), 5, "all was given back");
}

#[test]
fn workers_share_what_a_key_has() {
    let limit = RequestLimit::new("a", settings(Some((1, 3_600, 1_000)), Some(3), vec![KeyPart::Client]));
    let (passed, most) = (std::sync::atomic::AtomicU32::new(0), std::sync::atomic::AtomicU32::new(0));
    let running = std::sync::atomic::AtomicU32::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = from("192.0.2.1");
                for _ in 0..2_000 {
                    if let Admission::Held(hold) = admit(&limit, &client, 0) {
                        passed.fetch_add(1, order);
                        most.fetch_max(running.fetch_add(1, order) + 1, order);
                        running.fetch_sub(1, order);
                        drop(hold);
                    }
                }
            });
        }
    });
    assert!(most.load(order) <= 3);
    let refused = limit.counts.limited();
    assert_eq!(u64::from(passed.load(order)) + refused.rate + refused.concurrency, 8_000);
    assert!(passed.load(order) <= 1_000);
    let client = from("192.0.2.1");
    let rest = self::passed(&limit, &client, 2_000, 0);
    assert_eq!(passed.load(order) as usize + rest, 1_000, "nothing is counted twice, or lost");
}
