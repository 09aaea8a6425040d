//! Kubespray: the balancer of a node in front of the cluster's API servers, over TLS, with commands that change the protocol.

use harness::{Authority, Leaf, Proxy, Then, TlsBackend, respond, send};

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
tunnel_timeout = "10m"

[[route]]
pool = "api"
host_header = "backend"

[pool.api]
backends = [{ name = "a", address = "<a>" }, { name = "b", address = "<b>" }]
policy = "least-conn"
response_timeout = "10m"
idle_timeout = "10m"

[pool.api.tls]
ca = "ca.crt"
server_name = "kubernetes.default.svc"

[pool.api.health_check]
type = "http"
path = "/readyz"
interval = "60s"
fast_interval = "10ms"
timeout = "60s"
rise = 1
fall = 10
initial = "down"
"#;

/// An API server, which says how it is and goes on with a protocol of its own.
fn server(authority: &Authority, name: &'static str, is_ready: bool) -> TlsBackend {
    let certificate = authority.issue(&Leaf { names: &["kubernetes.default.svc"], ..Leaf::default() });
    TlsBackend::start(&certificate, None, move |mut request, reader| {
        request.read_body(reader);
        if request.target() == "/readyz" && !is_ready {
            send(reader, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
        } else if request.header("upgrade").is_some() {
            let protocol = request.header("upgrade").unwrap_or_default();
            send(
                reader,
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n{name}"
                ),
            );
            return Then::Close;
        } else {
            let host = request.header("host").unwrap_or_default();
            respond(reader, &format!("{name} {host} {}", request.target()));
        }
        Then::GoOn
    })
}

#[test]
fn servers_that_are_ready_and_commands() {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    let (a, b) = (server(&authority, "a", true), server(&authority, "b", false));
    let text =
        CONFIGURATION.replace("<a>", &a.address().to_string()).replace("<b>", &b.address().to_string());
    let proxy = Proxy::start_in(folder, &text);
    // Until then the other one is down already, and gets all requests, as there is nobody else.
    harness::wait_until("a server is ready", || proxy.client().get("/version").text().starts_with("a "));
    let mut client = proxy.client();
    let expected = format!("a {} /api/v1/namespaces/default/pods?watch=1", a.address());
    for _ in 0..6 {
        assert_eq!(client.get("/api/v1/namespaces/default/pods?watch=1").text(), expected);
    }
    for protocol in ["SPDY/3.1", "websocket"] {
        let mut client = proxy.client();
        client.send(format!(
            "POST /api/v1/namespaces/default/pods/x/exec?command=sh HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
             X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n"
        ));
        let switched = client.response("POST");
        assert_eq!((switched.status(), switched.header("upgrade")), (101, Some(protocol)));
        assert_eq!(client.read_exactly(1), b"a");
        assert!(client.is_closed());
    }
}
