//! A request that one backend has failed goes to another one, where that is safe.

use std::time::{Duration, Instant};

use harness::{Backend, Client, Proxy, Setup, guest, nobody};

/// One worker, so that requests go round as one would expect, and bad backends that stay where they are.
const ONE_WORKER: Setup<'_> = Setup {
    workers: 1,
    top: "",
    listener: "",
    policy: "\"round-robin\"",
    pool: "ejection = { enabled = false }",
};

/// A backend that answers with the request's body.
fn echoing() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    })
}

/// A backend that takes the whole request and resets the connection.
fn resetting() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        exchange.reset();
    })
}

/// A backend that answers every request with this status and these header lines.
fn answering(status: u16, headers: &'static str) -> Backend {
    Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send(format!("HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: 4\r\n\r\nsad\n"));
    })
}

#[test]
fn a_dead_backend_among_three_fails_no_request() {
    let good = [Backend::named("one"), Backend::named("two")];
    for policy in ["\"round-robin\"", "\"least-conn\"", "\"ip-hash\"", "\"peak-ewma\""] {
        let before: usize = good.iter().map(Backend::count).sum();
        let setup = Setup { policy, ..Setup::default() };
        let proxy = Proxy::start(&setup.configuration(&[nobody(), good[0].address(), good[1].address()]));
        for round in 0..30 {
            let mut client = proxy.client();
            assert_eq!(client.get("/").status(), 200, "{policy}, round {round}");
            assert_eq!(client.post("/", b"some body").status(), 200, "{policy}, round {round}");
            client.send(
                "PATCH / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            );
            assert_eq!(client.response("PATCH").status(), 200, "{policy}, round {round}");
        }
        let after: usize = good.iter().map(Backend::count).sum();
        assert_eq!(after - before, 90, "each was sent once");
    }
}

#[test]
fn two_dead_backends_of_three_fail_no_request() {
    let good = echoing();
    let proxy = Proxy::start(&ONE_WORKER.configuration(&[nobody(), good.address(), nobody()]));
    let mut client = proxy.client();
    for round in 0..10 {
        let body = format!("body of round {round}");
        assert_eq!(client.post("/", body.as_bytes()).text(), body);
    }
    assert_eq!(good.count(), 10);
}

#[test]
fn after_a_reset_only_what_is_idempotent_is_sent_again() {
    let (bad, good) = (resetting(), Backend::named("good"));
    let proxy = Setup { pool: "[pool.test.ejection]\nenabled = false", ..ONE_WORKER }.start(&[&bad, &good]);
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"] {
        let (seen, served) = (bad.count(), good.count());
        for _ in 0..4 {
            let mut client = proxy.client();
            client.send(format!("{method} /x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
            assert_eq!(client.response(method).status(), 200, "{method}");
        }
        assert_eq!((good.count() - served, bad.count() > seen), (4, true), "{method}");
    }
    for method in ["POST", "PATCH"] {
        let (seen, served) = (bad.count(), good.count());
        let mut failed = 0;
        for _ in 0..8 {
            let mut client = proxy.client();
            client.send(format!("{method} /x HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"));
            let response = client.response(method);
            if response.status() != 200 {
                assert_eq!((response.status(), response.error_label()), (502, Some("upstream-reset")));
                failed += 1;
            }
        }
        assert!(failed > 0, "round-robin comes to the bad one, too");
        assert_eq!((bad.count() - seen, good.count() - served), (failed, 8 - failed), "{method}: each once");
    }
}

#[test]
fn a_body_within_the_limit_is_sent_again_byte_for_byte() {
    let bytes: Vec<u8> = (0..16 * 1024_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let chunked: Vec<u8> = bytes
        .chunks(1000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\nX-Sum: 7\r\n\r\n")
        .collect();
    let counted = [b"Content-Length: 16384\r\n\r\n".as_slice(), &bytes].concat();
    let chunked = [b"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunked].concat();
    for (body, trailers) in [(counted, 0), (chunked, 1)] {
        let bad = resetting();
        // Breaks off in the middle of the body.
        let worse = Backend::start(|exchange| {
            let mut some = [0; 5000];
            let _ = std::io::Read::read_exact(exchange.reader, &mut some);
            exchange.reset();
        });
        let expected = bytes.clone();
        let good = Backend::start(move |exchange| {
            exchange.read_body();
            let request = &exchange.request;
            let verdict = format!("{} {}", request.body == expected, request.trailers.len());
            exchange.respond(&verdict);
        });
        let proxy = ONE_WORKER.start(&[&bad, &worse, &good]);
        for _ in 0..6 {
            let mut client = proxy.client();
            client.send(b"PUT / HTTP/1.1\r\nHost: test\r\n").send(&body);
            let response = client.response("PUT");
            assert_eq!((response.status(), response.text()), (200, format!("true {trailers}")));
        }
        assert_eq!(good.count(), 6);
        assert!(bad.count() > 0 && worse.count() > 0);
    }
}

#[test]
fn a_body_over_the_limit_is_sent_once() {
    for (limit, size) in [("16KiB", 16 * 1024 + 1), ("0B", 1)] {
        let bad = [resetting(), resetting()];
        let seen = || bad.iter().map(Backend::count).sum::<usize>();
        let pool = format!("ejection = {{ enabled = false }}\n[pool.test.retry]\nbody = \"{limit}\"");
        let proxy = Setup { pool: &pool, ..ONE_WORKER }.start(&bad.each_ref());
        for framing in ["counted", "chunked"] {
            let before = seen();
            for _ in 0..4 {
                let body = vec![b'x'; size];
                let mut client = proxy.client();
                if framing == "counted" {
                    client.send(format!("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: {size}\r\n\r\n"));
                    client.send(body);
                } else {
                    client.send("PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
                    client.send(format!("{size:x}\r\n")).send(body).send("\r\n0\r\n\r\n");
                }
                let response = client.response("PUT");
                assert_eq!((response.status(), response.error_label()), (502, Some("upstream-reset")));
            }
            assert_eq!(seen() - before, 4, "{limit}, {framing}: each once");
        }
    }
}

#[test]
fn a_status_is_given_up_only_if_it_is_in_the_list() {
    let good = Backend::named("good");
    let get_all = |proxy: &Proxy, count: usize| -> Vec<u16> {
        let mut client = proxy.client();
        (0..count).map(|_| client.get("/").status()).collect()
    };
    let sad = answering(503, "");
    let proxy = ONE_WORKER.start(&[&sad, &good]);
    assert_eq!(get_all(&proxy, 4).iter().filter(|status| **status == 503).count(), 2);

    let sad = answering(503, "");
    let pool = "ejection = { enabled = false }\nretry = { statuses = [503, 404] }";
    let proxy = Setup { pool, ..ONE_WORKER }.start(&[&sad, &good]);
    assert_eq!(get_all(&proxy, 20), [200; 20]);
    assert!(sad.count() >= 7);
    assert_eq!(sad.connections(), 1, "a short response is read, and its connection kept");
    // A POST isn't repeated whatever the status.
    let mut client = proxy.client();
    let statuses: Vec<u16> = (0..4).map(|_| client.post("/", b"").status()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 2, "{statuses:?}");

    // Not in the list, and an error of the list that all of them give.
    let (sad, sadder) = (answering(500, ""), answering(404, "X-Last: yes\r\n"));
    let proxy =
        Setup { pool: "ejection = { enabled = false }\n[pool.test.retry]\nstatuses = [404]", ..ONE_WORKER }
            .start(&[&sad, &sadder]);
    assert_eq!(get_all(&proxy, 4), [500; 4]);
    let proxy =
        Setup { pool: "ejection = { enabled = false }\n[pool.test.retry]\nstatuses = [404]", ..ONE_WORKER }
            .start(&[&sadder]);
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.header("x-last")), (404, Some("yes")));
    assert_eq!(response.text(), "sad\n", "the response that can't be improved on is whole");
}

#[test]
fn retry_after_is_respected() {
    let good = Backend::named("good");
    let pool = "ejection = { enabled = false }\n[pool.test.retry]\nstatuses = [503]";
    let busy = answering(503, "Retry-After: 2\r\n");
    let proxy = Setup { pool, ..ONE_WORKER }.start(&[&busy, &good]);
    let mut client = proxy.client();
    let responses: Vec<_> = (0..4).map(|_| client.get("/")).collect();
    let passed_on = responses.iter().filter(|response| response.header("retry-after") == Some("2"));
    assert_eq!(passed_on.count(), 2, "too long: the client may decide");

    let busy = answering(503, "Retry-After: 1\r\n");
    let proxy = Setup { pool, ..ONE_WORKER }.start(&[&busy, &good]);
    let mut client = proxy.client();
    let began = Instant::now();
    assert_eq!([client.get("/").status(), client.get("/").status()], [200, 200]);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(busy.count(), 1);
}

#[test]
fn retries_stay_within_their_budget() {
    let sad = [answering(503, ""), answering(503, ""), answering(503, "")];
    let pool = "ejection = { enabled = false }\n[pool.test.retry]\nstatuses = [503]\nbackoff = \"1ms\"\nbudget_percent = 10\nbudget_per_second = 1";
    let began = Instant::now();
    let proxy = Setup { pool, ..Setup::default() }.start(&sad.each_ref());
    let mut clients: Vec<Client> = (0..4).map(|_| proxy.client()).collect();
    for _ in 0..50 {
        for client in &mut clients {
            let response = client.get("/");
            assert_eq!((response.status(), response.text().as_str()), (503, "sad\n"));
        }
    }
    let retries = sad.iter().map(Backend::count).sum::<usize>() - 200;
    // Ten seconds of one per second, a tenth of 200, and one for each second that this took.
    let most = 10 + 20 + 1 + began.elapsed().as_secs() as usize;
    assert!((10..=most).contains(&retries), "{retries} of at most {most}");
}

#[test]
fn without_attempts_nothing_is_repeated() {
    let good = Backend::named("good");
    let setup =
        Setup { pool: "ejection = { enabled = false }\n[pool.test.retry]\nattempts = 0", ..ONE_WORKER };
    let proxy = Proxy::start(&setup.configuration(&[nobody(), good.address()]));
    let mut client = proxy.client();
    let statuses: Vec<u16> = (0..4).map(|_| client.get("/").status()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 2, "{statuses:?}");
}

#[test]
fn the_last_failure_is_what_the_client_gets() {
    let proxy = Proxy::start(&ONE_WORKER.configuration(&[nobody(), nobody(), nobody(), nobody()]));
    let response = proxy.client().post("/", b"body");
    assert_eq!((response.status(), response.error_label()), (503, Some("connect-failed")));

    let bad = [resetting(), resetting()];
    let proxy = ONE_WORKER.start(&bad.each_ref());
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (502, Some("upstream-reset")));
    assert_eq!(bad.each_ref().map(Backend::count), [1, 1], "no backend twice");
}

#[test]
fn an_answer_that_has_begun_is_not_asked_for_again() {
    let half = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        exchange.keep_alive = false;
    });
    let quarter = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 2");
        exchange.keep_alive = false;
    });
    let proxy = ONE_WORKER.start(&[&half, &quarter]);
    let responses = [proxy.client().get("/"), proxy.client().get("/")];
    assert_eq!((half.count(), quarter.count()), (1, 1));
    assert!(responses.iter().all(|response| response.status() == 502 || !response.whole));
}

