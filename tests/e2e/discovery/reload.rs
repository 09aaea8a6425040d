//! Reloads beside DNS: what it has named, and what it takes its time for.

use harness::Mood;

use super::*;

#[test]
fn a_backend_of_the_file_leaves_with_it_under_any_name() {
    let (backends, port) = numbered::<1>();
    let (spare, main) = (Backend::named("spare"), Backend::named("main"));
    let dns = Dns::start();
    dns.set_host(NAME, 60, &[ip(&backends[0])]);
    let rack = format!("{{ name = \"rack1\", {}", &each(port)[2..]);
    let entries = |more: &str| format!("{rack}, \"{}\"{more}", main.address());
    let with_spare = format!(", {{ name = \"rack1/spare\", address = \"{}\" }}", spare.address());
    let proxy = proxy(&dns, &entries(&with_spare));
    let mut names = served(&proxy, 3);
    names.sort();
    assert_eq!(names, ["0", "main", "spare"]);
    proxy.reload(&configuration(&dns, &entries("")));
    let mut names = served(&proxy, 4);
    names.sort();
    assert_eq!(names, ["0", "0", "main", "main"]);
}

#[test]
fn a_reload_that_waits_for_dns_delays_no_health_change() {
    let (first, second) = (Backend::named("first"), Backend::named("second"));
    let dns = Dns::start();
    dns.set_mood(Mood::Silent);
    let rest = "ejection = { enabled = false }\n[pool.test.retry]\nattempts = 0\n[pool.test.health_check]\n\
                type = \"tcp\"\ninterval = \"20ms\"\nfall = 1\n";
    let fixed = format!("\"{}\", \"{}\"", first.address(), second.address());
    let proxy = Proxy::start(&format!("{}{rest}", configuration(&dns, &fixed)));
    proxy.rewrite(&format!("{}{rest}", configuration(&dns, &format!("{fixed}, {}", each(80)))));
    proxy.signal("HUP");
    wait_until("the reload asks", || !dns.asked().is_empty());
    drop(first);
    proxy.log.wait_for("backend-unhealthy");
    for _ in 0..10 {
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.text().as_str()), (200, "second"));
    }
    assert!(proxy.log.events("configuration-reloaded").is_empty(), "it still waits");
    proxy.log.wait_for("configuration-reloaded");
    assert_eq!(served(&proxy, 4), ["second"; 4]);
}
