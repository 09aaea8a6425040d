//! Who shares a connection, and how long it lasts.

use std::sync::Arc;

use h2::Reason;
use harness::{Client, Http2Backend, Proxy, Setup, wait_until};
use http::Response;
use tokio::sync::Semaphore;

use super::{asking, frames, start, start_at};

/// A backend that answers when the test lets it, with these settings.
fn held(settings: &h2::server::Builder) -> (Http2Backend, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let waited = Arc::clone(&gate);
    let backend = Http2Backend::start(settings, move |mut exchange| {
        let gate = Arc::clone(&waited);
        async move {
            gate.acquire().await.expect("open").forget();
            exchange.read_and_answer("done").await;
        }
    });
    (backend, gate)
}

fn all_done(clients: &mut [Client]) {
    for client in clients {
        assert_eq!(client.response("GET").text(), "done");
    }
}

#[test]
fn a_burst_of_requests_shares_one_connection() {
    let (backend, gate) = held(&h2::server::Builder::new());
    let proxy = start(&[&backend], "");
    let mut clients = asking(&proxy, 32, "/");
    wait_until("all are there", || backend.open_streams() == 32);
    gate.add_permits(32);
    all_done(&mut clients);
    assert_eq!(backend.connections(), 1);
}

#[test]
fn another_connection_is_made_when_all_are_full() {
    for (own, theirs) in [(3, 100), (100, 3)] {
        let mut settings = h2::server::Builder::new();
        settings.max_concurrent_streams(theirs);
        let (backend, gate) = held(&settings);
        let proxy = start(&[&backend], &format!("http2_max_streams = {own}"));
        let mut clients = asking(&proxy, 9, "/");
        wait_until("all are there", || backend.open_streams() == 9);
        assert_eq!(backend.connections(), 3);
        gate.add_permits(9);
        all_done(&mut clients);
    }
}

#[test]
fn uploads_that_wait_for_a_stream_go_on_when_they_have_it() {
    for (theirs, pool) in [(1, ""), (2, "max_connections = 1\nconnect_timeout = '60s'"), (10, "")] {
        let mut settings = h2::server::Builder::new();
        settings.max_concurrent_streams(theirs);
        let backend = Http2Backend::start(&settings, |mut exchange| async move {
            exchange.read_and_answer("done").await;
        });
        let proxy = start(&[&backend], pool);
        let mut clients: Vec<Client> = (0..40).map(|_| proxy.client()).collect();
        for _ in 0..5 {
            for client in &mut clients {
                client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
            }
            all_done(&mut clients);
        }
    }
}

#[test]
fn without_another_connection_requests_wait_for_a_stream() {
    let mut settings = h2::server::Builder::new();
    settings.max_concurrent_streams(3);
    let (backend, gate) = held(&settings);
    let proxy = start(&[&backend], "max_connections = 1\nconnect_timeout = '60s'");
    let mut clients = asking(&proxy, 20, "/");
    wait_until("it is full", || backend.open_streams() == 3);
    gate.add_permits(20);
    all_done(&mut clients);
    assert_eq!((backend.connections(), backend.most_streams()), (1, 3));
}

#[test]
fn the_wait_for_a_stream_ends() {
    let mut settings = h2::server::Builder::new();
    settings.max_concurrent_streams(1);
    let (backend, gate) = held(&settings);
    let proxy = start(&[&backend], "max_connections = 1\nconnect_timeout = '100ms'");
    let mut clients = asking(&proxy, 1, "/");
    wait_until("it is full", || backend.open_streams() == 1);
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (504, Some("no-stream")));
    gate.add_permits(1);
    all_done(&mut clients);
}

