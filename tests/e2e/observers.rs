//! What others were reported for by those who scrape, read logs and ask admin servers, with the exact input.

use std::time::Duration;

use harness::{Backend, Client, Proxy, nobody, sleep, wait_until};
use serde_json::Value;

/// A proxy with an access log, of which only `/known/` is routed to backends, and `/dead/` to nobody.
fn proxy(backend: &Backend) -> Proxy {
    Proxy::start(&format!(
        "workers = 1\n[admin]\naddress = \"127.0.0.1:0\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [access_log]\npath = \"access.log\"\n\
         [[route]]\npath = \"/known/\"\npool = \"web\"\n[[route]]\npath = \"/dead/\"\npool = \"dead\"\n\
         [pool.web]\nbackends = [\"{}\"]\n[pool.dead]\nbackends = [\"{}\"]\n",
        backend.address(),
        nobody()
    ))
}

/// The lines of the access log, once there are so many.
fn lines(proxy: &Proxy, count: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    wait_until("all lines are written", || {
        let text = std::fs::read(proxy.path("access.log")).expect("the log");
        let text = String::from_utf8(text).expect("UTF-8");
        lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>();
        lines.len() >= count
    });
    lines
}

/// prometheus/prometheus#9430, nautobot/nautobot#8026, besu-eth/besu#1345, oracle/opengrok#4955.
#[test]
fn scrapers_get_a_format_that_they_read_and_are_told_which() {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    let mut client = Client::connect(proxy.admin());
    let cases = [
        ("", TEXT),
        ("Accept: text/plain\r\n", TEXT),
        ("Accept: text/xml\r\n", TEXT),
        ("Accept: */*\r\n", TEXT),
        (
            "Accept: application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n",
            OPEN_METRICS,
        ),
        (
            "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0\r\n",
            OPEN_METRICS,
        ),
        ("Accept: text/html\r\nAccept: application/openmetrics-text\r\n", OPEN_METRICS),
        ("Accept: application/openmetrics-text;q=0, text/plain\r\n", TEXT),
        ("Accept: application/openmetrics-text;q=0.1, text/plain;version=0.0.4\r\n", TEXT),
    ];
    for (accept, expected) in cases {
        for method in ["GET", "HEAD"] {
            client.send(format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"));
            let response = client.response(method);
            assert_eq!(response.status(), 200);
            assert_eq!(response.header("content-type"), Some(expected), "{method} with {accept}");
        }
    }
}

/// caddyserver/caddy#7587, ipfs/kubo#7731: names of the loopback are taken with their port, and no others for them.
#[test]
fn an_admin_server_is_known_by_each_name_of_this_machine_alone() {
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    let port = proxy.admin().port();
    let status = |target: &str, host: &str| {
        let mut client = Client::connect(proxy.admin());
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.response("GET").status()
    };
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"] {
        assert_eq!(status("/api/v1/version", host), 200, "{host}");
        assert_eq!(status("/api/v1/version", &format!("{host}:{port}")), 200, "{host} with its port");
    }
    let strangers = [
        "127.0.0.1.example.com",
        "localhost.example.com",
        "localhost@example.com",
        "example.com:localhost",
        "2130706433",
        "127.1",
        "",
    ];
    for host in strangers {
        assert_eq!(status("/api/v1/version", host), 403, "{host}");
    }
    // Either may be where the name is.
    assert_eq!(status("http://example.com/api/v1/version", "localhost"), 403);
    assert_eq!(status(&format!("http://127.0.0.1:{port}/api/v1/version"), "example.com"), 403);
}

/// haproxy's and others' probes are HTTP/1.0, which needs no host.
#[test]
fn a_probe_without_a_host_is_answered() {
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    for (method, path) in [("GET", "/ready"), ("HEAD", "/ready"), ("GET", "/live")] {
        let mut client = Client::connect(proxy.admin());
        client.send(format!("{method} {path} HTTP/1.0\r\n\r\n"));
        assert_eq!(client.response(method).status(), 200, "{method} {path}");
    }
}

