//! Requests that another pool gets as well: whatever becomes of them, clients notice nothing.

mod bad_mirrors;
mod bodies;
mod reload;

use std::collections::BTreeMap;

use harness::{Backend, Client, Proxy, wait_until};

/// A proxy whose only route leads to the pool `main` and is mirrored to the pool `shadow`, with lines of the mirror's table, of the pool
/// `shadow`, and of the top of the file.
fn proxy(mirror: &str, pool: &str, top: &str, [main, shadow]: [&Backend; 2]) -> Proxy {
    Proxy::start(&text(&format!("mirror = {{ pool = \"shadow\"{mirror} }}"), pool, top, [main, shadow]))
}

pub(crate) fn text(route: &str, pool: &str, top: &str, [main, shadow]: [&Backend; 2]) -> String {
    format!(
        "workers = 1\n{top}\n[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         keepalive_requests = 1000000000\n[[route]]\npool = \"main\"\n{route}\n\
         [pool.main]\nbackends = [\"{}\"]\n[pool.shadow]\nbackends = [\"{}\"]\n{pool}\n",
        main.address(),
        shadow.address()
    )
}

/// What became of the requests that were mirrored, by result.
fn results(proxy: &Proxy) -> BTreeMap<String, u64> {
    let text = Client::connect(proxy.admin()).get("/metrics").text();
    let start = "pointsman_mirror_requests_total{pool=\"shadow\",result=\"";
    let rows = text.lines().filter_map(|line| line.strip_prefix(start)?.split_once("\"} "));
    let counts = rows.map(|(result, count)| (result.to_owned(), count.parse().expect("a number")));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// Waits until so many have come to this result, and no others to any.
pub(crate) fn wait_for(proxy: &Proxy, expected: &[(&str, u64)]) {
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|(result, count)| ((*result).to_owned(), *count)).collect();
    wait_until(&format!("the mirrored requests have ended as {expected:?}"), || results(proxy) == expected);
}

#[test]
fn a_copy_asks_for_what_the_backend_is_asked_for() {
    for (rewrite, target) in [
        ("{ strip_prefix = \"/api\" }", "/v1?x=1"),
        ("{ replace_prefix = \"/b%20c\" }", "/b%20c/v1?x=1"),
        ("{ path = \"/one\" }", "/one?x=1"),
        ("{ query = \"drop\" }", "/api/v1"),
    ] {
        let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
        let route = format!("prefix = \"/api\"\nmirror = {{ pool = \"shadow\" }}\nrewrite = {rewrite}");
        let proxy = Proxy::start(&text(&route, "", "", [&main, &shadow]));
        let mut client = proxy.client();
        assert_eq!(client.get("/api/v1?x=1").text(), "main");
        wait_for(&proxy, &[("answered", 1)]);
        let (one, copy) = (&main.requests()[0], &shadow.requests()[0]);
        assert_eq!(one.first_line(), format!("GET {target} HTTP/1.1"));
        assert_eq!(copy.first_line(), one.first_line(), "{rewrite}");
        for name in ["x-forwarded-uri", "x-forwarded-prefix"] {
            assert_eq!(copy.header(name), one.header(name), "{rewrite}");
        }
    }
}

#[test]
fn a_copy_goes_to_the_other_pool_by_its_rules() {
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let rules = "request_headers.set = { x-pool = \"{pool}\", x-client = \"{client}\" }\nhost_header = \"shadow.test\"";
    let proxy = proxy("", rules, "", [&main, &shadow]);
    let mut client = proxy.client();
    for copies in 1..=3 {
        client.send(
            b"GET /a%20b?q=\x80 HTTP/1.1\r\nHost: main.test\r\nCookie: a=1\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
             X-Pointsman-Mirror: 1\r\nX_Pointsman_Mirror: 1\r\n\r\n",
        );
        let response = client.response("GET");
        assert_eq!((response.status(), &*response.text()), (200, "main"));
        wait_for(&proxy, &[("answered", copies)]);
    }
    for request in shadow.requests() {
        assert_eq!(request.first_line(), main.requests()[0].first_line());
        for (name, value) in [
            ("host", Some("shadow.test")),
            ("cookie", Some("a=1")),
            ("x-hop", None),
            ("x-pool", Some("shadow")),
            ("x-client", Some("127.0.0.1")),
            ("x-forwarded-for", Some("127.0.0.1")),
            ("x-pointsman-mirror", Some("1")),
        ] {
            assert_eq!(request.header(name), value, "{name}");
        }
    }
    for request in main.requests() {
        let names = ["x-pointsman-mirror", "x_pointsman_mirror", "x-pool"];
        assert_eq!(names.map(|name| request.header(name)), [None; 3]);
        assert_eq!(request.header("host"), Some("main.test"));
    }
    assert_eq!((main.count(), shadow.count(), shadow.connections()), (3, 3, 1));
}

