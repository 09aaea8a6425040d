//! Clients and backends that break off in the middle: the other side notices, and so do the counters.

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use harness::{Backend, Latch, Proxy, Setup, wait_until};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A backend that lets each kind of request get so far and no farther.
fn unfinished() -> Backend {
    Backend::start(|exchange| match exchange.request.target() {
        "/download" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nhello");
            exchange.wait_for_close();
        }
        "/stream" => {
            exchange.send(CHUNKED);
            while exchange.try_send("5\r\nhello\r\n").is_ok() {}
            exchange.keep_alive = false;
        }
        "/upgrade" => {
            exchange
                .send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
            exchange.wait_for_close();
        }
        _ => exchange.wait_for_close(),
    })
}

/// What a client sends before it leaves, and whether it waits for the first bytes of a response.
const LEAVING: [(&str, bool); 7] = [
    ("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n", false),
    ("GET /download HTTP/1.1\r\nHost: test\r\n\r\n", true),
    ("GET /stream HTTP/1.1\r\nHost: test\r\n\r\n", true),
    ("GET /upgrade HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nhello", false),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n", false),
];

/// Lets a client come as far as [`LEAVING`] says, and go.
fn leave(proxy: &Proxy, backends: &[&Backend], (request, answered): (&str, bool)) {
    let count = || backends.iter().map(|backend| backend.count()).sum::<usize>();
    let before = count();
    let mut client = proxy.client();
    client.send(request);
    wait_until("a backend has the request", || count() > before);
    if answered {
        client.read_exactly(100);
    }
}

#[test]
fn a_client_that_leaves_takes_its_backend_connection_along() {
    let backend = unfinished();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for case in LEAVING {
        leave(&proxy, &[&backend], case);
        wait_until(&format!("the backend is rid of {}", case.0), || backend.open_connections() == 0);
    }
}

#[test]
fn what_is_in_flight_is_counted_right_after_every_kind_of_end() {
    let (release, served) = (Latch::default(), Arc::<Mutex<Vec<String>>>::default());
    let backends = ["a", "b"].map(|name| {
        let (release, served) = (release.clone(), Arc::clone(&served));
        Backend::start(move |exchange| match exchange.request.target() {
            "/count" => {
                served.lock().expect("no panic").push(name.to_owned());
                release.wait();
                exchange.respond(name);
            }
            "/reset" => {
                exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                exchange.reset();
            }
            "/die" => exchange.keep_alive = false,
            "/garbage" => {
                exchange.send("garbage\r\n\r\n");
                exchange.keep_alive = false;
            }
            // Only one of two leaves something behind, so that a wrong count shows.
            _ if name == "a" => exchange.wait_for_close(),
            _ => exchange.respond(name),
        })
    });
    let pool = "ejection = { enabled = false }";
    let proxy = Proxy::with_pool("\"least-conn\"", &backends.each_ref(), pool);
    for target in ["/reset", "/die", "/garbage"] {
        for _ in 0..5 {
            let mut client = proxy.client();
            client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
            let _ = client.try_response("GET");
        }
    }
    for case in LEAVING {
        for _ in 0..4 {
            leave(&proxy, &backends.each_ref(), (case.0, false));
        }
    }
    wait_until("the broken requests are over", || backends[0].open_connections() == 0);

    let mut clients: Vec<_> = (0..20).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send("GET /count HTTP/1.1\r\nHost: test\r\n\r\n");
        wait_until("it is in flight", || served.lock().expect("no panic").len() > number);
    }
    let on_a = served.lock().expect("no panic").iter().filter(|name| *name == "a").count();
    release.open();
    assert_eq!(on_a, 10, "of 20 requests in flight; the other backend has the rest");
    assert!(clients.iter_mut().all(|client| client.response("GET").status() == 200));
}

#[test]
fn a_client_that_ends_its_side_within_a_body_is_at_fault_itself() {
    let whole = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&whole);
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.whole {
            seen.store(true, Ordering::Relaxed);
        }
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for body in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{body}"));
        client.stream().shutdown(Shutdown::Write).expect("an open socket");
        // An answer isn't due to one who has left; if there is one, it doesn't blame the backend.
        if let Ok(Some(response)) = client.try_response("POST") {
            assert_eq!(response.status(), 400, "{response:?}");
        }
        wait_until("the backend is rid of it", || backend.open_connections() == 0);
    }
    assert!(!whole.load(Ordering::Relaxed), "a body that breaks off was passed on as whole");
}

/// Responses that stop where they may not.
const BROKEN: [(&str, &str); 6] = [
    ("/length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
    ("/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    ("/chunked-within", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello"),
    ("/chunked-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nz\r\n"),
    ("/chunked-end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"),
    // Its end is the end of the connection, but a reset is none.
    ("/until-reset", "HTTP/1.1 200 OK\r\n\r\nhello"),
];

#[test]
fn a_response_that_breaks_off_is_never_presented_as_whole() {
    let seen = Arc::new(Mutex::new(Latch::default()));
    let client_has_it = Arc::clone(&seen);
    let backend = Backend::start(move |exchange| {
        let (target, reset) = match exchange.request.target().split_once('?') {
            Some((target, _)) => (target.to_owned(), true),
            None => (exchange.request.target().to_owned(), false),
        };
        let Some((_, bytes)) = BROKEN.iter().find(|(broken, _)| *broken == target) else {
            return exchange.respond("good");
        };
        exchange.send(bytes);
        exchange.keep_alive = false;
        if reset {
            // A reset overtakes what was sent before it.
            let latch = client_has_it.lock().expect("no panic").clone();
            latch.wait();
            exchange.reset();
        }
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for (target, _) in BROKEN {
        for how in ["", "?reset"] {
            if (target, how) == ("/until-reset", "") {
                continue;
            }
            let latch = Latch::default();
            *seen.lock().expect("no panic") = latch.clone();
            let mut client = proxy.client();
            client.send(format!("GET {target}{how} HTTP/1.1\r\nHost: test\r\n\r\n"));
            wait_until("the response begins", || client.stream().peek(&mut [0]).is_ok_and(|count| count > 0));
            latch.open();
            let response = client.response("GET");
            assert_eq!((response.status(), response.whole), (200, false), "{target}{how}: {response:?}");
            assert!(client.is_closed(), "{target}{how}");
            assert_eq!(proxy.client().get("/good").text(), "good", "after {target}{how}");
        }
    }
}

#[test]
fn a_response_that_falls_silent_is_broken_off() {
    let backend = Backend::start(|exchange| {
        exchange.send(format!("{CHUNKED}5\r\nhello\r\n"));
        exchange.wait_for_close();
    });
    let proxy = Setup { pool: "idle_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    let response = client.get("/");
    assert_eq!((response.text().as_str(), response.whole), ("hello", false));
    assert!(client.is_closed());
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
}
