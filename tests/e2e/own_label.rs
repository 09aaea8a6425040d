//! `x-pointsman-error` is this proxy's word, and nobody else's.

use harness::{Backend, Proxy};

/// The field as backends send it, also more than once and in other letters.
const LIE: &str = "x-pointsman-error: lie\r\nX-Pointsman-Error: another\r\n";

fn check(status: &str, rest: &str, request: &str) {
    let answer = format!("HTTP/1.1 {status}\r\n{LIE}{rest}");
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        exchange.send(&answer);
        exchange.keep_alive = false;
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "[pool.test.retry]\nattempts = 0");
    let response = proxy.client().get_with("/", request);
    assert!(status.starts_with(&response.status().to_string()), "{status}: {response:?}");
    assert_eq!(response.error_label(), None, "{status}: {response:?}");
    assert_eq!(response.header("x-kept"), Some("1"), "{status}: {response:?}");
    assert!(
        response.trailers.iter().all(|(name, _)| name.eq_ignore_ascii_case("x-sum")),
        "{status}: {:?}",
        response.trailers
    );
    if rest.contains("x-sum: 1") {
        assert_eq!(response.trailers.len(), 1, "{status}");
    }
}

#[test]
fn a_backend_cannot_say_it() {
    for status in ["200 OK", "404 Not Found", "503 Service Unavailable"] {
        check(status, "X-Kept: 1\r\nContent-Length: 2\r\n\r\nok", "");
    }
    check("204 No Content", "X-Kept: 1\r\n\r\n", "");
    check("200 OK", "X-Kept: 1\r\nConnection: x-pointsman-error, close\r\n\r\nok", "");
    let upgrade = "Connection: upgrade\r\nUpgrade: x\r\n";
    check("101 Switching Protocols", &format!("X-Kept: 1\r\n{upgrade}\r\n"), upgrade);
    check(
        "200 OK",
        "X-Kept: 1\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-pointsman-error\r\n\r\n\
         2\r\nok\r\n0\r\nx-pointsman-error: lie\r\nx-sum: 1\r\n\r\n",
        "TE: trailers\r\nConnection: TE\r\n",
    );
}

#[test]
fn the_proxy_says_it() {
    let backend = Backend::start(|exchange| exchange.send("HTTP/1.1 nonsense\r\n\r\n"));
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let response = proxy.client().get_with("/", "X-Pointsman-Error: echo\r\n");
    assert_eq!((response.status(), response.error_label()), (502, Some("bad-response")));
}
