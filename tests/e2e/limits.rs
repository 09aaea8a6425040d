//! No backend gets more than it may, no body is longer than it may be, and every place comes free again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Backend, Client, Latch, Proxy, Setup, constant, guest, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A backend that answers once the latch is open, and the most requests that it ever had at a time.
fn held(release: &Latch) -> (Backend, Arc<AtomicUsize>) {
    let (release, most) = (release.clone(), Arc::<AtomicUsize>::default());
    let (now, seen) = (AtomicUsize::new(0), Arc::clone(&most));
    let backend = Backend::start(move |exchange| {
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        release.wait();
        now.fetch_sub(1, Ordering::SeqCst);
        exchange.respond("served");
    });
    (backend, most)
}

#[test]
fn a_backend_never_has_more_requests_than_it_may() {
    for limit in ["max_requests = 2", "max_connections = 2"] {
        let release = Latch::default();
        let (backend, most) = held(&release);
        let pool = format!("{limit}\n[pool.test.queue]\ntimeout = \"60s\"");
        let proxy = Setup { workers: 4, pool: &pool, ..Setup::default() }.start(&[&backend]);
        let mut clients: Vec<Client> = (0..12).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        backend.wait_for_requests(2);
        release.open();
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "served", "{limit}");
        }
        assert_eq!((backend.count(), most.load(Ordering::SeqCst)), (12, 2), "{limit}");
    }
}

/// Two backends, of which the first may have one.
fn unequal(limit: &str, backends: [&Backend; 2]) -> String {
    let [first, second] = backends.map(Backend::address);
    format!(
        "workers = 4\n[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.test]\n{limit} = 5\nbackends = [{{ name = \"b0\", address = \"{first}\", {limit} = 1 }}, \
         {{ name = \"b1\", address = \"{second}\" }}]\n[pool.test.queue]\ntimeout = \"60s\"\n"
    )
}

#[test]
fn a_backend_has_its_own_limit_and_the_rest_waits() {
    for limit in ["max_requests", "max_connections"] {
        let release = Latch::default();
        let ((small, most_of_small), (large, most_of_large)) = (held(&release), held(&release));
        let proxy = Proxy::start(&unequal(limit, [&small, &large]));
        let mut clients: Vec<Client> = (0..12).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        small.wait_for_requests(1);
        large.wait_for_requests(5);
        let says = |sample: &str, value: f64| {
            wait_until(sample, || {
                let text = Client::connect(proxy.admin()).get("/metrics").text();
                text.lines().any(|line| {
                    line.strip_prefix(sample).is_some_and(|rest| rest.trim().parse() == Ok(value))
                })
            });
        };
        says("pointsman_pool_queue_requests{pool=\"test\"}", 6.0);
        says("pointsman_pool_capacity_requests{pool=\"test\"}", 6.0);
        says("pointsman_pool_saturation_ratio{pool=\"test\"}", 1.0);
        says("pointsman_backend_requests_limit{pool=\"test\",backend=\"b0\"}", 1.0);
        says("pointsman_backend_requests_limit{pool=\"test\",backend=\"b1\"}", 5.0);
        assert_eq!((small.count(), large.count()), (1, 5), "{limit}");
        release.open();
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "served", "{limit}");
        }
        let most = [most_of_small, most_of_large].map(|most| most.load(Ordering::SeqCst));
        assert_eq!(most, [1, 5], "{limit}");
    }
}

#[test]
fn connections_go_to_the_worker_that_needs_them() {
    let backend = Backend::named("backend");
    let pool = "max_connections = 2\n[pool.test.queue]\ntimeout = \"60s\"";
    let proxy = Setup { workers: 4, pool, ..Setup::default() }.start(&[&backend]);
    // So many clients that every worker has some, and all of them want the same two connections.
    let mut clients: Vec<Client> = (0..32).map(|_| proxy.client()).collect();
    for _ in 0..5 {
        for client in &mut clients {
            client.send(GET);
        }
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "backend");
        }
        // One after the other as well, when the idle ones are always elsewhere.
        for client in clients.iter_mut().step_by(5) {
            assert_eq!(client.get("/").text(), "backend");
        }
    }
    wait_until("no more than two are open", || backend.open_connections() <= 2);
}

#[test]
fn a_pick_of_a_full_backend_goes_to_another() {
    let release = Latch::default();
    let (first, _) = held(&release);
    let second = Backend::named("second");
    let proxy = Setup { pool: "max_requests = 1", ..Setup::default() }
        .start_with_policy(&constant(0, 1), &[&first, &second]);
    let mut waiting = proxy.client();
    waiting.send(GET);
    first.wait_for_requests(1);
    for _ in 0..10 {
        assert_eq!(proxy.client().get("/").text(), "second");
    }
    release.open();
    assert_eq!(waiting.response("GET").text(), "served");
    assert_eq!(proxy.client().get("/").text(), "served", "it has room again");
    assert_eq!((first.count(), second.count()), (2, 10));
    assert_eq!(proxy.log.events("policy-faulted"), [], "that was no fault of the policy's");
}

