//! Backends that are there and say nothing.

use std::net::TcpListener;
use std::time::Duration;

use harness::{Backend, Client, Setup, sleep};
use socket2::{Domain, Socket, Type};

use crate::load::{CONNECTIONS, Method, under_load};
use crate::process::Process;

#[test]
fn a_stopped_backend_costs_gets_time_and_nothing_else() {
    let backends = [(); 3].map(|()| Process::start());
    let addresses: Vec<_> = backends.iter().map(Process::address).collect();
    let proxy = Setup {
        listener: "keepalive_requests = 1000000000",
        pool: "response_timeout = \"2s\"\n[pool.test.ejection]\nbase_time = \"2s\"\n",
        ..Setup::default()
    }
    .start_at(&addresses);
    let load = under_load(&proxy, Method::Get, |load| {
        backends[2].signal("STOP");
        proxy.log.wait_for("backend-ejected");
        load.wait_for_more(20 * CONNECTIONS);
        backends[2].signal("CONT");
        backends[2].wait_for_more(CONNECTIONS);
    });
    assert_eq!(load.failures(), Vec::<String>::new());
    assert!(load.slowest() >= Duration::from_secs(2), "somebody had to find out");
}

#[test]
fn a_backend_that_accepts_and_never_answers_is_left_after_the_timeout() {
    let silent = Backend::start(|exchange| exchange.wait_for_close());
    let good = Backend::named("good");
    let proxy = Setup {
        listener: "keepalive_requests = 1000000000",
        // Far longer than the good backend takes on a machine that is busy with other tests: its answers have this time, too.
        pool: "response_timeout = \"2s\"\n",
        ..Setup::default()
    }
    .start(&[&silent, &good]);
    let load = under_load(&proxy, Method::Get, |load| {
        proxy.log.wait_for("backend-ejected");
        load.wait_for_more(20 * CONNECTIONS);
    });
    assert_eq!(load.failures(), Vec::<String>::new());
}

/// An address on which connections are never completed: the queue of its listener is full, and nobody accepts.
fn black_hole() -> (TcpListener, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener
        .bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into())
        .expect("a port");
    listener.listen(0).expect("a listener");
    let listener: TcpListener = listener.into();
    let address = listener.local_addr().expect("an address").into();
    let waiting = (0..8)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    (listener, waiting)
}

#[test]
fn a_black_hole_costs_no_request_of_any_method() {
    let (hole, _waiting) = black_hole();
    let good = Backend::named("good");
    let addresses = [hole.local_addr().expect("an address"), good.address()];
    for method in [Method::Get, Method::Post] {
        let proxy = Setup {
            listener: "keepalive_requests = 1000000000",
            pool: "connect_timeout = \"2s\"\n",
            ..Setup::default()
        }
        .start_at(&addresses);
        let load = under_load(&proxy, method, |load| load.wait_for_more(20 * CONNECTIONS));
        assert_eq!(load.failures(), Vec::<String>::new(), "{method:?}: nothing was sent into it");
    }
}

#[test]
fn a_backend_that_trickles_is_slow_and_whole() {
    let trickle = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
        for _ in 0..20 {
            // It is slow.
            sleep(Duration::from_millis(20));
            exchange.send("x");
        }
    });
    let proxy = Setup { pool: "idle_timeout = \"5s\"\n", ..Setup::default() }.start(&[&trickle]);
    let mut client: Client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert!(response.whole && response.text() == "x".repeat(20), "{response:?}");
    }
}
