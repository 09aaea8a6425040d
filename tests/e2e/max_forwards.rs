//! OPTIONS and TRACE may say how many proxies they pass; one that may pass none is answered by the proxy (RFC 9110 section
//! 7.6.2).

use harness::{Backend, Proxy, Setup};

#[test]
fn a_request_that_may_go_no_further_is_answered_here() {
    let backend = Backend::named("backend");
    // Without a route, too: the proxy answers for itself.
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\nhost = \"test\"\npool = \"test\"\n[pool.test]\n\
         backends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start(&config);
    let mut client = proxy.client();
    for (line, host) in [("OPTIONS *", "test"), ("OPTIONS /x", "test"), ("OPTIONS http://a", "other")] {
        client.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\nMax-Forwards: 0\r\n\r\n"));
        let response = client.response("OPTIONS");
        assert_eq!((response.status(), response.header("content-length")), (200, Some("0")), "{line}");
        assert!(response.header("allow").is_some_and(|methods| methods.contains("OPTIONS")), "{line}");
        assert_eq!(response.error_label(), None, "{line}");
    }
    client.send("TRACE / HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n");
    let response = client.response("TRACE");
    assert_eq!((response.status(), response.error_label()), (405, Some("max-forwards")));
    assert!(response.header("allow").is_some_and(|methods| !methods.contains("TRACE")));
    assert!(!response.text().contains("secret"), "nothing of a request is reflected");

    // A body that nobody reads ends the connection.
    let mut with_body = proxy.client();
    with_body.send("OPTIONS / HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\nContent-Length: 1000000\r\n\r\nx");
    let response = with_body.response("OPTIONS");
    assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
    assert_eq!(backend.count(), 0);
    assert_eq!(client.get("/").text(), "backend");
}

#[test]
fn one_that_may_is_counted_once_with_any_outcome() {
    let bad = Backend::start(|exchange| {
        exchange.read_body();
        exchange.reset();
    });
    let good = Backend::named("good");
    let setup = Setup { workers: 1, pool: "ejection = { enabled = false }", ..Setup::default() };
    let proxy = setup.start(&[&bad, &good]);
    let mut client = proxy.client();
    for (sent, seen) in [("5", "4"), ("1", "0"), ("5", "4"), ("-1", "-1"), ("x", "x")] {
        for method in ["OPTIONS", "TRACE"] {
            client.send(format!("{method} / HTTP/1.1\r\nHost: test\r\nMax-Forwards: {sent}\r\n\r\n"));
            assert_eq!(client.response(method).text(), "good");
            let requests = good.requests();
            assert_eq!(requests.last().expect("a request").values("max-forwards"), [seen], "{method} {sent}");
        }
    }
    assert!(bad.count() > 0, "some were sent twice");
    // For any other method it means nothing.
    assert_eq!(client.get_with("/", "Max-Forwards: 0\r\n").text(), "good");
    assert_eq!(good.requests().pop().expect("a request").header("max-forwards"), Some("0"));
}
