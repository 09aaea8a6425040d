//! A reload that changes what backends are spoken to in.

use harness::{Backend, Http2Backend, Setup};

use super::{configuration, start};

#[test]
fn connections_of_another_protocol_are_not_used_again() {
    let backend = Backend::named("HTTP/1");
    let http1 = Setup { workers: 1, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = harness::Proxy::start(&http1);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "HTTP/1");
    proxy.reload(&configuration(&[backend.address()], ""));
    let response = client.get("/");
    assert_eq!((response.status(), response.error_label()), (502, Some("not-http2")));
    proxy.reload(&http1);
    assert_eq!(client.get("/").text(), "HTTP/1");
}

#[test]
fn connections_stay_unless_what_they_were_made_with_changes() {
    let backend = Http2Backend::named("");
    let proxy = start(&[&backend], "");
    let mut client = proxy.client();
    let (addresses, mut connections) = ([backend.address()], Vec::new());
    for pool in ["", "response_timeout = '20s'", "http2_stream_window = '1MiB'", "http2_max_streams = 10"] {
        proxy.reload(&configuration(&addresses, &format!("hash_seed = 0\n{pool}\nmax_requests = 500")));
        assert_eq!(client.get("/").status(), 200);
        connections.push(backend.connections());
    }
    assert_eq!(connections, [1, 1, 2, 3]);
}
