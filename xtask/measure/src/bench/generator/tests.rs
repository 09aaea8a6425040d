//! The generator against the backends themselves, and against what isn't one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::*;
use crate::bench::backend::{BackendSpeech, Backends};
use crate::bench::placement::{Cpus, Placement};
use crate::bench::schedule::Rate;
use crate::bench::speech::Speech;
use crate::certificate::Certificate;

fn backends(count: usize) -> Backends {
    Backends::start(count, Cpus::allowed().unwrap(), Placement::Unpinned).unwrap()
}

/// Runs once against one backend; returns what came of it, and the connections that it took.
fn run(request: &Request, reuse: Reuse, arrivals: Arrivals) -> (Outcome, u64) {
    let (backends, interrupt) = (backends(1), Interrupt::never());
    let mut generator = Generator::connect(backends.addresses()[0], 4, reuse, &interrupt).unwrap();
    let outcome = generator.run(request, arrivals).unwrap();
    assert_eq!(backends.counts().total(), outcome.succeeded);
    assert_eq!(backends.counts().faults, 0);
    (outcome, backends.counts().connections)
}

#[test]
fn every_counted_request_is_answered() {
    for (download, upload) in [(12, 0), (1 << 20, 0), (12, 1 << 20), (5000, 3)] {
        let request = Request::new(download, upload, Reuse::KeepAlive);
        let (outcome, connections) = run(&request, Reuse::KeepAlive, Arrivals::Counted { requests: 30 });
        assert_eq!((outcome.succeeded, outcome.failed()), (30, 0), "{download} {upload}");
        assert_eq!((outcome.reopened, connections), (0, 4), "{download} {upload}");
        assert!(outcome.latency_us(50.0) <= outcome.latency_us(99.0));
    }
}

#[test]
fn a_connection_for_each_request_is_one_for_each() {
    let request = Request::new(12, 0, Reuse::NewEachTime);
    let (outcome, connections) = run(&request, Reuse::NewEachTime, Arrivals::Counted { requests: 30 });
    assert_eq!((outcome.succeeded, outcome.failed()), (30, 0));
    assert_eq!(connections, 30);
}

#[test]
fn over_tls_everything_is_the_same() {
    let certificate = Certificate::make().unwrap();
    let tls = certificate.narrow_server().unwrap();
    let backends =
        Backends::speak(BackendSpeech::Tls(tls.into()), 1, Cpus::allowed().unwrap(), Placement::Unpinned)
            .unwrap();
    let (dialect, interrupt) = (Dialect::new(Speech::TLS, &certificate).unwrap(), Interrupt::never());
    for (reuse, connections) in [(Reuse::KeepAlive, 4), (Reuse::NewEachTime, 30)] {
        for (download, upload) in [(12, 0), (1 << 20, 0), (12, 1 << 20)] {
            let before = backends.counts();
            let request = Request::new(download, upload, reuse);
            let address = backends.addresses()[0];
            let mut generator = Generator::speak(&dialect, address, 4, reuse, &interrupt).unwrap();
            let outcome = generator.run(&request, Arrivals::Counted { requests: 30 }).unwrap();
            assert_eq!((outcome.succeeded, outcome.failed()), (30, 0), "{download} {upload}");
            assert_eq!(backends.counts().since(&before).connections, connections, "{download} {upload}");
            let said = generator.negotiated().unwrap().to_string();
            assert_eq!(said, "TLSv1_3, TLS13_AES_128_GCM_SHA256, X25519, nothing, handshake Full");
        }
    }
    assert_eq!(backends.counts().faults, 0);
}

#[test]
fn requests_of_http2_share_connections() {
    let (cpus, interrupt) = (Cpus::allowed().unwrap(), Interrupt::never());
    let backends = Backends::speak(BackendSpeech::Http2, 1, cpus, Placement::Unpinned).unwrap();
    let speech = Speech::http2(false, 8);
    let dialect = Dialect::new(speech, &Certificate::make().unwrap()).unwrap();
    let request = Request::new(12, 0, Reuse::KeepAlive).spoken(speech).unwrap();
    let address = backends.addresses()[0];
    let mut generator = Generator::speak(&dialect, address, 4, Reuse::KeepAlive, &interrupt).unwrap();
    for requests in [1, 1000] {
        let outcome = generator.run(&request, Arrivals::Counted { requests }).unwrap();
        assert_eq!((outcome.succeeded, outcome.failed(), outcome.reopened), (requests, 0, 0));
    }
    let counts = backends.counts();
    assert_eq!((counts.total(), counts.connections, counts.faults), (1001, 4, 0));
    drop(backends);
    let outcome = generator.run(&request, Arrivals::Counted { requests: 1 }).unwrap();
    assert_eq!(outcome.failures.keys().collect::<Vec<_>>(), [&Failure::Refused]);
}

