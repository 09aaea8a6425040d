//! Argo CD: calls of gRPC and pages of one host, told apart by what a request speaks, to a server that speaks TLS itself.

use harness::{Authority, Http2Backend, Http2Client, Leaf, Proxy, Tls};
use http::Request;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"

[listener.tls]
certificates = [{ cert = "site.crt", key = "site.key" }]

[[route]]
name = "calls"
host = "argocd.test"
protocol = "grpc"
pool = "calls"

[[route]]
name = "calls-of-the-browser"
host = "argocd.test"
header = { content-type = { prefix = "application/grpc-web" } }
pool = "pages"

[[route]]
name = "pages"
host = "argocd.test"
pool = "pages"

[pool.calls]
backends = ["<calls>"]
protocol = "h2"
host_header = "argocd-server.argocd.svc"
request_headers = { set = { x-real-ip = "{client}" }, remove = ["x-forwarded-client-cert"] }

[pool.calls.tls]
ca = "ca.crt"
server_name = "argocd.test"

[pool.pages]
backends = ["<pages>"]
protocol = "auto"

[pool.pages.tls]
ca = "ca.crt"
server_name = "argocd.test"
"#;

#[test]
fn calls_and_pages_of_one_host() {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    let certificate = authority.issue(&Leaf { names: &["argocd.test"], ..Leaf::default() });
    certificate.write(folder.path(), "site");
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    let (calls, pages) =
        (Http2Backend::over_tls(&certificate, "calls"), Http2Backend::over_tls(&certificate, "pages"));
    let text = CONFIGURATION
        .replace("<calls>", &calls.address().to_string())
        .replace("<pages>", &pages.address().to_string());
    let proxy = Proxy::start_in(folder, &text);
    let tls = Tls::trusting(&authority).offering(&["h2", "http/1.1"]);
    let http2 = Http2Client::connect_tls(proxy.address(), &tls, "argocd.test").expect("HTTP/2");
    let call = "/application.ApplicationService/List";
    for (target, media_type, pool) in [
        (call, "application/grpc", "calls"),
        (call, "application/grpc+proto", "calls"),
        (call, "application/grpc-web+proto", "pages"),
        (call, "application/json", "pages"),
        ("/applications", "application/grpcx", "pages"),
    ] {
        let request = Request::post(format!("https://argocd.test{target}")).header("te", "trailers");
        let response = http2.send(request.header("content-type", media_type).body(()).expect("a request"));
        assert_eq!(response.expect("a response").body(), pool.as_bytes(), "{media_type}");
    }
    // A browser of HTTP/1.1.
    let mut client = Tls::trusting(&authority).connect(proxy.address(), "argocd.test");
    client.send(
        "GET /api/v1/stream/applications HTTP/1.1\r\nHost: argocd.test\r\nX-Real-IP: 192.0.2.1\r\n\r\n",
    );
    assert_eq!(client.response("GET").text(), "pages");
    let of_calls = calls.heads();
    assert_eq!(of_calls.len(), 2);
    for head in &of_calls {
        assert_eq!(head.uri().authority().expect("a host"), "argocd-server.argocd.svc");
        assert_eq!(
            (&head.headers()["x-real-ip"], &head.headers()["te"]),
            (&"127.0.0.1".parse().unwrap(), &"trailers".parse().unwrap())
        );
    }
    let of_pages = pages.heads();
    assert_eq!(of_pages.len(), 4);
    assert!(
        of_pages.iter().all(|head| head.uri().authority().expect("a host") == "argocd.test"),
        "{of_pages:?}"
    );
    let last = of_pages.last().expect("a request");
    assert_eq!(last.headers()["x-forwarded-proto"], "https");
    assert!(!last.headers().contains_key("x-real-ip"), "a stranger says it");
}
