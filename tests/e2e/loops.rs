//! A proxy that is its own backend, directly or not, ends what would go round for ever.

use harness::{Backend, Proxy, Response, Setup};

fn hops(response: &Response) -> usize {
    let via = response.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("via"));
    via.flat_map(|(_, value)| value.split(',')).filter(|hop| hop.trim() == "1.1 pointsman").count()
}

/// The header lines of a request that has passed this number of proxies like this one, and others.
fn passed(count: usize) -> String {
    format!("Via: 1.1 edge, 1.1 pointsmen\r\n{}", "Via: 1.1 pointsman\r\n".repeat(count))
}

/// A proxy whose only backend is itself.
fn own_backend(listener: &str) -> Proxy {
    let setup = Setup { listener, ..Setup::default() };
    let first = Backend::named("first");
    let proxy = setup.start(&[&first]);
    proxy.reload(&setup.configuration(&[proxy.address()]));
    proxy
}

#[test]
fn a_proxy_that_is_its_own_backend_is_found_out() {
    for (listener, expected) in [("", 6), ("max_hops = 1", 2), ("max_hops = 20", 21)] {
        let proxy = own_backend(listener);
        let response = proxy.client().get("/");
        assert_eq!((response.status(), hops(&response)), (508, expected), "{listener}: {response:?}");
        assert!(response.text().contains("loop"), "{}", response.text());
        let line = proxy.log.wait_where("request-failed", |line| line.field("error") == Some("loop"));
        assert_eq!(line.level(), "WARN");
        // Nor is there a tunnel without an end.
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
        assert_eq!(proxy.client().get_with("/", upgrade).status(), 508, "{listener}");
        // Not of its own making, and not to be repeated.
        let response = proxy.client().post("/", b"body");
        assert_eq!((response.status(), hops(&response)), (508, expected), "{listener}: {response:?}");
    }
}

#[test]
fn two_that_are_each_others_backends_are_found_out() {
    let end = Backend::named("end");
    let near = Setup::default().start(&[&end]);
    let far = Setup::default().start_at(&[near.address()]);
    assert_eq!(far.client().get("/").text(), "end");
    near.reload(&Setup::default().configuration(&[far.address()]));
    let response = far.client().get("/");
    assert_eq!((response.status(), hops(&response)), (508, 6));
}

#[test]
fn a_chain_of_a_few_is_no_loop() {
    let end = Backend::named("end");
    let mut chain = vec![Setup::default().start(&[&end])];
    for _ in 0..3 {
        let next = chain[chain.len() - 1].address();
        chain.push(Setup::default().start_at(&[next]));
    }
    let response = chain[3].client().get("/");
    assert_eq!((response.text().as_str(), hops(&response)), ("end", 4));
}

#[test]
fn the_limit_is_what_has_been_passed_before() {
    let backend = Backend::named("backend");
    for (listener, most) in [("", 5), ("max_hops = 1", 1), ("max_hops = 100", 90)] {
        let proxy = Setup { listener, ..Setup::default() }.start(&[&backend]);
        let mut client = proxy.client();
        assert_eq!(client.get_with("/", &passed(most)).text(), "backend", "{listener}");
        let before = backend.count();
        if most < 90 {
            let response = client.get_with("/", &passed(most + 1));
            assert_eq!((response.status(), response.error_label()), (508, Some("loop")), "{listener}");
            let in_one_line = format!("Via: {}\r\n", ["1.0 Pointsman (x)"; 7].join(" , "));
            assert_eq!(client.get_with("/", &in_one_line).status(), 508, "{listener}");
        }
        assert_eq!(backend.count(), before, "nothing of it reaches a backend");
        assert_eq!(client.get("/").text(), "backend", "the connection goes on");
    }
}
