//! What a client's silence, slowness or abort causes is never counted against a backend.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::{Backend, Client, Exchange, Proxy, Setup, wait_until};

/// How long a backend waits for more of a request.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes what comes, and closes after [`PATIENCE`] without anything.
fn lose_patience(exchange: &mut Exchange<'_>) {
    exchange.keep_alive = false;
    exchange.reader.get_ref().set_read_timeout(Some(PATIENCE)).expect("a timeout");
    while exchange.reader.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
}

/// A backend with no patience for those who don't send what they have announced.
fn impatient(name: &'static str, ended: &Arc<AtomicUsize>) -> Backend {
    let ended = Arc::clone(ended);
    Backend::start(move |exchange| match exchange.request.target() {
        "/silent" => {
            lose_patience(exchange);
            ended.fetch_add(1, Ordering::Relaxed);
        }
        "/answered" => {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
            lose_patience(exchange);
            ended.fetch_add(1, Ordering::Relaxed);
        }
        "/large" => {
            let stream = exchange.reader.get_mut();
            stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while stream.write_all(&[b'x'; 65_536]).is_ok() {}
            exchange.reset();
            ended.fetch_add(1, Ordering::Relaxed);
        }
        _ => exchange.respond(name),
    })
}

fn check_that_both_serve(proxy: &Proxy) {
    assert_eq!(proxy.log.events("backend-ejected"), []);
    let mut client = proxy.client();
    let served: String = (0..20).map(|_| client.get("/").text()).collect();
    assert_eq!((served.matches('a').count(), served.matches('b').count()), (10, 10));
}

/// Has this many clients send this, and nothing more, until the backends have lost patience with all of them.
fn silent_clients(request: &str, count: usize) -> (Proxy, Vec<Client>) {
    let ended = Arc::default();
    let backends = ["a", "b"].map(|name| impatient(name, &ended));
    let proxy = Setup::default().start(&backends.each_ref());
    let clients: Vec<Client> = (0..count)
        .map(|_| {
            let mut client = proxy.client();
            client.send(request);
            client
        })
        .collect();
    wait_until("the backends have closed", || ended.load(Ordering::Relaxed) == count);
    check_that_both_serve(&proxy);
    drop(backends);
    (proxy, clients)
}

#[test]
fn clients_that_fall_silent_within_a_body() {
    for body in ["Content-Length: 1000\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        for method in ["POST", "PUT"] {
            let request = format!("{method} /silent HTTP/1.1\r\nHost: test\r\n{body}");
            let (_proxy, mut clients) = silent_clients(&request, 60);
            for client in &mut clients {
                let response = client.response(method);
                assert_eq!((response.status(), response.error_label()), (408, Some("client-stalled")));
            }
        }
    }
}

#[test]
fn clients_that_fall_silent_while_they_are_answered() {
    let request = "POST /answered HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhello";
    let (_proxy, mut clients) = silent_clients(request, 60);
    for client in &mut clients {
        let response = client.response("POST");
        assert_eq!((response.status(), response.whole), (200, false));
    }
}

#[test]
fn clients_that_do_not_read() {
    let (proxy, clients) = silent_clients("GET /large HTTP/1.1\r\nHost: test\r\n\r\n", 20);
    // That the backends have broken off shows when the clients have taken what was there.
    for mut client in clients {
        let response = client.response("GET");
        assert_eq!((response.status(), response.whole), (200, false));
    }
    assert_eq!(proxy.log.events("backend-ejected"), []);
}

#[test]
fn clients_that_break_off_an_upload_which_is_being_answered() {
    let ended = Arc::default();
    let backends = ["a", "b"].map(|name| impatient(name, &ended));
    let proxy = Setup::default().start(&backends.each_ref());
    let mut clients: Vec<Client> = (0..60).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send(
            "POST /answered HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        );
        client.read_exactly(100);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        match number % 2 {
            0 => client.stream().shutdown(Shutdown::Write).expect("an open socket"),
            // No chunk begins like this.
            _ => drop(client.send("nonsense\r\n")),
        }
    }
    wait_until("the backends are rid of them", || ended.load(Ordering::Relaxed) == 60);
    check_that_both_serve(&proxy);
}

/// What isn't the client's doing still counts: these clients send all that they can.
#[test]
fn a_backend_that_breaks_uploads_off_is_ejected() {
    let broken = Backend::start(|exchange| {
        let _ = exchange.reader.read(&mut [0; 1024]);
        exchange.reset();
    });
    let good = Backend::named("good");
    let proxy = Setup::default().start(&[&broken, &good]);
    wait_until("it is ejected", || {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
        let _ = client.try_send(vec![b'x'; 1_000_000]);
        let _ = client.try_response("POST");
        !proxy.log.events("backend-ejected").is_empty()
    });
}
