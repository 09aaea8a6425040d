//! MinIO: objects whose names are any bytes, signed as clients write them, and a console with WebSockets.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "0B"
body_timeout = "5m"
# The signature of a request covers its path as it was written, and "a//b" is another object than "a/b".
path_normalization = "off"

[[route]]
host = "console.test"
pool = "console"

# The console under the host of the buckets, which it isn't told of.
[[route]]
name = "console"
host = "s3.test"
prefix = "/minio/ui"
pool = "console"
rewrite = { strip_prefix = "/minio/ui" }

[[route]]
name = "buckets"
host = ["s3.test", "*.s3.test"]
pool = "s3"

[pool.s3]
backends = ["<node-1>", "<node-2>"]
policy = "least-conn"
response_timeout = "5m"
request_headers = { set = { x-real-ip = "{client}" } }

[pool.s3.retry]
attempts = 1

[pool.console]
backends = ["<console>"]

"#;

#[test]
fn objects_buckets_and_the_console() {
    let scene = Scene::start(CONFIGURATION, &["node-1", "node-2", "console"]);
    let mut nodes = [0; 2];
    for target in [
        "/bucket//a//b",
        "/bucket/../x/./y",
        "/bucket/%2e%2e/a%2Fb?partNumber=1&uploadId=x%2By",
        "/bucket/a+b%20c;d?X-Amz-Signature=0&response-content-type=text%2Fplain",
        "/bucket/%C3%A9%E2%82%AC?versions",
        "/?list-type=2&prefix=a%2F",
    ] {
        for host in ["s3.test", "bucket.s3.test:9000", "a.b.s3.test"] {
            for method in ["GET", "PUT", "HEAD", "DELETE"] {
                let ask = format!(
                    "{method} http://{host}{target}\nX-Amz-Date: 20261127T000000Z\nAuthorization: AWS4-HMAC-SHA256 a=b, c=d"
                );
                let by = scene.ask(&ask).1.expect("a node");
                nodes[usize::from(by == "node-2")] += 1;
                let backend = scene.backends.iter().find(|(name, _)| *name == by).expect("a node");
                let request = backend.1.requests().pop().expect("a request");
                // All that a signature covers is as it came.
                assert_eq!((request.method(), request.target()), (method, target));
                assert_eq!(request.values("host"), [host]);
                assert_eq!(request.values("x-amz-date"), ["20261127T000000Z"]);
                assert_eq!(request.values("authorization"), ["AWS4-HMAC-SHA256 a=b, c=d"]);
            }
        }
    }
    assert!(nodes.iter().all(|&count| count > 10), "{nodes:?}");
    let socket = "GET http://console.test/ws/objectManager\nConnection: Upgrade\nUpgrade: websocket\nOrigin: http://console.test";
    scene.check(&[
        (
            socket,
            "console",
            &["upgrade: websocket", "origin: http://console.test", "host: console.test"],
            &["upgrade: websocket"],
        ),
        ("GET http://console.test/browser", "console", &["host: console.test"], &[]),
        (
            "GET http://s3.test/minio/ui/browser?x=%2F",
            "console",
            &["/browser?x=%2F", "x-forwarded-prefix: /minio/ui", "x-forwarded-uri: /minio/ui/browser?x=%2F"],
            &[],
        ),
        ("GET http://s3.test/minio/ui", "console", &["/"], &[]),
        // With paths as they are written, dot segments could lead out.
        ("GET http://s3.test/minio/ui/../x", "400", &[], &["x-pointsman-error: odd-path"]),
        ("GET http://s3.test.evil.test/", "404", &[], &[]),
        ("GET http://xs3.test/", "404", &[], &[]),
    ]);
}
