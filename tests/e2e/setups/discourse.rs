//! Discourse: an application on a Unix socket, a bus whose answers wait for news, and clients that are kept from asking too often.

use std::io::{BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use harness::{Latch, Request};

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "10MiB"
trusted_proxies = ["127.0.0.1"]

[limit.flood]
key = "client"
rate = "12/s"
burst = 4
dry_run = true

[limit.bots]
key = "header:user-agent"
rate = "1/h"

[limit.connections]
key = "client"
concurrency = 2

[[route]]
host = "old.forum.test"
redirect = { status = 301, host = "forum.test" }

[[route]]
name = "bus"
prefix = "/message-bus"
limits = "connections"
pool = "app"
response_headers = { set = { x-accel-buffering = "no" } }

[[route]]
name = "bots"
header = { user-agent = { regex = '(?i)(bot|crawler|spider)\b' } }
not = { prefix = ["/uploads", "/assets"] }
limits = "bots"
pool = "app"

[[route]]
name = "assets"
regex = '^/(assets|images|uploads)/.*\.(js|css|png|woff2)$'
pool = "app"
response_headers = { set = { cache-control = "public, max-age=31536000, immutable" }, remove = ["set-cookie"] }

[[route]]
limits = "flood"
pool = "app"

[pool.app]
backends = ["unix:<folder>/nginx.http.sock"]
request_headers = { set = { x-real-ip = "{client}", x-route = "{route}" }, remove = ["x-request-start"] }
"#;

/// The application: it says what it got, and on the bus only once there is news.
fn application(path: &Path, news: &Latch) {
    let (listener, news) = (UnixListener::bind(path).expect("a socket"), news.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let news = news.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Ok(Some(mut request)) = Request::read_head(&mut reader) {
                    request.read_body(&mut reader);
                    let field = |name: &str| request.header(name).unwrap_or("-").to_owned();
                    let got =
                        format!("{} {} {}", field("x-real-ip"), field("x-route"), field("x-request-start"));
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nSet-Cookie: _t=1\r\nContent-Length: {}\r\n\r\n",
                        got.len()
                    );
                    let _ = reader.get_mut().write_all(head.as_bytes());
                    if request.target().starts_with("/message-bus") {
                        news.wait();
                    }
                    let _ = reader.get_mut().write_all(got.as_bytes());
                }
            });
        }
    });
}

#[test]
fn pages_bots_and_the_bus() {
    let scene = Scene::start(CONFIGURATION, &[]);
    let news = Latch::default();
    application(&scene.proxy.path("nginx.http.sock"), &news);
    let mut client = scene.proxy.client();
    let mut ask = |target: &str, fields: &str| {
        let response = client.get_with(target, fields);
        let text = if response.status() == 200 { response.text() } else { response.status().to_string() };
        (text, response)
    };
    let from = "X-Forwarded-For: 192.0.2.1\r\n";
    let (page, response) =
        ask("/t/topic/1", &format!("{from}X-Request-Start: t=0\r\nUser-Agent: Robotics Weekly\r\n"));
    assert_eq!((page.as_str(), response.header("set-cookie")), ("192.0.2.1 - -", Some("_t=1")));
    let bot = format!("{from}User-Agent: Mozilla/5.0 (compatible; SomeBot/2.1)\r\n");
    assert_eq!(ask("/latest", &bot).0, "192.0.2.1 bots -");
    assert_eq!(ask("/latest", &bot.replace("192.0.2.1", "192.0.2.2")).0, "429", "whatever its address is");
    assert_eq!(ask("/latest", &bot.replace("SomeBot", "OtherBot")).0, "192.0.2.1 bots -");
    let (asset, response) = ask("/uploads/a/b.png", &bot);
    assert_eq!((asset.as_str(), response.header("set-cookie")), ("192.0.2.1 assets -", None));
    assert_eq!(response.header("cache-control"), Some("public, max-age=31536000, immutable"));
    for _ in 0..8 {
        assert_eq!(ask("/", from).0, "192.0.2.1 - -", "a trial refuses nobody");
    }
    assert_eq!(ask("/uploads", "Content-Length: 10485761\r\n").0, "413");

    // Two of a client wait for news, a third doesn't; the heads are there already.
    let mut waiting: Vec<_> = (0..2).map(|_| scene.proxy.client()).collect();
    let poll =
        format!("POST /message-bus/1/poll HTTP/1.1\r\nHost: forum.test\r\n{from}Content-Length: 0\r\n\r\n");
    for client in &mut waiting {
        client.send(&poll);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(client.read_exactly(1));
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{head:?}");
    }
    let mut third = scene.proxy.client();
    third.send(&poll);
    assert_eq!(third.response("POST").error_label(), Some("concurrency-limited"));
    let mut other = scene.proxy.client();
    other.send(poll.replace("192.0.2.1", "192.0.2.9"));
    news.open();
    assert_eq!(other.response("POST").text(), "192.0.2.9 bus -");
    for client in &mut waiting {
        assert_eq!(client.read_exactly(15), b"192.0.2.1 bus -");
    }
    scene.check(&[("GET http://old.forum.test/t/1?x", "301", &[], &["location: http://forum.test/t/1?x"])]);
}
