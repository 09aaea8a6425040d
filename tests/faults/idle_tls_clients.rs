//! Clients over TLS that are only there.

use std::collections::HashSet;

use harness::frames::{self, END_HEADERS, END_STREAM, HEADERS, frame};
use harness::{Authority, Backend, Leaf, Proxy, Setup, Tls, TlsClient};

/// What the clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// What a connection may cost, bytes.
    fn limit(self) -> u64 {
        match self {
            Self::Http1 => 24 << 10,
            Self::Http2 => 40 << 10,
        }
    }

    /// A request on a connection that has had this number of them.
    fn ask(self, client: &mut TlsClient, before: u32) {
        match self {
            Self::Http1 => assert_eq!(client.get("/").status(), 200),
            Self::Http2 => {
                // `GET https://test/`.
                let stream = 1 + 2 * before;
                let request = frame(HEADERS, END_STREAM | END_HEADERS, stream, b"\x82\x87\x41\x04test\x84");
                if before == 0 {
                    client.send(frames::PREFACE);
                }
                let frames = frames::ask(client, &request, stream);
                assert!(frames.iter().any(|frame| frame.kind == frames::DATA), "{frames:?}");
            }
        }
    }
}

/// Connections that were used once and then kept.
fn idle(proxy: &Proxy, tls: &Tls, protocol: Protocol, count: usize) -> Vec<TlsClient> {
    (0..count)
        .map(|_| {
            let mut client = tls.connect(proxy.address(), "test");
            protocol.ask(&mut client, 0);
            client
        })
        .collect()
}

/// Waits until all of these connections have been parked.
fn wait_until_parked(proxy: &Proxy, clients: &mut [TlsClient]) {
    let address = |client: &mut TlsClient| client.stream().sock.local_addr().expect("an address").to_string();
    let addresses: HashSet<String> = clients.iter_mut().map(address).collect();
    proxy.log.wait_where_many("connection-parked", addresses.len(), |line| {
        line.field("peer").is_some_and(|peer| addresses.contains(peer))
    });
}

fn memory_of_idle_clients(count: usize, protocol: Protocol, version: impl Fn(Tls) -> Tls) {
    let (authority, backend) = (Authority::new("root"), Backend::named("backend"));
    let directory = tempfile::tempdir().expect("a directory");
    authority.issue(&Leaf::default()).write(directory.path(), "site");
    let listener = "keepalive_timeout = \"10m\"\nmax_connections = 20000\n[listener.tls]\n\
                    certificates = [{ cert = \"site.crt\", key = \"site.key\" }]";
    let setup = Setup { listener, ..Setup::default() };
    let configuration = setup.configuration(&[backend.address()]);
    let proxy = Proxy::start_in_with_log(directory, "info,pointsman=debug", &configuration);
    let tls = version(Tls::trusting(&authority));
    // Whatever is made once is made now.
    drop(idle(&proxy, &tls, protocol, 50));
    let before = proxy.resident_memory();
    let mut clients = Vec::new();
    while clients.len() < count {
        // While they are served they need more.
        let mut more = idle(&proxy, &tls, protocol, count / 20);
        if protocol == Protocol::Http1 {
            wait_until_parked(&proxy, &mut more);
        }
        clients.extend(more);
    }
    let each = proxy.resident_memory().saturating_sub(before) / count as u64;
    println!("{count} idle clients of {protocol:?} over TLS, {each} bytes of resident memory each");
    assert!(each < protocol.limit(), "{each} bytes each");
    for client in &mut clients {
        protocol.ask(client, 1);
    }
}

#[test]
fn a_thousand_idle_clients_cost_little_memory() {
    memory_of_idle_clients(1_000, Protocol::Http1, |tls| tls);
    memory_of_idle_clients(1_000, Protocol::Http1, Tls::only_12);
}

#[test]
fn a_thousand_idle_clients_of_http2_cost_little_memory() {
    memory_of_idle_clients(1_000, Protocol::Http2, |tls| tls.offering(&["h2"]));
}

#[test]
#[ignore = "needs 10,000 file descriptors in this process and in the proxy's"]
fn five_thousand_idle_clients_cost_little_memory() {
    memory_of_idle_clients(5_000, Protocol::Http1, |tls| tls);
    memory_of_idle_clients(5_000, Protocol::Http2, |tls| tls.offering(&["h2"]));
}
