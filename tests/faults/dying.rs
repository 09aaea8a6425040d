//! A backend process that is killed, and comes back.

use std::collections::HashMap;
use std::time::Instant;

use harness::Setup;

use crate::load::{CONNECTIONS, Method, under_load};
use crate::process::Process;

/// Health checks fast enough for a test.
const CHECKS: &str = "\n[pool.test.health_check]\ntype = \"tcp\"\ninterval = \"200ms\"\ntimeout = \"200ms\"\nfall = 2\nrise = 2\n";

fn proxy(backends: &[&Process]) -> harness::Proxy {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address()).collect();
    Setup { listener: "keepalive_requests = 1000000000", pool: CHECKS, ..Setup::default() }
        .start_at(&addresses)
}

#[test]
fn no_get_is_lost_when_one_of_three_is_killed_and_it_is_back_after_rise_checks() {
    let mut backends = [(); 3].map(|()| Process::start());
    let proxy = proxy(&backends.each_ref());
    let load = under_load(&proxy, Method::Get, |load| {
        backends[1].kill();
        load.wait_for_more(20 * CONNECTIONS);
        proxy.log.wait_for("backend-unhealthy");
        let address = backends[1].address();
        backends[1] = Process::start_on(address);
        let started = Instant::now();
        backends[1].wait_for_more(1);
        println!("back after {:?}; two checks in a row take 200 to 400 ms", started.elapsed());
        load.wait_for_more(4 * CONNECTIONS);
    });
    assert_eq!(load.failures(), Vec::<String>::new());
}

#[test]
fn a_post_fails_only_where_it_was_being_sent_and_none_is_sent_twice() {
    let mut backends = [(); 3].map(|()| Process::start());
    let proxy = proxy(&backends.each_ref());
    let load = under_load(&proxy, Method::Post, |load| {
        backends[1].kill();
        load.wait_for_more(20 * CONNECTIONS);
    });
    let failures = load.failures();
    assert!(failures.len() <= CONNECTIONS, "at most what was in flight there: {failures:?}");
    assert!(failures.iter().all(|failure| failure == "502 upstream-reset"), "{failures:?}");
    let mut read: HashMap<String, usize> = HashMap::new();
    for id in backends.iter().flat_map(Process::read) {
        *read.entry(id).or_default() += 1;
    }
    let twice: Vec<_> = read.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