#[test]
fn calls_are_answered_with_messages_and_trailers() {
    let (cpus, interrupt) = (Cpus::allowed().unwrap(), Interrupt::never());
    let speech = Speech::grpc(8);
    let dialect = Dialect::new(speech, &Certificate::make().unwrap()).unwrap();
    let request = Request::new(12, 0, Reuse::KeepAlive).spoken(speech).unwrap();
    for (backend, failures) in [(BackendSpeech::Grpc, None), (BackendSpeech::Http2, Some(Failure::Body))] {
        let backends = Backends::speak(backend, 1, cpus, Placement::Unpinned).unwrap();
        let address = backends.addresses()[0];
        let mut generator = Generator::speak(&dialect, address, 4, Reuse::KeepAlive, &interrupt).unwrap();
        let outcome = generator.run(&request, Arrivals::Counted { requests: 1000 }).unwrap();
        assert_eq!(outcome.failures.keys().copied().next(), failures);
        assert_eq!(outcome.succeeded + outcome.failed(), 1000);
        assert_eq!((backends.counts().total(), backends.counts().faults), (1000, 0));
    }
}

#[test]
fn an_open_loop_sends_all_that_is_due() {
    let request = Request::new(12, 0, Reuse::KeepAlive);
    let rate = Rate { per_second: 500.0, requests: 100 };
    let (outcome, _) = run(&request, Reuse::KeepAlive, Arrivals::Open(rate));
    assert_eq!((outcome.succeeded, outcome.failed()), (100, 0));
    assert!(outcome.elapsed >= Duration::from_millis(198), "{:?}", outcome.elapsed);
}

#[test]
fn a_closed_loop_ends_in_time() {
    let request = Request::new(12, 0, Reuse::KeepAlive);
    let time = Duration::from_millis(100);
    let (outcome, _) = run(&request, Reuse::KeepAlive, Arrivals::Closed { time });
    assert!(outcome.succeeded > 0 && outcome.elapsed >= time);
    assert_eq!(outcome.failed(), 0);
}

#[test]
fn requests_are_counted_at_the_backend_that_had_them() {
    let (backends, interrupt) = (backends(3), Interrupt::never());
    let request = Request::new(12, 0, Reuse::KeepAlive);
    for (address, requests) in backends.addresses().iter().zip(1..) {
        let mut generator = Generator::connect(*address, 1, Reuse::KeepAlive, &interrupt).unwrap();
        generator.run(&request, Arrivals::Counted { requests }).unwrap();
    }
    assert_eq!(backends.counts().requests, [1, 2, 3]);
}

#[test]
fn a_head_is_kept_when_it_is_asked_for() {
    let (backends, interrupt) = (backends(1), Interrupt::never());
    let request = Request::new(12, 0, Reuse::KeepAlive);
    let mut generator = Generator::connect(backends.addresses()[0], 1, Reuse::KeepAlive, &interrupt).unwrap();
    generator.run(&request, Arrivals::Counted { requests: 1 }).unwrap();
    assert_eq!(backends.kept(), None);
    backends.keep_next_head();
    generator.run(&request, Arrivals::Counted { requests: 2 }).unwrap();
    assert_eq!(backends.kept().map(|kept| kept.head).as_deref(), Some(request.bytes()));
    assert_eq!(backends.kept(), None);
}

/// Answers each connection's first request with some bytes, and closes it; for three connections.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.extend_from_slice(&byte);
            }
            let _ = stream.write_all(bytes);
        }
    });
    address
}

#[test]
fn a_failure_never_counts_as_a_success() {
    for (bytes, failure) in [
        (&b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\n000000000000"[..], Failure::Status),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n000000000000x", Failure::Body),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n000000000001", Failure::Body),
        (b"HTTP/1.1 200 OK\r\n\r\n000000000000", Failure::Malformed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n0000", Failure::Closed),
        (b"", Failure::Closed),
    ] {
        for reuse in [Reuse::KeepAlive, Reuse::NewEachTime] {
            let interrupt = Interrupt::never();
            let mut generator = Generator::connect(answering(bytes), 1, reuse, &interrupt).unwrap();
            let request = Request::new(12, 0, reuse);
            let outcome = generator.run(&request, Arrivals::Counted { requests: 1 }).unwrap();
            assert_eq!(outcome.succeeded, 0, "{}", bytes.escape_ascii());
            assert_eq!(outcome.failures.keys().collect::<Vec<_>>(), [&failure], "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn a_refused_connection_is_a_failure() {
    let address = TcpListener::bind(("127.0.0.11", 0)).and_then(|listener| listener.local_addr()).unwrap();
    let interrupt = Interrupt::never();
    let mut generator = Generator::connect(address, 2, Reuse::NewEachTime, &interrupt).unwrap();
    let request = Request::new(12, 0, Reuse::NewEachTime);
    let outcome = generator.run(&request, Arrivals::Counted { requests: 3 }).unwrap();
    assert_eq!((outcome.succeeded, outcome.failures.get(&Failure::Refused)), (0, Some(&3)));
}

/// Answers two requests a connection, announces the end with the second, and closes only when the peer has.
fn announcing() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            for connection in ["keep-alive", "Close"] {
                let mut line = String::new();
                while stream.read_line(&mut line).unwrap_or(0) > 2 {
                    line.clear();
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: 12\r\n\r\n000000000000"
                );
                let _ = stream.get_mut().write_all(head.as_bytes());
            }
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn an_announced_close_is_no_failure() {
    let interrupt = Interrupt::never();
    let mut generator = Generator::connect(announcing(), 1, Reuse::KeepAlive, &interrupt).unwrap();
    let request = Request::new(12, 0, Reuse::KeepAlive);
    let outcome = generator.run(&request, Arrivals::Counted { requests: 9 }).unwrap();
    assert_eq!((outcome.succeeded, outcome.failed(), outcome.reopened), (9, 0, 4));
}
