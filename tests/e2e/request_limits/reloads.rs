//! What keys have used outlives reloads.

use harness::{Backend, Proxy, wait_until};

use super::statuses;

/// A configuration with these lines of the limit, and with these routes in front of `/`.
fn configuration(limit: &str, routes: &str, backend: &Backend) -> String {
    format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n{routes}\n\
         [[route]]\nlimits = [\"tested\"]\npool = \"web\"\n[limit.tested]\nkey = \"header:x-key\"\n{limit}\n\
         [pool.web]\nbackends = [\"{}\"]\n",
        backend.address()
    )
}

const OTHER_ROUTES: &str = "[limit.another]\nkey = \"client\"\nrate = \"1000000/s\"\n\
    [[route]]\nprefix = \"/new\"\npool = \"web\"\nlimits = [\"another\", \"tested\"]\n\
    [[route]]\nprefix = \"/old\"\nredirect = \"/new\"\n";

#[test]
fn keys_go_on_where_they_stood() {
    let backend = Backend::named("web");
    let daily = "rate = \"1/d\"\nburst = 3";
    let proxy = Proxy::start(&configuration(daily, "", &backend));
    let mut client = proxy.client();
    let [a, b] = ["X-Key: a\r\n", "X-Key: b\r\n"];
    assert_eq!(statuses(&mut client, &[a, a, b]), [200; 3]);
    proxy.reload(&configuration(daily, OTHER_ROUTES, &backend));
    assert_eq!(statuses(&mut client, &[a, a, b]), [200, 429, 200]);
    // Another status, a burst of one more: the key is the same.
    proxy.reload(&configuration("rate = \"1/d\"\nburst = 4\nstatus = 503", "", &backend));
    assert_eq!(statuses(&mut client, &[a, a, b, b, b]), [200, 503, 200, 200, 503]);
    // On a route of its own, the limit is still the same.
    proxy.reload(&configuration(daily, OTHER_ROUTES, &backend));
    assert_eq!(client.get_with("/new", a).status(), 429);
    // A configuration that is refused changes nothing.
    proxy.rewrite(&configuration("rate = \"0/d\"", "", &backend));
    proxy.signal("HUP");
    proxy.log.wait_for("configuration-refused");
    assert_eq!(statuses(&mut client, &[a, "X-Key: c\r\n"]), [429, 200]);
}

#[test]
fn a_new_rate_holds_at_once() {
    let backend = Backend::named("web");
    let proxy = Proxy::start(&configuration("rate = \"1/d\"", "", &backend));
    let mut client = proxy.client();
    let key = "X-Key: a\r\n";
    assert_eq!(statuses(&mut client, &[key, key]), [200, 429]);
    let refused = client.get_with("/", key);
    assert!(
        refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|s| s > 86_000))
    );
    proxy.reload(&configuration("rate = \"1000/s\"\nburst = 1", "", &backend));
    wait_until("nobody waits for a day", || client.get_with("/", key).status() == 200);
    // And back again: what is over the burst of the slow one by now is over.
    proxy.reload(&configuration("rate = \"1/d\"", "", &backend));
    wait_until("the new rate holds", || client.get_with("/", key).status() == 429);
    proxy.reload(&configuration("concurrency = 1", "", &backend));
    assert_eq!(statuses(&mut client, &[key, key]), [200, 200], "there is no rate any more");
}