#[test]
fn a_share_is_mirrored() {
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let proxy = proxy(", share = \"50%\", max_requests = 1000", "", "", [&main, &shadow]);
    let mut client = proxy.client();
    for _ in 0..400 {
        assert_eq!(client.get("/").text(), "main");
    }
    // Eight standard deviations.
    wait_until("about half have come", || (120..=280).contains(&shadow.count()));
}

#[test]
fn what_is_no_single_request_is_not_mirrored() {
    let main = Backend::start(|exchange| {
        if exchange.request.header("upgrade").is_some() {
            exchange.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
            exchange.wait_for_close();
        } else {
            exchange.respond("main");
        }
    });
    let shadow = Backend::named("shadow");
    let proxy = proxy("", "", "", [&main, &shadow]);
    let mut tunnel = proxy.client();
    tunnel.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(tunnel.response("GET").status(), 101);
    assert_eq!(proxy.client().get_with("/", "Authorization: NTLM abc\r\n").text(), "main");
    // By now the others would have come.
    assert_eq!(proxy.client().get("/last").text(), "main");
    wait_for(&proxy, &[("answered", 1)]);
    assert_eq!(
        shadow.requests().iter().map(|request| request.target().to_owned()).collect::<Vec<_>>(),
        ["/last"]
    );
}

#[test]
fn a_retry_is_not_mirrored_again() {
    let (dead, main, shadow) =
        (Backend::start(|exchange| exchange.reset()), Backend::named("main"), Backend::named("shadow"));
    let text = text("mirror = { pool = \"shadow\" }", "", "", [&main, &shadow]);
    let both =
        format!("backends = [\"{}\", \"{}\"]\npolicy = \"round-robin\"", dead.address(), main.address());
    let text = text.replacen(&format!("backends = [\"{}\"]", main.address()), &both, 1);
    let proxy = Proxy::start(&text);
    let mut client = proxy.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").text(), "main");
    }
    assert!(dead.count() > 0, "there were retries");
    wait_for(&proxy, &[("answered", 4)]);
    assert_eq!(shadow.count(), 4);
}

#[test]
fn copies_are_no_lines_of_the_access_log_but_requests_of_their_pool() {
    let (main, shadow) = (Backend::named("main"), Backend::named("shadow"));
    let log = "[access_log]\npath = \"access.log\"";
    let proxy = proxy("", "", log, [&main, &shadow]);
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.get("/logged").text(), "main");
    }
    wait_for(&proxy, &[("answered", 5)]);
    assert_eq!(client.get("/last").text(), "main");
    let lines = || std::fs::read_to_string(proxy.path("access.log")).unwrap_or_default();
    wait_until("the last line is there", || lines().contains("/last"));
    assert_eq!(lines().matches("/logged").count(), 5, "{}", lines());
    let counted = || Client::connect(proxy.admin()).get("/metrics").text();
    for pool in ["main", "shadow"] {
        let row = format!("pointsman_pool_requests_total{{pool=\"{pool}\"}} 6");
        wait_until(&row, || counted().contains(&row));
    }
    let row = "pointsman_listener_requests_total{";
    let of_clients =
        |text: &str| text.lines().find(|line| line.starts_with(row)).is_some_and(|line| line.ends_with(" 6"));
    wait_until("the listener has 6", || of_clients(&counted()));
}