#[test]
fn clients_that_read_nothing_stop_nobody() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        let body = vec![b'x'; if exchange.request.uri().path() == "/large" { 4 << 20 } else { 1 << 20 }];
        exchange.read_and_answer(&body).await;
    });
    let proxy = start(&[&backend], "");
    let stopped = asking(&proxy, 30, "/large");
    wait_until("all are there", || backend.open_streams() == 30);
    let response = proxy.client().get("/");
    assert_eq!((response.body.len(), response.whole), (1 << 20, true));
    assert_eq!((backend.connections(), backend.open_streams()), (1, 30));
    drop(stopped);
    wait_until("their streams are cancelled", || backend.open_streams() == 0);
    // However many are cancelled at a time, with what is still on its way.
    for _ in 0..4 {
        let stopped = asking(&proxy, 60, "/large");
        wait_until("all are there", || backend.open_streams() == 60);
        drop(stopped);
        assert_eq!(proxy.client().get("/").status(), 200);
    }
    wait_until("their streams are cancelled", || backend.open_streams() == 0);
    assert_eq!((proxy.client().get("/").status(), backend.connections()), (200, 1));
}

#[test]
fn a_client_that_leaves_cancels_its_stream_only() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        if exchange.request.uri().path() == "/held" {
            let reason = std::future::poll_fn(|cx| exchange.respond.poll_reset(cx)).await;
            assert_eq!(reason.expect("a reset"), Reason::CANCEL);
        } else {
            exchange.read_and_answer("").await;
        }
    });
    let proxy = start(&[&backend], "");
    let clients = asking(&proxy, 5, "/held");
    wait_until("all are there", || backend.open_streams() == 5);
    drop(clients);
    wait_until("all are cancelled", || backend.open_streams() == 0);
    assert_eq!((proxy.client().get("/").status(), backend.connections()), (200, 1));
}

#[test]
fn an_idle_connection_is_closed_and_a_used_one_is_not() {
    let backend = Http2Backend::named("");
    let proxy = start(&[&backend], "idle_connection_timeout = '100ms'");
    assert_eq!(proxy.client().get("/").status(), 200);
    wait_until("it is closed", || backend.open_connections() == 0);
    assert_eq!((proxy.client().get("/").status(), backend.connections()), (200, 2));

    let (backend, gate) = held(&h2::server::Builder::new());
    let proxy = start(&[&backend], "idle_connections = 0");
    let mut clients = asking(&proxy, 2, "/");
    wait_until("both are there", || backend.open_streams() == 2);
    gate.add_permits(1);
    wait_until("one is over", || backend.open_streams() == 1);
    assert_eq!(backend.open_connections(), 1);
    gate.add_permits(1);
    all_done(&mut clients);
    wait_until("it is closed", || backend.open_connections() == 0);
}

#[test]
fn a_backend_that_leaves_gets_nothing_new_and_ends_what_it_has() {
    let (backend, gate) = held(&h2::server::Builder::new());
    let leaving = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        exchange.leave.notify_one();
        exchange.read_and_answer("").await;
    });
    let proxy = start(&[&leaving], "");
    for number in 1..=5 {
        assert_eq!(proxy.client().get("/").status(), 200);
        wait_until("it has left", || leaving.open_connections() == 0);
        assert_eq!(leaving.connections(), number);
    }
    // One that goes from the configuration ends what it has as well.
    let proxy = start(&[&backend, &leaving], "");
    let mut clients: Vec<_> = asking(&proxy, 4, "/");
    wait_until("half are there", || backend.open_streams() == 2);
    proxy.reload(&super::configuration(&[leaving.address()], ""));
    gate.add_permits(2);
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.response("GET").status()).collect();
    assert_eq!(statuses, [200; 4]);
    wait_until("it is left alone", || backend.open_connections() == 0);
}

#[test]
fn workers_hand_a_scarce_connection_over() {
    let backend = Http2Backend::named("done");
    let pool = "protocol = 'h2'\nmax_connections = 1\nconnect_timeout = '10s'";
    let proxy: Proxy = Setup { workers: 2, pool, ..Setup::default() }.start_at(&[backend.address()]);
    for _ in 0..10 {
        all_done(&mut asking(&proxy, 8, "/"));
    }
}

