//! Backends that speak HTTP/2.

use harness::{Http2Backend, Proxy, Setup};

/// A proxy with one worker in front of backends over HTTP/2 in clear, with these lines of its pool.
fn start(backends: &[&Http2Backend], pool: &str) -> Proxy {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address()).collect();
    let pool = format!("protocol = 'h2'\n{pool}");
    Setup { workers: 1, pool: &pool, ..Setup::default() }.start_at(&addresses)
}

#[test]
fn a_request_is_whole_as_http2_has_it() {
    let backend = Http2Backend::named("hello");
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    let response =
        client.get_with("/a?b", "Connection: keep-alive, X-Own\r\nX-Own: 1\r\nX-A: 2\r\nTE: trailers\r\n");
    assert_eq!((response.status(), response.text().as_str()), (200, "hello"));
    let head = backend.heads().remove(0);
    assert_eq!(head.uri().to_string(), "http://test/a?b");
    let mut names: Vec<_> = head.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["te", "via", "x-a", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
    assert_eq!((client.get("/").status(), backend.connections()), (200, 1));
}
