//! What a backend is before its first check.

use harness::{Backend, Latch, Setup};

use super::{Wellness, served};

#[test]
fn a_backend_that_begins_down_gets_nothing_before_its_first_check_has_passed() {
    let latch = Latch::default();
    let waits = latch.clone();
    let a = Backend::start(move |exchange| {
        if exchange.request.target() == "/health" {
            waits.wait();
        }
        exchange.respond("a");
    });
    // If everybody panicked for want of a check, "down" would mean nothing.
    let check = "panic_threshold = 100\nhealth_check = { type = \"http\", path = \"/health\", interval = \"60s\", \
                 fast_interval = \"10ms\", timeout = \"60s\", initial = \"down\" }\n";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&a]);
    a.wait_for_requests(1);
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (503, Some("no-backend")));
    latch.open();
    proxy.log.wait_for("backend-healthy");
    assert_eq!(served(&mut proxy.client(), 10), "a".repeat(10));
    assert_eq!(a.count(), 11, "one check was enough");
}

#[test]
fn an_unchecked_backend_serves_until_its_first_check_fails() {
    let (latch, wellness) = (Latch::default(), Wellness::good());
    wellness.set(false);
    let waits = latch.clone();
    let a = Backend::start(move |exchange| {
        if exchange.request.target() == "/health" {
            waits.wait();
        }
        wellness.answer(exchange, "a");
    });
    let b = Backend::named("b");
    let check = "health_check = { type = \"http\", path = \"/health\", interval = \"60s\", \
                 fast_interval = \"10ms\", timeout = \"60s\", initial = \"unchecked\", fall = 100 }\n";
    let proxy = Setup { pool: check, ..Setup::default() }.start(&[&a, &b]);
    let both = served(&mut proxy.client(), 20);
    assert_eq!(both.matches('a').count(), 10, "{both}");
    latch.open();
    proxy.log.wait_for("backend-unhealthy");
    assert_eq!(served(&mut proxy.client(), 20), "b".repeat(20));
}