#[test]
fn a_connection_that_broke_while_idle_costs_nothing() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        let head = Response::builder().header("content-length", 0).body(()).expect("a head");
        let _ = exchange.respond.send_response(head, true);
        exchange.leave.notify_one();
    });
    let closing = frames::serve(|mut peer| {
        while let Some(frame) = peer.next() {
            if frame.ends_stream() {
                peer.answer(frame.stream, b"");
                return peer.close();
            }
        }
    });
    let addresses = [backend.address(), closing.address()];
    let proxy = start_at(&addresses, "[pool.test.retry]\nattempts = 0");
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").status(), 200);
        let is_closed = || closing.closed() == closing.connections();
        wait_until("it is closed", is_closed);
        assert_eq!(client.post("/", b"x").status(), 200);
        wait_until("it is closed", is_closed);
    }
}

#[test]
fn what_a_backend_takes_with_it_goes_to_another_one_if_that_is_safe() {
    let (dying, _gate) = held(&h2::server::Builder::new());
    let other = Http2Backend::named("done");
    let pool = "[pool.test.retry]\nbudget_per_second = 1000\n";
    let proxy = start(&[&dying, &other], pool);
    let mut clients = asking(&proxy, 32, "/");
    wait_until("half are there", || dying.open_streams() == 16);
    let mut posts: Vec<Client> = Vec::new();
    for number in 0..2 {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx");
        posts.push(client);
        wait_until("it is there", || dying.heads().len() + other.heads().len() == 33 + number);
    }
    drop(dying);
    all_done(&mut clients);
    let mut statuses: Vec<u16> = posts.iter_mut().map(|client| client.response("POST").status()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
}

#[test]
fn a_connection_on_which_a_user_is_authenticated_is_nobody_elses() {
    let backend = Http2Backend::start(&h2::server::Builder::new(), |mut exchange| async move {
        let challenges = exchange.request.uri().path() == "/challenge";
        let head = Response::builder().status(if challenges { 401 } else { 200 });
        let head = if challenges { head.header("www-authenticate", "Negotiate") } else { head };
        exchange.respond.send_response(head.body(()).expect("a head"), true).expect("a response");
    });
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    let mut connections = Vec::new();
    for (target, fields) in [
        ("/", ""),
        ("/", "Authorization: Basic x\r\n"),
        ("/", "Authorization: Negotiate x\r\n"),
        ("/", ""),
        ("/challenge", ""),
        ("/", ""),
    ] {
        client.get_with(target, fields);
        connections.push(backend.connections());
    }
    assert_eq!(connections, [1, 1, 1, 2, 2, 3]);
}

#[test]
fn max_requests_counts_streams() {
    let (backend, gate) = held(&h2::server::Builder::new());
    let proxy = start(&[&backend], "max_requests = 5\nqueue.length = 0");
    let mut clients = asking(&proxy, 5, "/");
    wait_until("it is full", || backend.open_streams() == 5);
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (503, Some("queue-full")));
    gate.add_permits(5);
    all_done(&mut clients);
}

#[test]
fn requests_that_wait_for_a_stream_get_one_in_turn() {
    let (backend, gate) = held(h2::server::Builder::new().max_concurrent_streams(1));
    let proxy = start(&[&backend], "max_connections = 1\nconnect_timeout = '20s'");
    let targets: Vec<String> = (0..10).map(|number| format!("/{number}")).collect();
    let mut clients = Vec::new();
    for target in &targets {
        clients.extend(asking(&proxy, 1, target));
        // Nothing shows that a request waits: time for it to get there before the next one.
        harness::sleep(std::time::Duration::from_millis(30));
    }
    gate.add_permits(targets.len());
    for client in &mut clients {
        assert_eq!(client.response("GET").status(), 200);
    }
    let order: Vec<_> = backend.heads().iter().map(|head| head.uri().path().to_owned()).collect();
    assert_eq!(order, targets);
}
