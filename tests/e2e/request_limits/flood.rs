//! More keys than there is room for.

use harness::{Backend, Proxy};

use super::{configuration, counted};

/// Sends requests with new keys, many at a time, and says how many were served.
fn flood(proxy: &Proxy, keys: std::ops::Range<usize>) -> usize {
    let mut client = proxy.client();
    let mut served = 0;
    for first in keys.clone().step_by(50) {
        let many: Vec<usize> = (first..(first + 50).min(keys.end)).collect();
        let line = |key: &usize| format!("GET / HTTP/1.1\r\nHost: test\r\nX-Key: {key:0>64}\r\n\r\n");
        client.send(many.iter().map(line).collect::<String>());
        served += many.iter().filter(|_| client.response("GET").status() == 200).count();
    }
    served
}

fn floods(keys: usize) {
    let backend = Backend::named("web");
    let limit = "key = \"header:x-key\"\nrate = \"1/d\"\nburst = 2\nmax_keys = 1000";
    let proxy = Proxy::start(&configuration(limit, "keepalive_requests = 1000000", &backend));
    let mut heavy = proxy.client();
    let key = "X-Key: heavy\r\n";
    assert_eq!(super::statuses(&mut heavy, &[key, key, key]), [200, 200, 429]);
    flood(&proxy, 0..2_000);
    let before = proxy.resident_memory();
    assert_eq!(flood(&proxy, 2_000..keys), keys - 2_000, "each new key has its share");
    let grown = proxy.resident_memory().saturating_sub(before);
    println!("{} keys more took {grown} bytes", keys - 2_000);
    assert!(grown < 8 << 20, "{grown}");
    assert_eq!(proxy.client().get_with("/", key).status(), 429, "who has used the most is remembered");
    let text = counted(&proxy, "pointsman_limit_keys");
    assert!(
        text.iter().any(|line| line.starts_with("_forgotten_total") && !line.ends_with(" 0")),
        "{text:#?}"
    );
    proxy.log.wait_for("limit-keys-full");
}

#[test]
fn new_keys_take_no_more_memory() {
    floods(5_000);
}

#[test]
#[ignore = "takes a minute: the same with 100,000 keys"]
fn a_hundred_thousand_new_keys_take_no_more_memory() {
    floods(100_000);
}
