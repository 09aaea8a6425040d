//! Mastodon: a web application and a server for streams, only over TLS, with a life of its own for each kind of file.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "127.0.0.1:0"
max_body = "99MiB"

[listener.tls]
certificates = [{ cert = "site.crt", key = "site.key" }]
hsts = "max-age=63072000; includeSubDomains"

[[route]]
scheme = "http"
redirect = { status = 301, scheme = "https" }

[[route]]
prefix = "/api/v1/streaming"
pool = "streaming"

[[route]]
exact = "/sw.js"
pool = "web"
response_headers.set.cache-control = "public, max-age=604800, must-revalidate"

[[route]]
prefix = ["/avatars", "/emoji", "/headers", "/packs", "/shortcuts", "/sounds"]
pool = "web"
response_headers.set.cache-control = "public, max-age=2419200, must-revalidate"

[[route]]
prefix = "/system"
pool = "web"
response_headers = { set = { cache-control = "public, max-age=2419200, immutable", x-content-type-options = "nosniff", content-security-policy = "default-src 'none'; form-action 'none'" } }

[[route]]
pool = "web"

[pool.web]
backends = ["<web>"]
request_headers = { set = { x-real-ip = "{client}" }, remove = ["proxy"] }
response_headers = { remove = ["x-powered-by"] }
compression = { min_size = "0B" }

[pool.streaming]
backends = ["<streaming>"]
policy = "least-conn"
request_headers = { set = { x-real-ip = "{client}" }, remove = ["proxy"] }
"#;

#[test]
fn files_streams_and_pages() {
    let scene = Scene::start_for(&["social.test"], CONFIGURATION, &["web", "streaming"]);
    let hsts = "strict-transport-security: max-age=63072000; includeSubDomains";
    let websocket =
        "GET https://social.test/api/v1/streaming?stream=user\nConnection: Upgrade\nUpgrade: websocket";
    scene.check(&[
        (
            "GET http://social.test/@alice?page=2",
            "301",
            &[],
            &["location: https://social.test/@alice?page=2", "-strict-transport-security"],
        ),
        (
            "GET https://social.test/@alice\nX-Forwarded-For: 192.0.2.1\nX-Real-IP: 192.0.2.1\nProxy: http://evil.test",
            "web",
            &[
                "/@alice",
                "host: social.test",
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-proto: https",
                "x-real-ip: 127.0.0.1",
                "-proxy",
            ],
            &[hsts, "-x-powered-by", "-cache-control"],
        ),
        ("GET https://social.test/about\nAccept-Encoding: gzip", "web", &[], &["content-encoding: gzip"]),
        (websocket, "streaming", &["upgrade: websocket", "x-forwarded-proto: https"], &["upgrade: websocket"]),
        ("GET https://social.test/api/v1/streaming/health", "streaming", &[], &[hsts]),
        ("GET https://social.test/api/v1/streaming_api", "web", &[], &[]),
        (
            "GET https://social.test/packs/application.js",
            "web",
            &[],
            &["cache-control: public, max-age=2419200, must-revalidate"],
        ),
        ("GET https://social.test/packs-test/a.js", "web", &[], &["-cache-control"]),
        (
            "GET https://social.test/sw.js",
            "web",
            &[],
            &["cache-control: public, max-age=604800, must-revalidate"],
        ),
        (
            "GET https://social.test/system/media/1.png",
            "web",
            &[],
            &["x-content-type-options: nosniff", "content-security-policy: default-src 'none'; form-action 'none'"],
        ),
        // A file that a path climbs out of is none of those files.
        ("GET https://social.test/system/../settings", "web", &["/system/../settings"], &["-cache-control"]),
        ("POST https://social.test/api/v2/media\nContent-Length: 103809025", "413", &[], &[hsts]),
    ]);
}
