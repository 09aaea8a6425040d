//! A client that is too slow is told so and cut off; one that says nothing is just cut off.

use std::io::Read;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Latch, Setup, sleep, wait_until};

fn is_timed_out(client: &mut Client) {
    let response = client.response("POST");
    let answer = (response.status(), response.error_label(), response.header("connection"));
    assert_eq!(answer, (408, Some("request-timeout"), Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_head_that_does_not_come_to_its_end_in_time_is_answered_with_408() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "header_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: te");
    is_timed_out(&mut client);

    // More bytes don't buy more time.
    let mut client = proxy.client();
    client.stream().set_nonblocking(true).expect("a socket");
    client.send("GET / HTTP/1.1\r\nX: ");
    wait_until("the proxy answers", || {
        let _ = client.try_send("y");
        client.stream().peek(&mut [0]).is_ok()
    });
    client.stream().set_nonblocking(false).expect("a socket");
    is_timed_out(&mut client);

    let mut client = proxy.client();
    assert_eq!(client.get("/").status(), 200);
    client.send("GET / HTTP/1.1\r\n");
    is_timed_out(&mut client);
    assert_eq!(backend.count(), 1);
}

#[test]
fn a_head_that_begins_during_the_response_before_it_has_no_longer() {
    let respond = Latch::default();
    let held = respond.clone();
    let backend = Backend::start(move |exchange| {
        held.wait();
        exchange.respond("slow");
    });
    let proxy = Setup { listener: "header_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT");
    backend.wait_for_requests(1);
    respond.open();
    assert_eq!(client.response("GET").text(), "slow");
    is_timed_out(&mut client);
}

#[test]
fn a_connection_without_a_first_byte_is_closed_silently() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "header_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    assert!(proxy.client().is_closed());
    assert_eq!(proxy.client().get("/").status(), 200);
}

#[test]
fn a_body_that_stops_coming_is_answered_with_408() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        assert!(!exchange.request.whole, "half a body isn't a whole one");
    });
    let proxy = Setup { listener: "body_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    for (framing, part) in [("Content-Length: 10", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n")]
    {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n{part}"));
        is_timed_out(&mut client);
    }
    wait_until("the broken requests are off the backend", || backend.open_connections() == 0);
}

#[test]
fn a_body_that_keeps_coming_may_take_longer_than_the_longest_silence() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "body_timeout = \"2s\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 30\r\n\r\n");
    let began = Instant::now();
    for _ in 0..30 {
        // Each silence is shorter than the limit, and all of them together are longer.
        sleep(Duration::from_millis(90));
        client.send("x");
    }
    assert!(began.elapsed().as_secs() >= 2);
    assert_eq!(client.response("POST").status(), 200);
}

#[test]
fn an_idle_connection_is_closed_silently() {
    let backend = Backend::named("backend");
    let proxy = Setup { listener: "keepalive_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(client.get("/").status(), 200);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while exchange.try_send([0; 64 * 1024]).is_ok() {}
        exchange.keep_alive = false;
    });
    let proxy = Setup { listener: "send_timeout = \"300ms\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    wait_until("the backend is rid of it", || backend.open_connections() == 0);
    // What lay in the buffers still comes, but not all of it.
    let mut rest = Vec::new();
    let _ = client.reader().read_to_end(&mut rest);
    assert!(rest.len() < 1_000_000_000);
}
