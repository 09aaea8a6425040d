//! Splits.

use std::collections::BTreeSet;

use harness::{Backend, Http2Client, Proxy};
use http::Request;

fn start(split: &str) -> (Proxy, [Backend; 2]) {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let text = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\nsplit = {{ {split} }}\n\
         [pool.one]\nbackends = [\"{}\"]\n[pool.two]\nbackends = [\"{}\"]\n",
        one.address(),
        two.address()
    );
    (Proxy::start(&text), [one, two])
}

#[test]
fn a_cookie_is_found_wherever_it_stands() {
    // Browsers send each cookie in a field of its own over HTTP/2, and proxies between may make several lines of it.
    let (proxy, _backends) = start("pools = { one = 1, two = 0 }, cookie = \"group\"");
    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    for (cookies, pool, is_new) in [
        (&["a=1", "group=two", "b=2"][..], "two", false),
        (&["a=1; group=two"], "two", false),
        (&["a=1", "b=group=two"], "one", true),
        (&["agroup=two", "group2=two", "Group=two"], "one", true),
        (&["group=two", "group=one"], "two", false),
        (&["group=", "a=1"], "one", true),
        (&["group"], "one", true),
    ] {
        let mut request = Request::get("http://test/");
        let mut lines = String::new();
        for cookie in cookies {
            request = request.header("cookie", *cookie);
            lines += &format!("Cookie: {cookie}\r\n");
        }
        let response = http2.send(request.body(()).expect("a request")).expect("a response");
        assert_eq!(response.body(), pool.as_bytes(), "{cookies:?}");
        assert_eq!(proxy.client().get_with("/", &lines).text(), pool, "{cookies:?}");
        assert_eq!(response.headers().contains_key("set-cookie"), is_new, "{cookies:?}");
    }
}

#[test]
fn a_pool_without_weight_gets_nobody_new() {
    // kubernetes/ingress-nginx 3461: now and then one of the requests went to a weight of 0.
    for split in [
        "pools = { one = 1, two = 0 }",
        "pools = { two = 0, one = 1 }",
        "pools = { one = 1000000, two = 0 }, by = \"header:x-user\"",
    ] {
        let (proxy, [one, two]) = start(split);
        let mut client = proxy.client();
        for user in 0..300 {
            assert_eq!(client.get_with("/", &format!("X-User: {user}\r\n")).text(), "one");
        }
        assert_eq!((one.count(), two.count()), (300, 0), "{split}");
    }
}

#[test]
fn an_upgrade_and_a_failure_stay_in_their_pool() {
    // What sets the cookie is the backend's answer: who was sent nowhere isn't held there.
    let text = "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
                [[route]]\nsplit = { pools = { gone = 1, one = 0 }, cookie = \"group\" }\n\
                [pool.gone]\nbackends = [\"unix:@nobody-listens-as-this\"]\nretry = { attempts = 0 }\n[pool.one]\nbackends = [\"<one>\"]\n";
    let one = Backend::named("one");
    let proxy = Proxy::start(&text.replace("<one>", &one.address().to_string()));
    let failed = proxy.client().get("/");
    assert_eq!((failed.status(), failed.header("set-cookie")), (503, None), "{failed:?}");
    assert_eq!(proxy.client().get_with("/", "Cookie: group=one\r\n").text(), "one");
}

#[test]
fn a_key_that_chooses_a_pool_says_nothing_of_the_backend() {
    // envoyproxy/envoy 29027 and others: the same content decides twice. With one hash for both, some backends would get nobody.
    let backends = ["a0", "a1", "b0", "b1"].map(Backend::named);
    let [a0, a1, b0, b1] = backends.each_ref().map(Backend::address);
    // Its table for the 1,000 backends of the admission takes CPU time, and more of it on a busy machine.
    let policy = "{ name = \"ip-hash\", deadline = \"50ms\" }";
    let text = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [[route]]\nsplit = {{ pools = {{ a = 1, b = 1 }}, by = \"client\" }}\n\
         [pool.a]\npolicy = {policy}\nbackends = [\"{a0}\", \"{a1}\"]\n[pool.b]\npolicy = {policy}\nbackends = [\"{b0}\", \"{b1}\"]\n"
    );
    let proxy = Proxy::start(&text);
    let mut client = proxy.client();
    let mut served = BTreeSet::new();
    for number in 1..=120 {
        let from = format!("X-Forwarded-For: 198.51.100.{number}\r\n");
        let first = client.get_with("/", &from).text();
        assert_eq!(client.get_with("/", &from).text(), first, "client {number} stays");
        served.insert(first);
    }
    assert_eq!(served.len(), 4, "{served:?}");
    let counts = backends.each_ref().map(Backend::count);
    assert!(counts.iter().all(|&count| count >= 10), "{counts:?}");
}
