//! Wikimedia: the edge says who a client is and takes that from nobody, and sends telephones to a host of their own.

use harness::{Http2Client, Tls};
use http::Request;

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "127.0.0.1:0"
request_id = "replace"
http2_max_streams = 200

[listener.tls]
certificates = [{ cert = "site.crt", key = "site.key" }]
hsts = "max-age=106384710; includeSubDomains; preload"

[[route]]
scheme = "http"
method = ["GET", "HEAD"]
redirect = { status = 301, scheme = "https" }

[[route]]
name = "telephones"
host = "en.wiki.test"
header = { user-agent = { regex = '(?i)\b(iphone|android.*mobile)\b' } }
not = [{ cookie = { mf_useformat = "desktop" } }, { prefix = ["/w", "/api"] }]
redirect = { host = "en.m.wiki.test" }

[limit.scripts]
key = ["client", "header:user-agent"]
rate = "1/h"
burst = 3

[[route]]
name = "scripts"
host = "*.wiki.test"
exact = ["/w/api.php", "/w/index.php"]
limits = "scripts"
pool = "app"

[[route]]
name = "uploads"
host = "upload.wiki.test"
method = ["GET", "HEAD", "OPTIONS"]
pool = "upload"
response_headers = { set = { access-control-allow-origin = "*", content-security-policy = "default-src 'none'" }, remove = ["server"] }

[[route]]
host = "*.wiki.test"
pool = "app"

[pool.app]
backends = ["<app>"]
request_headers = { set = { x-client-ip = "{client}", x-connection-properties = "{scheme}; {port}", x-analytics = "route={route}" }, remove = ["x-forwarded-for", "x-client-port", "x-wikimedia-debug"] }
response_headers = { set = { x-cache-host = "{backend}" } }

[pool.upload]
backends = ["<upload>"]
"#;

#[test]
fn readers_telephones_and_scripts() {
    let scene =
        Scene::start_for(&["wiki.test", "*.wiki.test", "en.m.wiki.test"], CONFIGURATION, &["app", "upload"]);
    let phone = "\nUser-Agent: Mozilla/5.0 (Linux; Android 14; Pixel) Mobile Safari";
    let hostile = "\nX-Client-IP: 192.0.2.1\nX-Client-Port: 1\nX-Forwarded-For: 192.0.2.1\nX-Wikimedia-Debug: 1\nX-Analytics: x\nX-Request-Id: mine";
    let read = "GET https://en.wiki.test/wiki/Main_Page";
    let app = scene.backends[0].1.address();
    let ask = |first: &str, fields: &str| format!("{first}{fields}");
    let script = "GET https://en.wiki.test/w/api.php?action=query\nUser-Agent: bot/1.0";
    scene.check(&[
        (
            "GET http://en.wiki.test/wiki/A%26B?x=y%20z",
            "301",
            &[],
            &["location: https://en.wiki.test/wiki/A%26B?x=y%20z"],
        ),
        ("POST http://en.wiki.test/w/api.php", "app", &["x-analytics: route=scripts"], &[]),
        (
            &ask(read, hostile),
            "app",
            &[
                "x-client-ip: 127.0.0.1",
                "-x-client-port",
                "-x-forwarded-for",
                "-x-wikimedia-debug",
                "x-analytics: route=",
            ],
            &[
                &format!("x-cache-host: {app}"),
                "strict-transport-security: max-age=106384710; includeSubDomains; preload",
            ],
        ),
        (&ask(read, phone), "302", &[], &["location: https://en.m.wiki.test/wiki/Main_Page"]),
        (&ask(read, &format!("{phone}\nCookie: a=b; mf_useformat=desktop")), "app", &[], &[]),
        (&ask("GET https://en.m.wiki.test/wiki/Main_Page", phone), "app", &["host: en.m.wiki.test"], &[]),
        (&ask("GET https://en.wiki.test/w/load.php?x", phone), "app", &["/w/load.php?x"], &[]),
        (script, "app", &[], &[]),
        (script, "app", &[], &[]),
        (script, "app", &[], &[]),
        (script, "429", &[], &["retry-after: 3600"]),
        (&script.replace("1.0", "1.1"), "app", &[], &[]),
        (
            "GET https://upload.wiki.test/commons/a/ab/X.jpg\nRange: bytes=0-1",
            "upload",
            &["range: bytes=0-1"],
            &["access-control-allow-origin: *", "content-security-policy: default-src 'none'", "-server"],
        ),
        // A method that no route of its host takes falls to the one behind it.
        ("DELETE https://upload.wiki.test/commons/a/ab/X.jpg", "app", &[], &[]),
        ("GET https://wiki.test/", "404", &[], &[]),
    ]);
}

#[test]
fn what_the_edge_says_over_http_2() {
    let scene =
        Scene::start_for(&["wiki.test", "*.wiki.test", "en.m.wiki.test"], CONFIGURATION, &["app", "upload"]);
    let tls: Tls = scene.tls.clone().expect("a certificate").offering(&["h2"]);
    let address = *scene.proxy.addresses().last().expect("a listener");
    let http2 = Http2Client::connect_tls(address, &tls, "en.wiki.test").expect("HTTP/2");
    let request =
        Request::get("https://en.wiki.test/wiki/A").header("x-request-id", "mine").header("x-client-ip", "x");
    let response = http2.send(request.body(()).expect("a request")).expect("a response");
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let got = scene.backends[0].1.requests().pop().expect("a request");
    assert_eq!(
        (got.values("x-request-id"), got.values("x-client-ip")),
        (vec![id.as_str()], vec!["127.0.0.1"])
    );
    assert_ne!(id, "mine");
}
