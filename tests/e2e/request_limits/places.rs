//! A place of a limit for requests at a time is free again however its request ends.

use std::io::Read as _;
use std::net::Shutdown;

use harness::{Backend, Client, Proxy, frames, wait_until};

use super::configuration;

const ASK: &str = "GET /tunnel HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// A backend that changes the protocol, is silent, breaks off or goes on for ever, as it is asked to.
fn backend() -> Backend {
    Backend::start(|exchange| match exchange.request.target() {
        "/tunnel" => {
            exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
            let mut bytes = [0; 100];
            while let Ok(read @ 1..) = exchange.reader.read(&mut bytes) {
                if bytes[..read].contains(&b'!') {
                    break;
                }
                exchange.send(&bytes[..read]);
            }
            exchange.keep_alive = false;
        }
        "/silent" => exchange.wait_for_close(),
        "/dies" => exchange.reset(),
        "/half" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            exchange.reset();
        }
        "/endless" => {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
            exchange.wait_for_close();
        }
        _ => {
            exchange.read_body();
            exchange.respond("web");
        }
    })
}

fn start(backend: &Backend) -> Proxy {
    Proxy::start(&configuration("key = \"all\"\nconcurrency = 1", "", backend))
}

/// The only place is taken by what runs.
fn is_taken(proxy: &Proxy, by: &str) {
    let refused = proxy.client().get("/");
    assert_eq!((refused.status(), refused.error_label()), (429, Some("concurrency-limited")), "{by}");
    assert_eq!(refused.header("retry-after"), Some("1"));
}

fn is_free(proxy: &Proxy, after: &str) {
    wait_until(&format!("the place is free after {after}"), || proxy.client().get("/").status() == 200);
    // Once free, it isn't free twice.
    let mut held = proxy.client();
    held.send(ASK);
    assert_eq!(held.response("GET").status(), 101);
    is_taken(proxy, after);
    held.send("!");
    assert!(held.is_closed());
    wait_until("the tunnel has ended", || proxy.client().get("/").status() == 200);
}

#[test]
fn tunnels_hold_it_to_their_end() {
    let backend = backend();
    let proxy = start(&backend);
    for end in ["the client's", "the client's half", "the backend's"] {
        let mut client = proxy.client();
        client.send(ASK);
        assert_eq!(client.response("GET").status(), 101);
        client.send("echo");
        assert_eq!(client.read_exactly(4), b"echo");
        is_taken(&proxy, end);
        match end {
            "the client's" => drop(client),
            "the client's half" => client.stream().shutdown(Shutdown::Write).expect("an end"),
            _ => drop(client.send("!")),
        }
        is_free(&proxy, end);
    }
}

#[test]
fn clients_that_leave_and_backends_that_die_free_it() {
    let backend = backend();
    let proxy = start(&backend);
    for target in ["/silent", "/endless"] {
        let mut client = proxy.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        backend_has(&backend, target);
        is_taken(&proxy, target);
        drop(client);
        is_free(&proxy, target);
    }
    for (target, status) in [("/dies", 502), ("/half", 200)] {
        assert_eq!(proxy.client().post(target, b"x").status(), status, "{target}");
        is_free(&proxy, target);
    }
    // A body that is never sent to its end.
    let mut client = proxy.client();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nabc");
    backend_has(&backend, "/upload");
    is_taken(&proxy, "a body");
    drop(client);
    is_free(&proxy, "half a body");
}

#[test]
fn streams_that_are_reset_free_it() {
    let backend = backend();
    let proxy = start(&backend);
    let head = |target: &str| -> Vec<u8> {
        let all = [(":method", "GET"), (":scheme", "http"), (":path", target), (":authority", "test")];
        all.iter().flat_map(|(name, value)| frames::literal(name, value)).collect()
    };
    let flags = frames::END_HEADERS | frames::END_STREAM;
    let mut client = proxy.client();
    client.send(frames::PREFACE);
    for (stream, target) in [(1, "/silent"), (3, "/endless"), (5, "/silent")] {
        client.send(frames::frame(frames::HEADERS, flags, stream, &head(target)));
        backend_has(&backend, target);
        is_taken(&proxy, target);
        client.send(frames::frame(frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        is_free(&proxy, "a reset");
    }
    // A reset that comes with its request, which no backend may have seen.
    let both = [
        frames::frame(frames::HEADERS, flags, 7, &head("/silent")),
        frames::frame(frames::RST_STREAM, 0, 7, &8_u32.to_be_bytes()),
    ];
    client.send(both.concat());
    is_free(&proxy, "a request that was taken back at once");
    client.send(frames::frame(frames::HEADERS, flags, 9, &head("/endless")));
    backend_has(&backend, "/endless");
    is_taken(&proxy, "a stream");
    drop::<Client>(client);
    is_free(&proxy, "the connection's end");
}

/// Waits until the last request that has come is for this.
fn backend_has(backend: &Backend, target: &str) {
    wait_until(target, || backend.requests().last().is_some_and(|request| request.target() == target));
}
