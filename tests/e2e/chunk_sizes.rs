//! What stands around the data of a chunked body: white space that is harmless, sizes that promise too much, and lines
//! without end.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Backend, Client, Proxy, Setup};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A backend that answers with the request's body, and counts those that came whole.
fn echoing(whole: &Arc<AtomicUsize>) -> Backend {
    let whole = Arc::clone(whole);
    Backend::start(move |exchange| {
        exchange.read_body();
        whole.fetch_add(usize::from(exchange.request.whole), Ordering::Relaxed);
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        exchange.respond(&body);
    })
}

#[test]
fn white_space_after_a_size_is_no_part_of_it() {
    let whole = Arc::default();
    let backend = echoing(&whole);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    for size in ["5 ;a=b", "5\t;a=b", "5 ", "5\t", "5  \t ", "5 ; a = \"b c\" ; d", "5;", "5 ;", "05 "] {
        client.send(format!("{HEAD}{size}\r\nhello\r\n0 \r\n\r\n"));
        assert_eq!(client.response("POST").text(), "hello", "{size:?}");
    }
    assert_eq!((backend.connections(), whole.load(Ordering::Relaxed)), (1, 9), "nobody lost count");
}

#[test]
fn a_size_that_promises_more_than_comes_is_ended_by_the_body_timeout() {
    let whole = Arc::default();
    let backend = echoing(&whole);
    let proxy = Setup { listener: "body_timeout = \"400ms\"", ..Setup::default() }.start(&[&backend]);
    // Legal sizes, all of them: only time can tell that nothing will come.
    for (sent, size) in ["FFFFFFFF", "7FFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFF", "5"].into_iter().enumerate() {
        for data in ["", "x"] {
            let mut client = proxy.client();
            client.send(format!("{HEAD}{size}\r\n{data}"));
            backend.wait_for_requests(2 * sent + data.len() + 1);
            let began = Instant::now();
            let response = client.response("POST");
            assert_eq!((response.status(), response.error_label()), (408, Some("request-timeout")), "{size}");
            assert!(client.is_closed(), "{size}");
            assert!(began.elapsed() < Duration::from_secs(20), "{size}: the default is 30 s");
        }
    }
    assert_eq!(whole.load(Ordering::Relaxed), 0, "nothing broken off looks whole");
}

/// Sends the same for as long as the proxy takes it, at most 64 MiB. The answer to it.
fn endless(proxy: &Proxy, start: &str, again: &str) -> (u16, Option<String>) {
    let mut client: Client = proxy.client();
    client.send(format!("{HEAD}{start}"));
    let mut writer = client.stream().try_clone().expect("a socket");
    let block = again.repeat(64 * 1024 / again.len());
    let sender = std::thread::spawn(move || (0..1024).all(|_| writer.write_all(block.as_bytes()).is_ok()));
    // The reset that follows the answer, as the client goes on, may have thrown it away.
    let response = client.try_response("POST").ok().flatten();
    let _ = client.stream().shutdown(std::net::Shutdown::Both);
    assert!(!sender.join().expect("no panic"), "all of it was taken: {start:?} {again:?}");
    response.map_or((0, None), |response| (response.status(), response.error_label().map(str::to_owned)))
}

#[test]
fn extensions_and_trailers_without_end_are_refused() {
    let whole = Arc::default();
    let backend = echoing(&whole);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    assert_eq!(proxy.client().get("/").status(), 200);
    let before = proxy.resident_memory();
    let extended = format!("1;{}\r\na\r\n", "x".repeat(500));
    for (start, again) in [
        ("5;", "x"),
        ("5", " "),
        ("", "0"),
        ("", "000000000000001\r\na\r\n1;a\r\nb\r\n"),
        ("", extended.as_str()),
        ("5\r\nhello\r\n0\r\nX: ", "x"),
        ("5\r\nhello\r\n0\r\n", "x"),
        ("5\r\nhello\r\n0\r\n", "X: y\r\n"),
        ("5\r\nhello\r\n0\r\n", "X:\r\n"),
    ] {
        let (status, label) = endless(&proxy, start, again);
        assert!([0, 400].contains(&status), "{start:?} {again:?}: {status}");
        assert!(status == 0 || label.as_deref() == Some("malformed-chunk"), "{start:?} {again:?}: {label:?}");
    }
    let grown = proxy.resident_memory().saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "grew by {} KiB", grown / 1024);
    assert_eq!(proxy.client().get("/").status(), 200);
    assert_eq!(whole.load(Ordering::Relaxed), 2, "the two GETs");
}
