//! A start while DNS doesn't answer, and what doesn't ask it.

use harness::Mood;

use super::*;

#[test]
fn a_start_without_dns_serves_what_it_knows_and_the_rest_later() {
    let (backends, port) = numbered::<1>();
    let dns = Dns::start();
    dns.set_mood(Mood::Silent);
    dns.set_host(NAME, 0, &[ip(&backends[0])]);
    let proxy = proxy(&dns, &each(port));
    proxy.log.wait_for("dns-wait-timed-out");
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (503, Some("no-backend")));
    dns.set_mood(Mood::Well);
    wait_until("the backend serves", || proxy.client().get("/").status() == 200);
}

#[test]
fn a_check_asks_no_server() {
    let dns = Dns::start();
    let output = Proxy::run_to_end(&["check"], &configuration(&dns, &each(80)));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        told, "pointsman.toml: ok (1 listener, 1 pool, 0 backends, 1 name to resolve)\n",
        "{output:?}"
    );
    assert_eq!(dns.asked(), []);
}