#[test]
fn a_policy_sees_what_is_full() {
    // Backend 1 if backend 0 is full, without being asked again.
    let watchful = guest(
        r#"(func (export "pointsman_pick") (result i64)
            (if (call $tried (i32.const 0)) (then (return (i64.const 0x100000000))))
            (if (i32.and (call $flags (i32.const 0)) (i32.const 16)) (then (return (i64.const 0x2000001a2))))
            (i64.const 0))"#,
    );
    let release = Latch::default();
    let (first, _) = held(&release);
    let second = Backend::named("second");
    let proxy = Setup { pool: "max_requests = 1", ..Setup::default() }
        .start_with_policy(&watchful, &[&first, &second]);
    let mut waiting = proxy.client();
    waiting.send(GET);
    first.wait_for_requests(1);
    assert_eq!(proxy.client().get("/").status(), 418);
    release.open();
    assert_eq!(waiting.response("GET").text(), "served");
    assert_eq!(proxy.client().get("/").text(), "served");
}

/// Whether the only place of a backend is free: nobody may wait for it.
fn is_free(proxy: &Proxy, after: &str) {
    wait_until(&format!("the place is free after {after}"), || proxy.client().get("/good").status() == 200);
}

#[test]
fn every_end_of_a_request_frees_its_place() {
    let backend = Backend::start(|exchange| match exchange.request.target() {
        "/reset" => exchange.reset(),
        "/silent" | "/left" => exchange.wait_for_close(),
        "/garbage" => {
            exchange.send("garbage\r\n\r\n");
            exchange.keep_alive = false;
        }
        "/half" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            exchange.keep_alive = false;
        }
        "/tunnel" => {
            exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
            exchange.wait_for_close();
        }
        "/sad" => exchange.send("HTTP/1.1 503 Sad\r\nContent-Length: 0\r\n\r\n"),
        _ => {
            exchange.read_body();
            exchange.respond("good");
        }
    });
    let pool = "max_requests = 1\nmax_connections = 1\nresponse_timeout = \"300ms\"\n[pool.test.queue]\nlength = 0\n\
                [pool.test.retry]\nstatuses = [503]";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    is_free(&proxy, "nothing");
    for (target, status) in
        [("/good", 200), ("/reset", 502), ("/silent", 504), ("/garbage", 502), ("/half", 200), ("/sad", 503)]
    {
        for method in ["GET", "POST"] {
            let mut client = proxy.client();
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
            assert_eq!(client.response(method).status(), status, "{method} {target}");
            is_free(&proxy, target);
        }
    }
    let seen = backend.count();
    let mut client = proxy.client();
    client.send("GET /left HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(seen + 1);
    drop(client);
    is_free(&proxy, "a client that has left");

    let mut client = proxy.client();
    client.send("GET /tunnel HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    assert_eq!(proxy.client().get("/good").status(), 503, "a tunnel is in flight");
    drop(client);
    is_free(&proxy, "a tunnel");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let size =
            if exchange.request.whole { exchange.request.body.len().to_string() } else { "half".into() };
        exchange.respond(&size);
    });
    let proxy = Setup { listener: "max_body = \"1KiB\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    assert_eq!(client.post("/", &[b'x'; 1024]).text(), "1024");
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n");
    client.send([b'x'; 1024]).send("\r\n0\r\n\r\n");
    assert_eq!(client.response("POST").text(), "1024");
    let seen = backend.count();

    let refused = |client: &mut Client| {
        let response = client.response("POST");
        let answer = (response.status(), response.error_label(), response.header("connection"));
        assert_eq!(answer, (413, Some("body-too-large"), Some("close")));
        assert!(client.is_closed());
    };
    for more in ["", "Expect: 100-continue\r\n"] {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{more}Content-Length: 1025\r\n\r\n"));
        refused(&mut client);
    }
    assert_eq!(backend.count(), seen, "nothing of them was forwarded");

    // Too long only in the middle: what has begun at the backend is broken off.
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3ff\r\n");
    client.send([b'x'; 1023]);
    backend.wait_for_requests(seen + 1);
    client.send("\r\n2\r\nxx\r\n0\r\n\r\n");
    refused(&mut client);
    assert_eq!(proxy.client().get("/").status(), 200);
}

#[test]
fn a_body_has_the_limit_of_its_route_or_else_of_its_pool() {
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let size = exchange.request.body.len().to_string();
        exchange.respond(&size);
    });
    let setup = |of_uploads: &str| {
        let routes = format!(
            "[[route]]\nprefix = \"/uploads\"\npool = \"test\"\n{of_uploads}\n[[route]]\npool = \"test\"\n"
        );
        let before =
            Setup { listener: "max_body = \"1KiB\"", pool: "max_body = \"2KiB\"", ..Setup::default() };
        format!("{}{routes}", before.configuration(&[backend.address()]))
    };
    let proxy = Proxy::start(&setup("max_body = \"4KiB\""));
    let posted = |path: &str, size: usize| {
        let response = proxy.client().post(path, &vec![b'x'; size]);
        (response.status(), response.text())
    };
    let taken = |size: usize| (200, size.to_string());
    let refused = || (413, "request body too large\n".to_owned());
    assert_eq!(posted("/uploads/a", 4_096), taken(4_096));
    assert_eq!(posted("/uploads/a", 4_097), refused());
    assert_eq!(posted("/", 2_048), taken(2_048));
    assert_eq!(posted("/", 2_049), refused());
    // A connection that is there already has the limit of the configuration that its request begins with.
    let mut client = proxy.client();
    assert_eq!(client.get("/").status(), 200);
    proxy.reload(&setup("max_body = \"0B\""));
    assert_eq!(client.post("/uploads/a", &[b'x'; 100_000]).text(), "100000");
    assert_eq!(posted("/", 2_049), refused());
}
