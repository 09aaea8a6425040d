//! Routes, pools and backends that come, change and go.

use harness::{Backend, Latch, Proxy, wait_until};

use super::{config, pool, route};

#[test]
fn an_existing_connection_takes_the_new_routes() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let pools = pool("one", &[&one], "") + &pool("two", &[&two], "");
    let routes = |first: &str, second: &str| config(&(route("/a", first) + &route("/", second) + &pools));
    let proxy = Proxy::start(&routes("one", "two"));
    let mut client = proxy.client();
    let mut both = || [client.get("/a").text(), client.get("/b").text()];
    assert_eq!(both(), ["one", "two"]);
    let changes = proxy.reload(&routes("two", "one"));
    assert!(changes.contains("~routes"), "{changes}");
    assert_eq!(both(), ["two", "one"]);
}

#[test]
fn a_backend_that_goes_finishes_what_it_is_at_and_gets_nothing_new() {
    let release = Latch::default();
    let opened = release.clone();
    let slow = Backend::start(move |exchange| {
        exchange.read_body();
        opened.wait();
        exchange.respond("slow");
    });
    let (stays, comes) = (Backend::named("stays"), Backend::named("comes"));
    let proxy = Proxy::start(&config(&pool("p", &[&slow], "")));
    let mut waiting = proxy.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    slow.wait_for_requests(1);
    let changes = proxy.reload(&config(&pool("p", &[&stays, &comes], "")));
    assert!(changes.contains("~pool p (+backend b1, ~backend b0)"), "{changes}");
    let mut served: Vec<String> = (0..4).map(|_| proxy.client().get("/").text()).collect();
    served.sort();
    assert_eq!(served, ["comes", "comes", "stays", "stays"]);
    release.open();
    assert_eq!(waiting.response("GET").text(), "slow");
    assert_eq!(waiting.get("/").status(), 200, "the connection goes on");
    assert_eq!(slow.count(), 1);
    wait_until("nothing idle is kept to a backend that is gone", || slow.open_connections() == 0);
}

#[test]
fn a_pool_that_goes_finishes_what_runs_in_it() {
    let release = Latch::default();
    let opened = release.clone();
    let slow = Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        opened.wait();
        exchange.send("world");
    });
    let fast = Backend::named("fast");
    let proxy = Proxy::start(&config(&pool("old", &[&slow], "")));
    let mut waiting = proxy.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    slow.wait_for_requests(1);
    let changes = proxy.reload(&config(&pool("new", &[&fast], "")));
    assert!(changes.contains("+pool new, -pool old"), "{changes}");
    assert_eq!(proxy.client().get("/").text(), "fast");
    release.open();
    let response = waiting.response("GET");
    assert_eq!((response.text().as_str(), response.whole), ("helloworld", true));
    assert_eq!(waiting.get("/").text(), "fast");
    wait_until("the pool's connections are closed", || slow.open_connections() == 0);
}

#[test]
fn idle_connections_stay_with_a_backend_that_stays() {
    let (stays, other) = (Backend::named("stays"), Backend::named("other"));
    let one_worker = |rest: &str| config(rest).replace("workers = 2", "workers = 1");
    let routes = route("/stays", "one") + &route("/", "two");
    let start = |one: &str, two: &str| {
        one_worker(&(routes.clone() + &pool("one", &[&stays], one) + &pool("two", &[&other], two)))
    };
    let proxy = Proxy::start(&start("", ""));
    let get = || assert_eq!(proxy.client().get("/stays").text(), "stays");
    get();
    for (one, two) in [
        ("", "response_timeout = \"20s\""),
        ("response_timeout = \"20s\"", ""),
        ("hash_seed = 7", ""),
        ("hash_seed = 7\nidle_connections = 1", ""),
    ] {
        proxy.reload(&start(one, two));
        get();
        assert_eq!(stays.connections(), 1, "{one} {two}");
    }
    proxy.reload(&start("idle_connections = 0", ""));
    wait_until("what is above the new limit is closed", || stays.open_connections() == 0);
}

#[test]
fn new_limits_hold_for_requests_to_come_and_old_ones_for_those_that_run() {
    let release = Latch::default();
    let opened = release.clone();
    let slow = Backend::start(move |exchange| {
        exchange.read_body();
        opened.wait();
        exchange.respond("slow");
    });
    let proxy = Proxy::start(&config(&pool("p", &[&slow], "")));
    let mut waiting = proxy.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    slow.wait_for_requests(1);
    let changes = proxy.reload(&config(&pool("p", &[&slow], "response_timeout = \"100ms\"")));
    assert!(changes.contains("~pool p (~limits)"), "{changes}");
    assert_eq!(proxy.client().get("/").status(), 504);
    release.open();
    assert_eq!(waiting.response("GET").text(), "slow");
}

#[test]
fn a_request_that_is_sent_again_keeps_to_the_backends_of_its_configuration() {
    let release = Latch::default();
    let opened = release.clone();
    let breaking = Backend::start(move |exchange| {
        exchange.read_body();
        opened.wait();
        exchange.reset();
    });
    let (own, others) = (Backend::named("own"), [Backend::named("other"), Backend::named("other")]);
    let proxy = Proxy::start(&config(&pool("p", &[&breaking, &own], "")));
    let (mut waiting, mut sent) = (proxy.client(), 0);
    wait_until("a request is at the backend that is going to break", || {
        waiting = proxy.client();
        waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        sent += 1;
        wait_until("it is at a backend", || own.count() + breaking.count() == sent);
        breaking.count() == 1
    });
    let before = own.count();
    // The pool of this name is there for something else now.
    proxy.reload(&config(&pool("p", &others.each_ref(), "")));
    assert_eq!(proxy.client().get("/").text(), "other");
    release.open();
    assert_eq!(waiting.response("GET").text(), "own");
    assert_eq!(own.count(), before + 1);
}
