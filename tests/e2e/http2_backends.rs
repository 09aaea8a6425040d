//! Backends that speak HTTP/2.

mod bodies;
mod faults;
mod frames;
mod heads;
mod over_tls;
mod refused;
mod reload;
mod sharing;
mod websockets_beside;

use std::net::SocketAddr;

use harness::{Client, Http2Backend, Proxy, Setup};

/// A proxy with one worker in front of backends over HTTP/2 in clear, with these lines of its pool.
fn start(backends: &[&Http2Backend], pool: &str) -> Proxy {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address()).collect();
    start_at(&addresses, pool)
}

fn start_at(backends: &[SocketAddr], pool: &str) -> Proxy {
    Proxy::start_with_log("info,pointsman=debug", &configuration(backends, pool))
}

fn configuration(backends: &[SocketAddr], pool: &str) -> String {
    let pool = format!("protocol = 'h2'\n{pool}");
    Setup { workers: 1, pool: &pool, ..Setup::default() }.configuration(backends)
}

/// Clients that have each sent a GET.
fn asking(proxy: &Proxy, count: usize, target: &str) -> Vec<Client> {
    let ask = |_| {
        let mut client = proxy.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        client
    };
    (0..count).map(ask).collect()
}
