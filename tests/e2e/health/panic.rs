//! What happens when few backends are healthy, or none.

use harness::{Backend, Setup};

use super::{CHECK, Wellness, served, share};

#[test]
fn all_backends_serve_while_too_few_are_healthy() {
    let unwell = Wellness::good();
    let backends = [Wellness::good().backend("a"), unwell.backend("b"), unwell.backend("c")];
    let pool = format!("{CHECK}panic_threshold = 50\n");
    let proxy = Setup { pool: &pool, ..Setup::default() }.start(&backends.each_ref());
    unwell.set(false);
    proxy.log.wait_for_many("backend-unhealthy", 2);
    let line = proxy.log.wait_for("pool-panic-started");
    assert!(line.level() == "WARN", "{line}");
    assert!(line.has(&[("pool", "test"), ("healthy", "1"), ("backends", "3")]), "{line}");
    let all = served(&mut proxy.client(), 60);
    assert_eq!(['a', 'b', 'c'].map(|name| share(&all, name)), [20, 20, 20]);

    unwell.set(true);
    proxy.log.wait_for("pool-panic-ended");
    assert_eq!(proxy.log.events("pool-panic-started").len(), 1);
}

#[test]
fn without_panic_only_the_healthy_serve_down_to_the_last() {
    let (first, second) = (Wellness::good(), Wellness::good());
    let backends = [first.backend("a"), second.backend("b"), second.backend("c")];
    let pool = format!("{CHECK}panic_threshold = 0\n");
    let proxy = Setup { pool: &pool, ..Setup::default() }.start(&backends.each_ref());
    second.set(false);
    proxy.log.wait_for_many("backend-unhealthy", 2);
    assert_eq!(served(&mut proxy.client(), 60), "a".repeat(60));

    first.set(false);
    proxy.log.wait_for_many("backend-unhealthy", 3);
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (503, Some("no-backend")));
    assert_eq!(proxy.log.events("pool-panic-started"), []);
}

#[test]
fn by_default_a_pool_without_a_healthy_backend_panics() {
    let unwell = Wellness::good();
    let backends = [unwell.backend("a"), unwell.backend("b")];
    let proxy = Setup { pool: CHECK, ..Setup::default() }.start(&backends.each_ref());
    unwell.set(false);
    proxy.log.wait_for("pool-panic-started");
    let all = served(&mut proxy.client(), 20);
    assert_eq!(['a', 'b'].map(|name| share(&all, name)), [10, 10]);
}

#[test]
fn backups_come_before_panic() {
    let unwell = Wellness::good();
    let (a, backup) = (unwell.backend("a"), Backend::named("b"));
    let proxy = harness::Proxy::start(&format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\n{CHECK}backends = [\"{}\", \
         {{ address = \"{}\", backup = true }}]\n",
        a.address(),
        backup.address()
    ));
    assert_eq!(served(&mut proxy.client(), 5), "aaaaa");
    unwell.set(false);
    proxy.log.wait_for("backend-unhealthy");
    assert_eq!(served(&mut proxy.client(), 5), "bbbbb");
    unwell.set(true);
    proxy.log.wait_for("backend-healthy");
    assert_eq!(served(&mut proxy.client(), 5), "aaaaa");
    assert_eq!(proxy.log.events("pool-panic-started"), []);
}
