//! Names that stand for other names, and answers that come by halves.

use std::time::{Duration, Instant};

use harness::Mood;

use super::*;

#[test]
fn an_alias_holds_no_longer_than_its_own_time() {
    let (backends, port) = numbered::<2>();
    let dns = Dns::start();
    dns.set_alias(NAME, 1, "first.test.");
    dns.set_host("first.test.", 3_600, &[ip(&backends[0])]);
    dns.set_host("second.test.", 3_600, &[ip(&backends[1])]);
    let proxy = proxy(&dns, &each(port));
    assert_eq!(served(&proxy, 2), ["0", "0"]);
    let began = Instant::now();
    dns.set_alias(NAME, 1, "second.test.");
    wait_until("the alias is followed", || served(&proxy, 1) == ["1"]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_alias_of_an_alias_holds_as_long_as_the_shortest() {
    let (backends, port) = numbered::<1>();
    let dns = Dns::start();
    dns.set_alias(NAME, 3_600, "middle.test.");
    dns.set_alias("middle.test.", 1, "last.test.");
    dns.set_host("last.test.", 3_600, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &each(port));
    assert_eq!(served(&proxy, 1), ["0"]);
    wait_until("the name is asked for again and again", || dns.count(NAME, RecordType::A) >= 3);
}

#[test]
fn a_start_waits_for_no_family_that_is_never_answered() {
    let (backends, port) = numbered::<2>();
    let dns = Dns::start();
    dns.set_mood(Mood::SilentOn(RecordType::AAAA));
    dns.set_host(NAME, 1, &[ip(&backends[0])]);
    let began = Instant::now();
    // As long as it is by default.
    let proxy = Proxy::start(&configuration(&dns, &each(port)).replace("\"500ms\"", "\"4s\""));
    assert_eq!(served(&proxy, 1), ["0"]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // A change is seen as soon, in spite of what remains unanswered.
    dns.set_host(NAME, 1, &[ip(&backends[1])]);
    wait_until("the next answer counts", || served(&proxy, 1) == ["1"]);
    assert!(proxy.log.events("dns-wait-timed-out").is_empty());
}
