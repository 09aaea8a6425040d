//! A DNS server that fails, and one that has forgotten: who served goes on serving.

use harness::Mood;

use super::*;

fn last_good_answer_outlives(mood: Mood) {
    let (backends, port) = numbered::<2>();
    let dns = Dns::start();
    dns.set_host(NAME, 0, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &each(port));
    assert_eq!(served(&proxy, 1), ["0"]);

    dns.set_mood(mood);
    proxy.log.wait_for("dns-resolve-failed");
    let asked = dns.asked().len();
    wait_until("DNS was asked some more", || {
        assert_eq!(served(&proxy, 5), ["0"; 5]);
        dns.asked().len() >= asked + 4
    });
    assert_eq!(proxy.log.events("dns-resolve-failed").len(), 1, "one warning for all of it");
    assert_eq!(proxy.log.events("pool-backends-changed").len(), 1);

    dns.set_host(NAME, 0, &[ip(&backends[1])]);
    dns.set_mood(Mood::Well);
    proxy.log.wait_for("dns-resolve-recovered");
    wait_until("the next answer counts", || served(&proxy, 1) == ["1"]);
}

#[test]
fn silence_changes_nothing() {
    last_good_answer_outlives(Mood::Silent);
}

#[test]
fn a_failure_changes_nothing() {
    last_good_answer_outlives(Mood::Failing);
}

#[test]
fn a_removed_name_changes_nothing() {
    last_good_answer_outlives(Mood::Forgetful);
}

#[test]
fn a_name_without_addresses_changes_nothing() {
    last_good_answer_outlives(Mood::Empty);
}

#[test]
fn an_unreachable_server_changes_nothing() {
    let (backends, port) = numbered::<1>();
    let dns = Dns::start();
    dns.set_host(NAME, 0, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &each(port));
    assert_eq!(served(&proxy, 1), ["0"]);
    drop(dns);
    proxy.log.wait_for("dns-resolve-failed");
    assert_eq!(served(&proxy, 5), ["0"; 5]);
}
