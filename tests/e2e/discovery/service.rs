//! SRV records: ports, shares and backups.

use super::*;

const SERVICE: &str = "_http._tcp.test.";

#[test]
fn records_tell_port_share_and_who_waits() {
    let [heavy, light, backup] = ["heavy", "light", "backup"].map(Backend::named);
    let dns = Dns::start();
    for host in ["one.test.", "two.test."] {
        dns.set_host(host, 60, &["127.0.0.1".parse().expect("an address")]);
    }
    let record =
        |priority, weight, backend: &Backend, host| (priority, weight, backend.address().port(), host);
    let first = record(10, 30, &heavy, "one.test.");
    let second = record(10, 10, &light, "two.test.");
    let third = record(20, 99, &backup, "one.test.");
    dns.set_service(SERVICE, 0, &[third, second, first]);
    let proxy = proxy(&dns, "{ address = \"_http._tcp.test\", resolve = \"srv\" }");
    let names = served(&proxy, 400);
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    assert!((298..=302).contains(&count("heavy")), "three of four: {}", count("heavy"));
    assert_eq!((count("heavy") + count("light"), count("backup")), (400, 0));

    dns.set_service(SERVICE, 0, &[third]);
    wait_until("those that waited serve when they alone are named", || served(&proxy, 1) == ["backup"]);
}
