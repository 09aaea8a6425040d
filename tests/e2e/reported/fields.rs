//! Rules for header fields.

use harness::{Backend, Client, Http2Client, Proxy, Setup};
use http::Request;

/// A proxy whose only route has these lines, with these of the listener and the pool.
fn start(listener: &str, route: &str, pool: &str, backend: &Backend) -> Proxy {
    let setup = Setup { workers: 1, listener, pool, ..Setup::default() };
    let text = setup.configuration(&[backend.address()]);
    Proxy::start(&text.replace("[pool.test]", &format!("[[route]]\npool = \"test\"\n{route}\n[pool.test]")))
}

/// The values of a field in the last request that the backend got.
fn got(backend: &Backend, name: &str) -> Vec<String> {
    let request = backend.requests().pop().expect("a request");
    request.values(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_client_cant_have_taken_away_what_the_proxy_says() {
    // CVE-2024-45410 (Traefik): `Connection` names a field that the proxy sets, and the field is taken for one of the connection.
    let backend = Backend::named("b");
    let route = "request_headers.set = { x-real-ip = \"{client}\", x-user = \"none\", x-port = \"{port}\" }";
    let proxy = start("", route, "request_headers.set = { x-pool = \"{pool}\" }", &backend);
    let mut client = proxy.client();
    let named =
        "X-Real-IP, x-user, x-port, x-pool, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Via, Host";
    for fields in [
        format!("Connection: {named}\r\nX-User: admin\r\nX-Pool: admin\r\nX-Real-IP: 192.0.2.1\r\n"),
        format!("Connection: keep-alive\r\nConnection: {named}\r\n"),
        format!("Connection: Upgrade, {named}\r\nUpgrade: nothing\r\n"),
    ] {
        assert_eq!(client.get_with("/", &fields).text(), "b");
        let port = proxy.address().port().to_string();
        for (name, value) in [
            ("x-real-ip", "127.0.0.1"),
            ("x-user", "none"),
            ("x-port", &port),
            ("x-pool", "test"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "test"),
            ("x-forwarded-proto", "http"),
            ("via", "1.1 pointsman"),
            ("host", "test"),
        ] {
            assert_eq!(got(&backend, name), [value], "{name} {fields}");
        }
    }
}

#[test]
fn a_request_has_nothing_of_the_one_before_it() {
    // caddyserver/caddy 944: what was made of the first request stayed with the connection to the backend.
    let backend = Backend::named("b");
    let route = "request_headers.set = { x-tenant = \"{hostname}\", x-query = \"{query}\" }";
    let proxy = start("", route, "request_headers.add = { x-path = \"{path}\" }", &backend);
    let mut client = proxy.client();
    for (host, target, query) in
        [("one.test", "/1?a", &["a"][..]), ("two.test:81", "/2", &[]), ("one.test", "/3?b=c", &["b=c"])]
    {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Query: client's\r\n\r\n"));
        assert_eq!(client.response("GET").text(), "b");
        assert_eq!(got(&backend, "host"), [host]);
        assert_eq!(got(&backend, "x-tenant"), [host.split(':').next().expect("a name")]);
        assert_eq!(got(&backend, "x-query"), query);
        assert_eq!(got(&backend, "x-path"), [target.split('?').next().expect("a path")]);
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_client_of_ipv4_is_one_on_a_socket_for_both() {
    // kubernetes/ingress-nginx 91: `::ffff:10.2.9.1`, which backends take for another client.
    let backend = Backend::named("b");
    let route = "request_headers.set = { x-real-ip = \"{client}\", x-peer = \"{peer}\" }";
    let text = Setup { workers: 1, ..Setup::default() }.configuration(&[backend.address()]);
    let text = text.replace("127.0.0.1:0", "[::]:0");
    let text = text.replace("[pool.test]", &format!("[[route]]\npool = \"test\"\n{route}\n[pool.test]"));
    let proxy = Proxy::start(&text);
    let port = proxy.address().port();
    assert_eq!(Client::connect(([127, 0, 0, 1], port).into()).get("/").text(), "b");
    for name in ["x-real-ip", "x-peer", "x-forwarded-for"] {
        assert_eq!(got(&backend, name), ["127.0.0.1"], "{name}");
    }
}

#[test]
fn what_the_proxy_answers_itself_is_changed_like_what_backends_answer() {
    // nginx's `add_header` leaves most errors out, and some proxies leave all out that no backend has answered.
    let backend = Backend::start(|exchange| exchange.reset());
    let rules = "response_headers = { set = { x-frame-options = \"DENY\", x-of = \"{route}\" }, add = { vary = \"origin\" } }";
    let routes = [
        "redirect = \"https://www.test\"",
        "limits = \"none\"\npool = \"test\"",
        "redirect = \"/\"\nlimits = \"none\"",
    ];
    let route = |(place, lines): (usize, &&str)| {
        format!("[[route]]\nname = \"r{place}\"\nexact = \"/{place}\"\n{lines}\n{rules}\n")
    };
    let mut text: String = routes.iter().enumerate().map(route).collect();
    text += &format!(
        "[limit.none]\nkey = \"all\"\nrate = \"1/d\"\n[[route]]\nname = \"r3\"\npool = \"test\"\n{rules}\n[pool.test]"
    );
    let setup = Setup { workers: 1, ..Setup::default() };
    let proxy = Proxy::start(&setup.configuration(&[backend.address()]).replace("[pool.test]", &text));
    let mut client = proxy.client();
    for (target, status, place) in
        [("/0", 302, 0), ("/1", 502, 1), ("/1", 429, 1), ("/2", 429, 2), ("/other", 502, 3)]
    {
        let response = client.post(target, b"");
        assert_eq!(response.status(), status, "{target} {response:?}");
        assert_eq!(response.header("x-frame-options"), Some("DENY"), "{target} {response:?}");
        assert_eq!(response.header("x-of"), Some(&*format!("r{place}")), "{target} {response:?}");
        assert_eq!(response.header("vary"), Some("origin"), "{target} {response:?}");
    }
}

#[test]
fn the_port_is_the_one_that_the_client_has_connected_to() {
    // kubernetes/ingress-nginx 1703 and 4951: the proxy's own port, though the PROXY header says what the client knows.
    let backend = Backend::named("b");
    let route = "request_headers.set = { x-forwarded-port = \"{port}\" }";
    let proxy = start("proxy_protocol = { from = [\"127.0.0.1\"] }", route, "", &backend);
    let mut client = proxy.client();
    client.send("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\nGET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-Port: 81\r\n\r\n");
    assert_eq!(client.response("GET").text(), "b");
    assert_eq!(got(&backend, "x-forwarded-port"), ["443"]);
}

#[test]
fn compression_goes_by_what_the_client_accepts() {
    // Where backends are kept from compressing, by taking `Accept-Encoding` away, the proxy is meant to do it.
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let text = "a text to be compressed ".repeat(100);
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        ));
    });
    for (route, pool) in [
        ("request_headers.remove = [\"accept-encoding\"]", ""),
        ("", "request_headers.remove = [\"accept-encoding\"]\n"),
        ("request_headers.set = { accept-encoding = \"identity\" }", ""),
    ] {
        let proxy = start("", route, &format!("{pool}compression = {{}}"), &backend);
        let response = proxy.client().get_with("/", "Accept-Encoding: gzip\r\n");
        assert_eq!(response.header("content-encoding"), Some("gzip"), "{route}{pool}");
        let vary = response.header("vary").map(str::to_ascii_lowercase);
        assert_eq!(vary.as_deref(), Some("accept-encoding"), "{route}{pool}");
        assert_eq!(proxy.client().get("/").header("content-encoding"), None, "{route}{pool}");
    }
}

