//! HTTP/2 to backends over TLS: by ALPN.

use std::net::SocketAddr;

use harness::{Authority, Http2Backend, Issued, Leaf, Proxy, Setup, Then, TlsBackend};

pub(super) fn trusted() -> (Issued, tempfile::TempDir) {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    (authority.issue(&Leaf::default()), folder)
}

pub(super) fn start(folder: tempfile::TempDir, protocol: &str, backends: &[SocketAddr]) -> Proxy {
    let pool = format!("protocol = '{protocol}'\ntls = {{ ca = 'ca.crt', server_name = 'test' }}");
    let configuration = Setup { workers: 1, pool: &pool, ..Setup::default() }.configuration(backends);
    Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration)
}

#[test]
fn a_backend_that_chooses_http2_is_shared() {
    for protocol in ["h2", "auto"] {
        let (certificate, folder) = trusted();
        let backend = Http2Backend::over_tls(&certificate, "over TLS");
        let proxy = start(folder, protocol, &[backend.address()]);
        for mut client in super::asking(&proxy, 16, "/") {
            assert_eq!(client.response("GET").text(), "over TLS");
        }
        assert_eq!(backend.connections(), 1, "{protocol}");
        assert_eq!(backend.heads()[0].uri().scheme_str(), Some("https"));
        let body = vec![b'x'; 1 << 20];
        assert_eq!(proxy.client().post("/", &body).status(), 200);
    }
}

#[test]
fn a_backend_that_may_choose_http1_is_spoken_to_in_that() {
    let (certificate, folder) = trusted();
    let backend = TlsBackend::start_choosing(&certificate, &["http/1.1"], |mut request, reader| {
        request.read_body(reader);
        harness::respond(reader, "HTTP/1.1");
        Then::GoOn
    });
    let proxy = start(folder, "auto", &[backend.address()]);
    for mut client in super::asking(&proxy, 16, "/") {
        assert_eq!(client.response("GET").text(), "HTTP/1.1");
    }
    let before = backend.connections();
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "HTTP/1.1");
    }
    assert_eq!(backend.connections(), before, "idle ones are used");
}

#[test]
fn a_backend_that_must_choose_http2_and_does_not_gets_no_request() {
    for chosen in [&["http/1.1"][..], &[]] {
        let (certificate, folder) = trusted();
        let backend = TlsBackend::start_choosing(&certificate, chosen, |_, reader| {
            harness::respond(reader, "HTTP/1.1");
            Then::GoOn
        });
        let good = Http2Backend::over_tls(&certificate, "good");
        let proxy = start(folder, "h2", &[backend.address(), good.address()]);
        for _ in 0..4 {
            assert_eq!(proxy.client().post("/", b"x").text(), "good");
        }
        let line = proxy.log.wait_for("backend-tls-failed");
        assert!(line.field("error").is_some_and(|error| error.contains("`protocol`")), "{line:?}");

        let (_, folder) = trusted();
        std::fs::copy(proxy.path("ca.crt"), folder.path().join("ca.crt")).expect("a copy");
        let proxy = start(folder, "h2", &[backend.address()]);
        let response = proxy.client().get("/");
        assert_eq!((response.status(), response.error_label()), (502, Some("tls-failed")));
        assert!(response.text().contains("`protocol`"), "{}", response.text());
        assert_eq!(backend.count(), 0);
    }
}
