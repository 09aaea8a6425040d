//! Health checks in the protocol of the pool.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use harness::{Authority, Backend, Http2Backend, Issued, Leaf, Proxy, Setup, Then, TlsBackend, wait_until};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// A check that is done often, and decides at once.
fn pool(protocol: &str, check: &str) -> String {
    format!(
        "protocol = '{protocol}'\nejection = {{ enabled = false }}\npanic_threshold = 0\n\
         health_check = {{ {check}, interval = '200ms', fast_interval = '100ms', rise = 1, fall = 1 }}\n"
    )
}

/// A backend whose health service gives this answer, and that answers everything else with "served".
fn backend(says: &Arc<AtomicU8>) -> Http2Backend {
    let says = Arc::clone(says);
    Http2Backend::start(&h2::server::Builder::new(), move |mut exchange| {
        let says = Arc::clone(&says);
        async move {
            if exchange.request.uri().path() != "/grpc.health.v1.Health/Check" {
                return exchange.read_and_answer("served").await;
            }
            exchange.read_body().await;
            let head = Response::builder().header("content-type", "application/grpc").body(());
            let Ok(mut stream) = exchange.respond.send_response(head.expect("a head"), false) else { return };
            let answer = vec![0, 0, 0, 0, 2, 8, says.load(Ordering::SeqCst)];
            let _ = stream.send_data(Bytes::from(answer), false);
            let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
            let _ = stream.send_trailers(HeaderMap::from_iter([status]));
        }
    })
}

#[test]
fn a_backend_serves_while_its_health_service_says_so() {
    let says = Arc::new(AtomicU8::new(1));
    let backend = backend(&says);
    let proxy =
        Setup { pool: &pool("h2", "type = 'grpc'"), ..Setup::default() }.start_at(&[backend.address()]);
    assert_eq!(proxy.client().get("/").text(), "served");
    says.store(2, Ordering::SeqCst);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.text().contains("it says NOT_SERVING"), "{line}");
    assert_eq!(proxy.client().get("/").error_label(), Some("no-backend"));
    says.store(1, Ordering::SeqCst);
    proxy.log.wait_for("backend-healthy");
    assert_eq!(proxy.client().get("/").text(), "served");
    wait_until("checks leave no connections behind", || backend.open_connections() <= 1);
}

#[test]
fn a_backend_without_a_health_service_is_down() {
    let backend = Http2Backend::named("no gRPC at all");
    let proxy =
        Setup { pool: &pool("h2", "type = 'grpc'"), ..Setup::default() }.start_at(&[backend.address()]);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.text().contains("whatever answers speaks no gRPC"), "{line}");
}

/// A proxy over TLS to this backend.
fn over_tls(authority: &Authority, pool: &str, backend: std::net::SocketAddr) -> Proxy {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(Path::new(folder.path()).join("ca.crt"), authority.pem()).expect("a file");
    let pool = format!("{pool}tls = {{ ca = 'ca.crt', server_name = 'test' }}\n");
    Proxy::start_in(folder, &Setup { pool: &pool, ..Setup::default() }.configuration(&[backend]))
}

/// A backend that chooses HTTP/1.1.
fn http1(issued: &Issued) -> TlsBackend {
    TlsBackend::start_choosing(issued, &["http/1.1"], |mut request, reader| {
        request.read_body(reader);
        harness::respond(reader, "good");
        Then::GoOn
    })
}

#[test]
fn a_plain_check_goes_where_alpn_leads() {
    let authority = Authority::new("root");
    let issued = authority.issue(&Leaf::default());
    let check = "type = 'http', path = '/health', body_contains = 'good', initial = 'down'";
    let http2 = Http2Backend::over_tls(&issued, "good");
    for protocol in ["h2", "auto"] {
        let proxy = over_tls(&authority, &pool(protocol, check), http2.address());
        proxy.log.wait_for("backend-healthy");
    }
    assert!(http2.heads().iter().any(|head| head.uri().path() == "/health"));
    let http1 = http1(&issued);
    over_tls(&authority, &pool("auto", check), http1.address()).log.wait_for("backend-healthy");
}

#[test]
fn one_that_chooses_http1_cannot_be_asked_by_grpc() {
    let authority = Authority::new("root");
    let backend = http1(&authority.issue(&Leaf::default()));
    let proxy = over_tls(&authority, &pool("auto", "type = 'grpc'"), backend.address());
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.text().contains("it chose HTTP/1.1 (ALPN), and gRPC needs HTTP/2"), "{line}");
}

#[test]
fn a_check_elsewhere_may_be_in_http1() {
    let (served, told) = (Http2Backend::named("served"), Backend::named("well"));
    let port = told.address().port();
    let check =
        format!("type = 'http', protocol = 'http1', port = {port}, body_contains = 'well', initial = 'down'");
    let proxy = Setup { pool: &pool("h2", &check), ..Setup::default() }.start_at(&[served.address()]);
    proxy.log.wait_for("backend-healthy");
    assert_eq!(proxy.client().get("/").text(), "served");
}