#[test]
fn responses_without_a_body_are_changed_like_others() {
    // Some add fields to a few statuses only, and leave 304, 204 and those of HEAD out.
    let backend = Backend::start(|exchange| {
        exchange.read_body();
        let status = exchange.request.target().trim_start_matches('/').to_owned();
        exchange.send(format!(
            "HTTP/1.1 {status} S\r\nSET-COOKIE: a=1\r\nServer: b\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n"
        ));
    });
    let route =
        "response_headers = { set = { x-frame-options = \"DENY\" }, remove = [\"Set-Cookie\", \"server\"] }";
    let proxy = start("", route, "retry = { attempts = 0 }\nejection = { enabled = false }", &backend);
    let mut client = proxy.client();
    for status in ["200", "204", "206", "301", "304", "404", "416", "500", "503", "599"] {
        for method in ["GET", "HEAD"] {
            client.send(format!("{method} /{status} HTTP/1.1\r\nHost: test\r\n\r\n"));
            let response = client.response(method);
            assert_eq!(response.status().to_string(), status);
            assert_eq!(response.header("x-frame-options"), Some("DENY"), "{method} {status}");
            assert_eq!(
                (response.header("set-cookie"), response.header("server")),
                (None, None),
                "{method} {status}"
            );
        }
    }
}

#[test]
fn cookies_in_many_fields_are_one_to_a_backend_of_http_1() {
    // What HTTP/2 splits for its compression, applications read the first part of.
    let backend = Backend::named("b");
    let proxy = start("", "request_headers.add = { x-cookies = \"yes\" }", "", &backend);
    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    let request = Request::get("http://test/")
        .header("cookie", "a=1")
        .header("cookie", "b=2; c=3")
        .header("cookie", "d=4");
    assert_eq!(http2.send(request.body(()).expect("a request")).expect("a response").body(), b"b");
    assert_eq!(got(&backend, "cookie"), ["a=1; b=2; c=3; d=4"]);
}

#[test]
fn a_host_that_is_set_to_what_it_is_stays() {
    // haproxy/haproxy 494: that was an error over HTTP/2, where the target names the host, too.
    let backend = Backend::named("b");
    let proxy = start("", "host_header = \"test\"", "", &backend);
    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    for host in ["test", "test:80", "other.test"] {
        let request = Request::get(format!("http://{host}/")).body(()).expect("a request");
        assert_eq!(http2.send(request).expect("a response").body(), b"b");
        assert_eq!(got(&backend, "host"), ["test"]);
        assert_eq!(got(&backend, "x-forwarded-host"), [host]);
    }
}