#[test]
fn what_stops_for_longer_than_an_attempt_may_take_goes_to_another() {
    let slow = Backend::start(|exchange| exchange.wait_for_close());
    let good = Backend::named("good");
    let pool = "response_timeout = \"20s\"\nejection = { enabled = false }\n[pool.test.retry]\nper_try_timeout = \"200ms\"";
    let proxy = Setup { pool, ..ONE_WORKER }.start(&[&slow, &good]);
    let mut client = proxy.client();
    let began = Instant::now();
    for _ in 0..4 {
        assert_eq!(client.get("/").text(), "good");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waited for `response_timeout`");
    assert_eq!((slow.count() >= 2, good.count()), (true, 4));

    // The last attempt, and what can't be sent again, have all of `response_timeout`.
    let pool = "response_timeout = \"2s\"\nejection = { enabled = false }\n[pool.test.retry]\nper_try_timeout = \"100ms\"";
    let proxy = Setup { pool, ..ONE_WORKER }.start(&[&slow]);
    for method in ["GET", "POST"] {
        let began = Instant::now();
        let mut client = proxy.client();
        client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response(method);
        assert_eq!((response.status(), response.error_label()), (504, Some("response-timeout")));
        assert!(began.elapsed() >= Duration::from_secs(2));
    }
}

/// Picks the backend whose index is the number of the attempt, and rejects with 418 if an earlier one isn't marked
/// tried or a later one is. Without the header `x-mood`, as in admission, it abstains.
const STEPPING: &str = r#"
    (data (i32.const 0) "x-mood")
    (func (export "pointsman_pick") (result i64) (local $n i32)
        (if (i32.lt_s (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16)) (i32.const 0))
            (then (return (i64.const 0x100000000))))
        (loop $next
            (if (i32.ne (call $tried (local.get $n)) (i32.lt_s (local.get $n) (call $attempt)))
                (then (return (i64.const 0x2000001a2))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $next (i32.lt_s (local.get $n) (call $backend_count))))
        (i64.extend_i32_u (call $attempt)))"#;

#[test]
fn a_policy_sees_the_attempt_and_what_was_tried() {
    let bad = [resetting(), resetting()];
    let good = Backend::named("good");
    let proxy = ONE_WORKER.start_with_policy(&guest(STEPPING), &[&bad[0], &bad[1], &good]);
    let mut client = proxy.client();
    for round in 1..=3 {
        assert_eq!(client.get_with("/", "X-Mood: stepping\r\n").text(), "good");
        assert_eq!([&bad[0], &bad[1], &good].map(Backend::count), [round; 3]);
    }
}

#[test]
fn pipelined_requests_are_repeated_in_order() {
    let bad = resetting();
    let good = Backend::start(|exchange| {
        let target = exchange.request.target().to_owned();
        exchange.respond(&target);
    });
    let proxy = ONE_WORKER.start(&[&bad, &good]);
    let mut client = proxy.client();
    client.send((0..12).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: test\r\n\r\n")).collect::<String>());
    for n in 0..12 {
        assert_eq!(client.response("GET").text(), format!("/{n}"));
    }
    assert!(bad.count() >= 4);
}
