//! Connections to a port for TLS that never speak it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Authority, Backend, DEADLINE, Leaf, Proxy, Setup, Tls, keep_busy, wait_until};

/// What such a connection sends.
const JUNK: [&[u8]; 6] = [
    &[0; 600],
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 half a hello",
    b"\x16\x03\x01\xff\xff",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    b"",
];

fn send_junk(address: SocketAddr, junk: &[u8]) {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    // It may have been turned down already.
    let _ = socket.write_all(junk);
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let _ = socket.read_to_end(&mut Vec::new());
}

#[test]
fn they_cost_others_nothing_and_leave_nothing() {
    let (authority, backend) = (Authority::new("root"), Backend::named("backend"));
    let directory = tempfile::tempdir().expect("a directory");
    authority.issue(&Leaf::default()).write(directory.path(), "site");
    let listener = "keepalive_requests = 1000000000\n[listener.tls]\ncertificates = [{ cert = \"site.crt\", key = \"site.key\" }]";
    let setup = Setup { listener, ..Setup::default() };
    let proxy = Proxy::start_in(directory, &setup.configuration(&[backend.address()]));
    let (address, tls) = (proxy.address(), Tls::trusting(&authority));
    let rounds = |count: usize| {
        for _ in 0..count {
            JUNK.iter().for_each(|junk| send_junk(address, junk));
        }
    };
    // Whatever is made once is made now, and the program's pages that requests need are read.
    rounds(50);
    let mut first = tls.connect(address, "test");
    (0..200).for_each(|_| assert_eq!(first.get("/").status(), 200));
    drop(first);
    let before = proxy.resident_memory();
    let served = AtomicUsize::new(0);
    keep_busy(
        0..2,
        |_, running| {
            let mut client = tls.connect(address, "test");
            while running.goes_on() {
                assert_eq!(client.get("/").status(), 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        },
        || {
            rounds(500);
            wait_until("others are served", || served.load(Ordering::Relaxed) > 100);
        },
    );
    let more = proxy.resident_memory().saturating_sub(before);
    let (junk, served) = (500 * JUNK.len(), served.into_inner());
    println!("{junk} connections of junk, {served} requests meanwhile, {more} bytes more");
    assert!(more < 2 << 20, "{more} bytes more");
    assert!(proxy.log.errors().is_empty());
}
