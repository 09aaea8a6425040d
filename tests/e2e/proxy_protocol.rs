//! The PROXY protocol, from proxies in front and towards backends.

mod backends;
mod clients;
mod headers;
mod with_tls;

use std::net::{Ipv4Addr, SocketAddr};

use harness::{Backend, Client, LogLine, Proxy, Setup};

/// 192.0.2.1:56324 to 198.51.100.7:443, in version 1.
const V1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";

/// The same in version 2.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb";

/// A connection of the sender's own, in version 2.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A listener that expects headers from this machine's first address.
const EXPECTED: &str = "proxy_protocol = { from = ['127.0.0.1'] }";

/// A proxy with these lines of its listener, whose log tells of each connection.
fn start(listener: &str, backend: &Backend) -> Proxy {
    let setup = Setup { listener, workers: 1, ..Setup::default() };
    Proxy::start_with_log("info,pointsman=debug", &setup.configuration(&[backend.address()]))
}

/// A backend that answers with `X-Forwarded-For`.
fn tells_client() -> Backend {
    Backend::start(|exchange| {
        let client = exchange.request.values("x-forwarded-for").join("|");
        exchange.respond(&client);
    })
}

/// Connects from an address of this machine.
fn connect_from(last: u8, address: SocketAddr) -> Client {
    Client::connect_from(Ipv4Addr::new(127, 0, 0, last).into(), address)
}

/// Waits for this number of refused headers; the last one.
fn refused(proxy: &Proxy, count: usize) -> LogLine {
    proxy.log.wait_for_many("proxy-header-refused", count).remove(count - 1)
}
