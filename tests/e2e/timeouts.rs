//! Timeouts: 504 where the backend is late, 408 where the client is, and each limit with its own label.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use harness::{Backend, Client, Setup, sleep, wait_until};

fn silent() -> Backend {
    Backend::start(|exchange| exchange.wait_for_close())
}

/// A response that doesn't fit into the buffers between a backend and a client that doesn't read.
const LARGE: usize = 32 << 20;

const TOTAL: Setup<'_> =
    Setup { workers: 1, top: "", listener: "", policy: "\"round-robin\"", pool: "total_timeout = \"700ms\"" };

fn is_late_in_all(client: &mut Client, method: &str, status: u16) {
    let response = client.response(method);
    assert_eq!((response.status(), response.error_label()), (status, Some("total-timeout")));
}

#[test]
fn a_silent_backend_runs_out_of_the_time_for_all() {
    let backend = silent();
    let proxy = TOTAL.start(&[&backend]);
    for method in ["GET", "POST"] {
        let began = Instant::now();
        let mut client = proxy.client();
        client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        is_late_in_all(&mut client, method, 504);
        assert!(began.elapsed() >= Duration::from_millis(700), "never early");
    }
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
}

#[test]
fn all_attempts_share_the_time_for_all() {
    let backends = [silent(), silent(), silent(), silent(), silent(), silent()];
    let pool = "total_timeout = \"900ms\"\nejection = { enabled = false }\n[pool.test.retry]\nattempts = 5\nper_try_timeout = \"200ms\"";
    let proxy = Setup { pool, ..TOTAL }.start(&backends.each_ref());
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response("GET");
    assert_eq!(response.status(), 504);
    assert!(matches!(response.error_label(), Some("total-timeout" | "per-try-timeout")));
    let attempts: usize = backends.iter().map(Backend::count).sum();
    assert!((1..6).contains(&attempts), "{attempts} attempts of at least 200 ms each in 900 ms");
}

#[test]
fn a_response_that_goes_on_for_too_long_is_broken_off() {
    for pace in [Duration::from_millis(10), Duration::from_secs(600)] {
        let backend = Backend::start(move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
            if pace > Duration::from_secs(1) {
                return exchange.wait_for_close();
            }
            while exchange.try_send("1\r\nx\r\n").is_ok() {
                // Never silent for long, and never done.
                sleep(pace);
            }
            exchange.keep_alive = false;
        });
        let proxy = TOTAL.start(&[&backend]);
        let mut client = proxy.client();
        let response = client.get("/");
        assert_eq!((response.status(), response.whole), (200, false), "every {pace:?}");
        assert!(!response.body.is_empty());
        wait_until("the backend is rid of it", || backend.open_connections() == 0);
    }
}

#[test]
fn a_client_that_takes_all_the_time_to_send_gets_408() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        assert!(!exchange.request.whole, "half a body isn't a whole one");
    });
    let proxy = TOTAL.start(&[&backend]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhello");
    is_late_in_all(&mut client, "POST", 408);
    assert!(client.is_closed());
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
}

#[test]
fn a_client_that_takes_all_the_time_to_receive_is_cut_off() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while exchange.try_send([0; 64 * 1024]).is_ok() {}
        exchange.keep_alive = false;
    });
    let proxy = TOTAL.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
    let mut rest = Vec::new();
    let _ = client.reader().read_to_end(&mut rest);
    assert!(rest.len() < 1_000_000_000);
}

#[test]
fn each_request_of_a_connection_has_its_own_time() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        exchange.respond("in time");
    });
    let proxy = TOTAL.start(&[&backend]);
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "in time");
        // Three of these are longer than one request may take.
        sleep(Duration::from_millis(400));
    }
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!([client.response("GET").text(), client.response("GET").text()], ["in time"; 2]);
}

#[test]
fn nothing_of_the_time_for_all_is_left_for_a_route_without_it() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        match exchange.request.target() {
            "/free" => {
                // Longer than a request to the other pool may take.
                sleep(Duration::from_millis(1_200));
                exchange.respond("served");
            }
            "/free/large" => exchange.respond(&"x".repeat(LARGE)),
            _ => exchange.respond("served"),
        }
    });
    let top = "[[route]]\npath = \"/free\"\npool = \"free\"\n[[route]]\npool = \"test\"";
    let free = format!("{}\n[pool.free]\nbackends = [\"{}\"]", TOTAL.pool, backend.address());
    let proxy = Setup { top, pool: &free, ..TOTAL }.start(&[&backend]);
    let mut client = proxy.client();
    // One behind the other on one connection, and the first with the second already there.
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /free HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!([client.response("GET").text(), client.response("GET").text()], ["served"; 2]);
    assert_eq!([client.get("/").text(), client.get("/free").text()], ["served"; 2]);
    // And one that the client takes its time to receive.
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /free/large HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("GET").text(), "served");
    sleep(Duration::from_millis(1_200));
    let large = client.response("GET");
    assert!(large.whole && large.body.len() == LARGE, "{large:?}");
}

#[test]
fn an_upgraded_connection_is_exempt() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        exchange.keep_alive = false;
        let mut byte = [0];
        while exchange.reader.read_exact(&mut byte).is_ok() {
            exchange.send(byte);
        }
    });
    let proxy = TOTAL.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    // Silent for longer than a request may take.
    sleep(Duration::from_millis(1_500));
    client.send("x");
    assert_eq!(client.read_exactly(1), b"x");
}

#[test]
fn a_client_that_takes_too_little_is_cut_off() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while exchange.try_send([0; 64 * 1024]).is_ok() {}
        exchange.keep_alive = false;
    });
    let proxy = Setup { listener: "min_send_rate = \"1GiB\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    // Some now and then: never silent for long, and never fast.
    let began = Instant::now();
    let mut some = [0; 64 * 1024];
    wait_until("the backend is rid of it", || {
        let _ = client.reader().get_mut().flush();
        let _ = client.reader().read(&mut some);
        // Far less than the rate that is demanded.
        sleep(Duration::from_millis(20));
        backend.open_connections() == 0
    });
    assert!(began.elapsed() >= Duration::from_secs(9), "after the grace of 10 s: {:?}", began.elapsed());
}

#[test]
fn a_backend_may_be_silent_while_the_client_talks() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
        exchange.read_body();
        exchange.send("two");
    });
    let proxy = Setup { workers: 1, pool: "idle_timeout = \"1s\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        // Longer in all than the backend may be silent.
        sleep(Duration::from_millis(200));
        client.send("x");
    }
    assert_eq!(client.response("POST").text(), "onetwo");
}