/// curl asks before it sends a large plugin, and others send it in chunks.
#[test]
fn a_plugin_is_taken_however_it_is_sent() {
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    let put = |fields: &str, body: &[u8]| {
        let mut client = Client::connect(proxy.admin());
        client.send(format!(
            "PUT /api/v1/pools/web/policy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/wasm\r\n{fields}\r\n"
        ));
        if fields.contains("Expect") {
            assert_eq!(client.read_exactly(25), b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        client.send(body);
        let response = client.response("PUT");
        (response.status(), response.text())
    };
    let (first, second) = (harness::constant(0, 1), harness::constant(0, 2));
    let expecting = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", first.len());
    let (status, text) = put(&expecting, &first);
    assert!(status == 200 && text.contains(&harness::version(&first)[..12]), "{status} {text}");
    let mut chunked = format!("{:x}\r\n", second.len()).into_bytes();
    chunked.extend_from_slice(&second);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let (status, text) = put("Transfer-Encoding: chunked\r\n", &chunked);
    assert!(status == 200 && text.contains(&harness::version(&second)[..12]), "{status} {text}");
}

/// jpastuszek/varnishslog#25, kassner/log-parser#4, jetty/jetty.project#12423: what is no request has its line, too.
#[test]
fn garbage_has_a_line_that_can_be_read() {
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    let garbage: [&[u8]; 4] = [
        b"PROXY%00\r\n\r\n",
        b"\x0cH\xca|\x06@S\xaae\x9bz\xe7\xf3\xb75\x83f\xac\r\n\r\n",
        // The beginning of a TLS handshake.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad name: x\r\nHost: test\r\n\r\n",
    ];
    for bytes in garbage {
        let mut client = proxy.client();
        client.send(bytes);
        assert_eq!(client.response("GET").status(), 400, "{bytes:?}");
    }
    let lines = lines(&proxy, garbage.len());
    let text = std::fs::read_to_string(proxy.path("access.log")).expect("UTF-8");
    assert!(text.bytes().all(|byte| byte == b'\n' || byte >= b' '), "{text}");
    for line in &lines {
        assert_eq!((&line["status"], &line["backend"]), (&400.into(), &Value::Null), "{line}");
        assert!(line["error"].is_string() && line["client"].is_string(), "{line}");
    }
}

/// traefik/traefik#2112, #13442, #3493: the proxy's own answers, the cause of a failure, and only the request's own time.
#[test]
fn a_line_says_what_the_client_got_why_and_for_how_long() {
    const IDLE: Duration = Duration::from_secs(3);
    let backend = Backend::named("a");
    let proxy = proxy(&backend);
    let mut client = proxy.client();
    assert_eq!(client.get("/known/").status(), 200);
    sleep(IDLE);
    assert_eq!(client.get("/known/").status(), 200);
    let unrouted = client.get("/unknown");
    assert_eq!(unrouted.status(), 404);
    let failed = client.get("/dead/");
    assert_eq!(failed.status(), 503);
    let lines = lines(&proxy, 4);
    let total = lines[1]["total_us"].as_u64().expect("a number");
    assert!(Duration::from_micros(total) < IDLE, "the time between two requests is nobody's: {}", lines[1]);
    let sent = |response: &harness::Response| response.text().len() as u64;
    for (line, response) in [(&lines[2], &unrouted), (&lines[3], &failed)] {
        assert_eq!(line["status"], response.status(), "{line}");
        assert_eq!(line["body_bytes_sent"], sent(response), "{line}");
    }
    assert_eq!((&lines[2]["backend"], &lines[2]["attempts"]), (&Value::Null, &Value::Array(vec![])));
    assert_eq!(lines[3]["attempts"][0]["error"], "connect-failed", "{}", lines[3]);
}
