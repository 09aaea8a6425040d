//! A client of HTTP/1.0 sees the end of a response without a length by the end of the connection: one that is cut off has to
//! end in a reset.

use std::io::{self, Read};

use harness::{Backend, Client, Latch, Proxy, Setup, wait_until};

/// What a backend sends before it is let go on, and what then.
const CUT_OFF: [(&str, &str, &str); 6] = [
    ("/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", ""),
    ("/within", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello", ""),
    ("/last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "0\r\n"),
    ("/size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "z\r\n"),
    ("/until-reset", "HTTP/1.1 200 OK\r\n\r\nhello", "reset"),
    ("/silent", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "silence"),
];

fn ask(proxy: &Proxy, target: &str, more: &str) -> Client {
    let mut client = proxy.client();
    client.send(format!("GET {target} HTTP/1.0\r\nHost: test\r\n{more}\r\n"));
    client
}

/// Reads on to the end: what came, and how it ended.
fn end(client: &mut Client) -> (String, Option<io::ErrorKind>) {
    let mut bytes = Vec::new();
    let error = client.reader().read_to_end(&mut bytes).err().map(|error| error.kind());
    (String::from_utf8_lossy(&bytes).into_owned(), error)
}

/// Waits until the first bytes of the response are there.
fn begun(client: &Client) {
    wait_until("the response begins", || client.stream().peek(&mut [0]).is_ok_and(|count| count > 0));
}

#[test]
fn a_response_without_a_length_that_is_cut_off_ends_in_a_reset() {
    let go_on = Latch::default();
    let latch = go_on.clone();
    let backend = Backend::start(move |exchange| {
        let target = exchange.request.target().to_owned();
        let (_, first, then) = CUT_OFF.iter().find(|(of, _, _)| *of == target).expect("a case");
        exchange.send(first);
        exchange.keep_alive = false;
        latch.wait();
        match *then {
            "reset" => exchange.reset(),
            "silence" => exchange.wait_for_close(),
            then => exchange.send(then),
        }
    });
    let proxy = Setup { pool: "idle_timeout = \"500ms\"", ..Setup::default() }.start(&[&backend]);
    let clients: Vec<_> = CUT_OFF
        .iter()
        .flat_map(|(target, _, _)| {
            ["", "Connection: keep-alive\r\n"].map(|more| (target, ask(&proxy, target, more)))
        })
        .collect();
    clients.iter().for_each(|(_, client)| begun(client));
    go_on.open();
    for (target, mut client) in clients {
        let (said, error) = end(&mut client);
        assert!(said.contains("HTTP/1.0 200"), "{target}: {said}");
        assert_eq!(error, Some(io::ErrorKind::ConnectionReset), "{target}: {said}");
    }
}

#[test]
fn one_that_the_proxy_itself_cuts_off_does_too() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        exchange.wait_for_close();
    });
    for (signal, top) in [("TERM", "drain_timeout = \"1s\""), ("KILL", "")] {
        let proxy = Setup { top, ..Setup::default() }.start(&[&backend]);
        let mut client = ask(&proxy, "/", "");
        begun(&client);
        proxy.signal(signal);
        assert_eq!(end(&mut client).1, Some(io::ErrorKind::ConnectionReset), "SIG{signal}");
    }
    // A client that takes nothing for too long, and then looks what there is.
    let endless = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while exchange.try_send(vec![b'x'; 64 * 1024]).is_ok() {}
        exchange.keep_alive = false;
    });
    let proxy = Setup { listener: "send_timeout = \"300ms\"", ..Setup::default() }.start(&[&endless]);
    let mut client = ask(&proxy, "/", "");
    begun(&client);
    wait_until("the proxy has given up", || endless.open_connections() == 0);
    assert_eq!(end(&mut client).1, Some(io::ErrorKind::ConnectionReset));
}

#[test]
fn one_that_comes_to_its_end_ends_plainly() {
    const SIZE: usize = 4 * 1024 * 1024;
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        exchange.keep_alive = false;
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        exchange.send(vec![b'x'; SIZE]);
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for more in ["", "Connection: keep-alive\r\n", "Content-Length: 0\r\n"] {
        for _ in 0..5 {
            let mut client = ask(&proxy, "/", more);
            let response = client.response("GET");
            assert_eq!((response.body.len(), response.whole), (SIZE, true), "{more}");
        }
    }
    // As does one with a length, cut off or not: the client can count.
    let short = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&short], "");
    let (said, error) = end(&mut ask(&proxy, "/", ""));
    assert_eq!((said.ends_with("hello"), error), (true, None), "{said}");
}

#[test]
fn the_log_says_which_backend_has_cut_off_a_response_or_refused_a_request() {
    let cuts = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&cuts], "[[route]]\nname = \"all\"\npool = \"test\"");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Request-Id: 5\r\n\r\n");
    drop(end(&mut client));
    let line = proxy.log.wait_for("response-broken");
    assert_eq!(line.level(), "WARN", "{line}");
    assert!(
        line.has(&[("error", "upstream-reset"), ("pool", "test"), ("backend", "b0"), ("route", "0")]),
        "{line}"
    );
    assert!(line.has(&[("route_name", "all")]) && line.field("request_id").is_some(), "{line}");
    drop(cuts);
    assert_eq!(proxy.client().get("/").status(), 503);
    let line = proxy.log.wait_for("request-failed");
    assert!(
        line.has(&[("error", "connect-failed"), ("pool", "test"), ("backend", "b0"), ("route", "0")]),
        "{line}"
    );
    assert!(line.has(&[("route_name", "all")]) && line.field("request_id").is_some(), "{line}");
}
