//! A backend that answers before it has the request, and leaves: what it said is the answer (RFC 9112 section 9.5).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harness::{Backend, Request, Setup, wait_until};

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy";

/// How a backend leaves after its answer.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    /// Ends its side, and takes what still comes.
    HalfClose,
    /// Closes: what still comes is answered with a reset.
    Close,
    /// Doesn't leave.
    Stays,
}

/// A backend that says this as soon as it is connected to. It goes away when it is dropped.
struct Hasty {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Hasty {
    fn start(answer: &'static str, leaving: Leaving) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (connections, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, stopped) = (Arc::clone(&connections), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(answer.as_bytes());
                if matches!(leaving, Leaving::Close) {
                    continue;
                }
                std::thread::spawn(move || {
                    if matches!(leaving, Leaving::HalfClose) {
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                    let _ = stream.read_to_end(&mut Vec::new());
                });
            }
        });
        Self { address, connections, stop }
    }
}

impl Drop for Hasty {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(self.address);
    }
}

const REQUESTS: [(&str, &str); 4] = [
    ("GET", "GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
    ("POST", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"),
    ("POST", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    // More of its body never comes, and isn't needed.
    ("POST", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nhello"),
];

#[test]
fn it_is_relayed_every_time() {
    for leaving in [Leaving::HalfClose, Leaving::Close, Leaving::Stays] {
        for (answer, status, body) in [(OK, 200, "ok"), (BUSY, 503, "busy")] {
            let backend = Hasty::start(answer, leaving);
            // A refusal of the backend's is no reason to leave it alone here.
            let proxy = Setup { pool: "ejection = { enabled = false }", ..Setup::default() }
                .start_at(&[backend.address]);
            for round in 0..25 {
                for (method, request) in REQUESTS {
                    let mut client = proxy.client();
                    client.send(request);
                    let response = client.response(method);
                    let seen = (response.status(), response.text(), response.error_label().map(String::from));
                    let what = format!("{leaving:?}, round {round}: {request:?}");
                    assert_eq!(seen, (status, body.to_owned(), None), "{what}");
                }
            }
            assert_eq!(backend.connections.load(Ordering::Relaxed), 100, "each on a connection of its own");
        }
    }
}

#[test]
fn a_large_body_on_its_way_is_no_hindrance() {
    for leaving in [Leaving::HalfClose, Leaving::Close] {
        let backend = Hasty::start(OK, leaving);
        let proxy = Setup::default().start_at(&[backend.address]);
        for round in 0..10 {
            let mut client = proxy.client();
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4000000\r\n\r\n");
            // It may be refused in the middle: the answer is there.
            let _ = client.try_send(vec![b'x'; 4_000_000]);
            assert_eq!(client.response("POST").text(), "ok", "{leaving:?}, round {round}");
        }
    }
}

#[test]
fn a_backend_that_refuses_an_upload_and_closes_is_heard() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
        // With the body unread: the system answers more of it with a reset.
        exchange.keep_alive = false;
    });
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    for round in 0..20 {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4000000\r\n\r\n");
        let _ = client.try_send(vec![b'x'; 4_000_000]);
        let response = client.response("POST");
        assert_eq!((response.status(), response.text().as_str()), (413, "big"), "round {round}");
    }
}

/// What is still to come of the body would be taken for the next request.
#[test]
fn a_connection_on_which_it_came_before_the_body_serves_no_other_request() {
    let backend = Backend::start(|exchange| exchange.respond("early"));
    let proxy = Setup { workers: 1, ..Setup::default() }.start(&[&backend]);
    for framing in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        for rest in ["world", "5\r\nworld\r\n0\r\n\r\n"] {
            let mut client = proxy.client();
            client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{framing}"));
            let response = client.response("POST");
            assert_eq!((response.text().as_str(), response.header("connection")), ("early", Some("close")));
            let _ = client.try_send(rest);
            for _ in 0..3 {
                assert_eq!(proxy.client().get("/").text(), "early");
            }
        }
    }
    // It reads the body as heads, which is its own affair; those of others are whole, each on its own.
    let requests = backend.requests();
    let is_get = |request: &&Request| {
        request.first_line() == "GET / HTTP/1.1" && request.header("host") == Some("test")
    };
    assert_eq!(requests.iter().filter(is_get).count(), 12);
}

#[test]
fn health_checks_take_it_as_an_answer() {
    for leaving in [Leaving::HalfClose, Leaving::Close] {
        let backend = Hasty::start(OK, leaving);
        let check = "health_check = { type = \"http\", interval = \"20ms\", body_contains = \"ok\" }";
        let proxy = Setup { pool: check, ..Setup::default() }.start_at(&[backend.address]);
        wait_until("it was checked often", || backend.connections.load(Ordering::Relaxed) >= 100);
        // On a busy machine one may be late.
        for line in proxy.log.events("backend-unhealthy") {
            let reason = line.field("reason").expect("a reason");
            assert!(!reason.contains("no valid response"), "{leaving:?}: {line}");
        }
        assert_eq!(proxy.client().get("/").text(), "ok");
    }
}

/// One that accepts and leaves without a word has seen nothing: somebody else serves, whatever the method.
#[test]
fn one_that_leaves_without_a_word_costs_nothing() {
    let (silent, good) = (Hasty::start("", Leaving::Close), Backend::named("good"));
    let proxy = Setup { pool: "ejection = { enabled = false }", ..Setup::default() }
        .start_at(&[silent.address, good.address()]);
    let mut client = proxy.client();
    let served = (0..40).filter(|_| client.get("/").text() == "good").count();
    assert_eq!(served, 40);
}
