//! Backends that answer, but badly.

use harness::{Backend, Setup};

use crate::load::{CONNECTIONS, Method, under_load};

const LONG: &str = "keepalive_requests = 1000000000";

#[test]
fn a_backend_that_fails_at_once_does_not_attract_traffic() {
    let failing = Backend::start(|exchange| {
        exchange.read_body();
        exchange.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    });
    let (a, b) = (Backend::named("a"), Backend::named("b"));
    let setup = Setup { listener: LONG, policy: "\"least-conn\"", ..Setup::default() };
    let proxy = setup.start(&[&failing, &a, &b]);
    let load = under_load(&proxy, Method::Get, |load| load.wait_for_more(60 * CONNECTIONS));
    let (failed, share) = (load.failures(), failing.count() * 100 / load.sent());
    assert!(failed.iter().all(|failure| failure == "500 "), "{failed:?}");
    assert!(share < 10, "{share} % of the requests went to the backend that fails: {load}");
}

#[test]
fn a_response_that_is_cut_off_never_looks_whole() {
    let cut = Backend::start(|exchange| {
        exchange.read_body();
        match exchange.request.target() {
            "/length" => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
            _ => exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        }
        exchange.reset();
    });
    let proxy = Setup { listener: LONG, ..Setup::default() }.start(&[&cut]);
    for round in 0..50 {
        let mut client = proxy.client();
        client.send(format!(
            "GET /{} HTTP/1.1\r\nHost: test\r\n\r\n",
            if round % 2 == 0 { "length" } else { "chunked" }
        ));
        // A reset may overtake what was sent before it; then there is no response at all, or a 502.
        if let Ok(Some(response)) = client.try_response("GET") {
            assert!(response.status() == 502 || !response.whole, "round {round}: {response:?}");
        }
    }
}

#[test]
fn connections_that_are_closed_between_requests_cost_no_get() {
    // Says nothing of it, and closes after each response.
    let backends = [(); 2].map(|()| {
        Backend::start(|exchange| {
            exchange.read_body();
            exchange.respond("served");
            exchange.keep_alive = false;
        })
    });
    let proxy = Setup { listener: LONG, ..Setup::default() }.start(&backends.each_ref());
    let load = under_load(&proxy, Method::Get, |load| load.wait_for_more(20 * CONNECTIONS));
    assert_eq!(load.failures(), Vec::<String>::new());
}
