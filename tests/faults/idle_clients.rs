//! Clients that are only there.

use std::collections::HashSet;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Backend, Client, DEADLINE, Proxy, Setup};

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

/// Requests one after the other, for as long as it goes on, and what 99 of 100 of them took at most.
fn p99(client: &mut Client, mut goes_on: impl FnMut(usize) -> bool) -> (Duration, usize) {
    let mut times = Vec::new();
    while goes_on(times.len()) {
        let began = Instant::now();
        assert_eq!(client.get("/").status(), 200);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    (times[times.len() - 1 - times.len() / 100], times.len())
}

#[test]
fn slow_clients_are_closed_on_time_and_delay_no_others() {
    let backend = Backend::named("backend");
    let proxy = Setup {
        listener: "header_timeout = \"1s\"\nbody_timeout = \"1s\"\nkeepalive_requests = 1000000000",
        ..Setup::default()
    }
    .start(&[&backend]);
    let mut client = proxy.client();
    let (alone, _) = p99(&mut client, |requests| requests < 1_000);
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..400 {
        let mut client = proxy.client();
        client.send(match number % 2 {
            0 => "GET / HTTP/1.1\r\nHost: te",
            _ => "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nslow",
        });
        slow.push(client.stream().try_clone().expect("a socket"));
    }
    let began = Instant::now();
    // Until all of them are closed, however long the requests take: none is measured without them.
    let (among_slow, served) = p99(&mut client, |requests| {
        assert!(began.elapsed() < DEADLINE, "{} slow clients are still there", slow.len());
        if requests % 10 == 0 {
            slow.retain(|stream| {
                stream.set_nonblocking(true).expect("a socket");
                // Told 408, then closed: something to read.
                stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
            });
        }
        !slow.is_empty()
    });
    println!(
        "p99 of a client: alone {alone:?}, among slow ones {among_slow:?}; {served} requests served meanwhile"
    );
    // Others use this machine; on a quiet one it is the same. One that had no time for the proxy's own thread measures nothing.
    let is_starved = !proxy.log.events("worker-stalled").is_empty();
    assert!(
        is_starved || among_slow < 5 * alone + Duration::from_millis(5),
        "{among_slow:?} instead of {alone:?}"
    );
    assert!(served > 10);
}
