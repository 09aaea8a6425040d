//! Clients that are only there.

use std::collections::HashSet;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Proxy, Setup, wait_until};

/// Connections that were used once and then kept.
fn idle(proxy: &Proxy, count: usize) -> Vec<Client> {
    (0..count)
        .map(|_| {
            let mut client = proxy.client();
            assert_eq!(client.get("/").status(), 200);
            client
        })
        .collect()
}

/// Waits until all of these connections have been parked.
fn wait_until_parked(proxy: &Proxy, clients: &[Client]) {
    let address = |client: &Client| client.stream().local_addr().expect("an address").to_string();
    let addresses: HashSet<String> = clients.iter().map(address).collect();
    proxy.log.wait_where_many("connection-parked", clients.len(), |line| {
        line.field("peer").is_some_and(|peer| addresses.contains(peer))
    });
}

fn memory_of_idle_clients(count: usize) {
    let backend = Backend::named("backend");
    let setup =
        Setup { listener: "keepalive_timeout = \"10m\"\nmax_connections = 20000", ..Setup::default() };
    let proxy = Proxy::start_with_log("info,pointsman=debug", &setup.configuration(&[backend.address()]));
    // Whatever is made once is made now.
    drop(idle(&proxy, 50));
    let before = proxy.resident_memory();
    let mut clients = Vec::new();
    while clients.len() < count {
        // While they are served they need more.
        let more = idle(&proxy, count / 20);
        wait_until_parked(&proxy, &more);
        clients.extend(more);
    }
    let each = proxy.resident_memory().saturating_sub(before) / count as u64;
    println!("{count} idle clients, {each} bytes of resident memory each");
    assert!(each < 12 << 10, "{each} bytes each");
    for client in &mut clients {
        assert_eq!(client.get("/").status(), 200);
    }
}

#[test]
fn a_thousand_idle_clients_cost_little_memory() {
    memory_of_idle_clients(1_000);
}

#[test]
#[ignore = "needs 20,000 file descriptors in this process and in the proxy's"]
fn ten_thousand_idle_clients_cost_little_memory() {
    memory_of_idle_clients(10_000);
}

/// What the slowest but one of a hundred requests takes.
fn p99(client: &mut Client) -> Duration {
    let mut times: Vec<Duration> = (0..1_000)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(client.get("/").status(), 200);
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[989]
}

#[test]
fn slow_clients_are_closed_on_time_and_hold_nobody_up() {
    let backend = Backend::named("backend");
    let proxy = Setup {
        listener: "header_timeout = \"1s\"\nbody_timeout = \"1s\"\nkeepalive_requests = 1000000000",
        ..Setup::default()
    }
    .start(&[&backend]);
    let mut client = proxy.client();
    let alone = p99(&mut client);
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..400 {
        let mut client = proxy.client();
        client.send(match number % 2 {
            0 => "GET / HTTP/1.1\r\nHost: te",
            _ => "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nslow",
        });
        slow.push(client.stream().try_clone().expect("a socket"));
    }
    let among_slow = p99(&mut client);
    println!("p99 of a client: alone {alone:?}, among {} slow ones {among_slow:?}", slow.len());
    // Waiting for one of them would take up to a second. Others use this machine, too; on a quiet one it is the same.
    assert!(among_slow < 5 * alone + Duration::from_millis(50), "{among_slow:?} instead of {alone:?}");
    let mut served = 0;
    wait_until("all slow clients are closed", || {
        assert_eq!(client.get("/").status(), 200);
        served += 1;
        slow.retain(|stream| {
            stream.set_nonblocking(true).expect("a socket");
            // Told 408, then closed: something to read.
            stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        });
        slow.is_empty()
    });
    println!("{served} requests served meanwhile");
    assert!(served > 10);
}
