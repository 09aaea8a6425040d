//! Whom a request counts for.

use harness::{Backend, Client, Http2Client, Proxy};
use http::Request;

use super::{ONCE, configuration, counted, statuses};

#[test]
fn a_client_is_whom_a_trusted_proxy_names() {
    let backend = Backend::named("web");
    let limit = format!("key = \"client\"\n{ONCE}");
    let proxy =
        Proxy::start(&configuration(&limit, "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]", &backend));
    let mut client = proxy.client();
    for (forwarded, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        // What the client itself has written stands in front.
        ("198.51.100.1, 192.0.2.1", 429),
        ("192.0.2.2, 192.0.2.1, 10.1.2.3", 429),
        ("192.0.2.1:8080", 429),
        ("::ffff:192.0.2.1", 429),
        ("2001:db8:0:1::1", 200),
        // Addresses within a customer's network are free to choose, however they are written.
        ("2001:db8:0:1::2", 429),
        ("2001:0DB8:0000:0001:ffff:ffff:ffff:ffff", 429),
        ("[2001:db8:0:1::3]:443", 429),
        ("2001:db8:0:2::1", 200),
        // What is no address ends the chain: it is the proxy's own request.
        ("unknown", 200),
        ("192.0.2.3, x", 429),
        ("", 429),
    ] {
        let found = client.get_with("/", &format!("X-Forwarded-For: {forwarded}\r\n")).status();
        assert_eq!(found, status, "{forwarded}");
    }
    assert_eq!(backend.count(), 5, "what is refused never gets there");
}

#[test]
fn strangers_are_their_own_clients() {
    let backend = Backend::named("web");
    let limit = format!("key = \"client\"\n{ONCE}");
    let proxy = Proxy::start(&configuration(&limit, "", &backend));
    let mut client = proxy.client();
    for (fields, status) in [
        ("", 200),
        ("X-Forwarded-For: 192.0.2.1\r\n", 429),
        ("Forwarded: for=192.0.2.2\r\n", 429),
        ("X-Real-IP: 192.0.2.3\r\n", 429),
        ("True-Client-IP: 192.0.2.4\r\n", 429),
        ("X_Forwarded_For: 192.0.2.5\r\n", 429),
    ] {
        assert_eq!(client.get_with("/", fields).status(), status, "{fields}");
    }
    let other = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
    assert_eq!(Client::connect_from(other, proxy.address()).get("/").status(), 200);
}

#[test]
fn values_of_every_shape_count_as_one_key_each() {
    let long = "k".repeat(16_000);
    let (longer, latin) = (format!("{long}l"), "caf\u{e9}");
    let field = |value: &str| format!("X-Key: {value}\r\n");
    let backend = Backend::named("web");
    let limit = format!("key = \"header:x-key\"\n{ONCE}\nburst = 2");
    let proxy = Proxy::start(&configuration(&limit, "", &backend));
    let mut client = proxy.client();
    let two = "X-Key: a\r\nx-key: b\r\n";
    for (fields, what) in [
        (field("a"), "a value"),
        (field("A"), "capitals"),
        (field(&long), "16,000 bytes"),
        (field(&longer), "and one more"),
        (field(""), "nothing in it"),
        (field(latin), "bytes of another alphabet"),
        (field("a,b"), "a list"),
        (String::new(), "none"),
        (two.to_owned(), "two of them"),
    ] {
        let requests = [&*fields, &fields, &fields];
        assert_eq!(statuses(&mut client, &requests), [200, 200, 429], "{what}");
    }
    // Neither of two counts, whichever a backend goes by: else each could be used to spend the other's share.
    assert_eq!(client.get_with("/", "X-Key: fresh\r\nX-Key: other\r\n").status(), 429);
    assert_eq!(client.get_with("/", "X-Key: fresh\r\n").status(), 200);
    // Spaces around a value are none of it.
    assert_eq!(client.get_with("/", "X-Key:\t  a \t\r\n").status(), 429);
}

#[test]
fn a_call_over_http_2_is_told_in_its_own_way() {
    let backend = Backend::named("web");
    let proxy = Proxy::start(&configuration(&format!("key = \"all\"\n{ONCE}"), "", &backend));
    assert_eq!(proxy.client().get("/").status(), 200);
    let client = Http2Client::connect(proxy.address()).expect("a connection");
    let post = |media_type: &str| {
        let request = Request::post("http://test/a.B/C").header("te", "trailers");
        client
            .send(request.header("content-type", media_type).body(()).expect("a request"))
            .expect("a response")
    };
    let call = post("application/grpc");
    let field = |name: &str| call.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!((call.status().as_u16(), field("grpc-status").as_deref()), (200, Some("8")));
    assert_eq!(field("grpc-message").as_deref(), Some("too many requests"));
    let plain = post("application/json");
    assert_eq!((plain.status().as_u16(), plain.headers().contains_key("grpc-status")), (429, false));
    assert!(plain.headers().contains_key("retry-after"));
    assert_eq!(backend.count(), 1);
}

#[test]
fn a_dry_run_refuses_nobody_and_counts() {
    let backend = Backend::named("web");
    let limit = format!("key = \"client\"\n{ONCE}\nconcurrency = 1\ndry_run = true");
    let proxy = Proxy::start(&configuration(&limit, "", &backend));
    assert_eq!(statuses(&mut proxy.client(), &[""; 4]), [200; 4]);
    let counted = counted(&proxy, "pointsman_limit_");
    let dry =
        counted.iter().filter(|line| line.starts_with("dry_run_requests_total") && !line.ends_with(" 0"));
    let dry: Vec<_> = dry.collect();
    assert!(dry.len() == 1 && dry[0].contains("reason=\"rate\"") && dry[0].ends_with(" 3"), "{counted:#?}");
    assert!(counted.iter().all(|line| !line.starts_with("refused") || line.ends_with(" 0")), "{counted:#?}");
}

#[test]
fn routes_with_the_same_limit_share_it() {
    // traefik/traefik 13706: each route had a count of its own.
    let backend = Backend::named("web");
    let text = configuration(&format!("key = \"client\"\n{ONCE}\nburst = 2"), "", &backend);
    let text = text
        .replace("[[route]]", "[[route]]\nprefix = \"/a\"\nlimits = \"tested\"\npool = \"web\"\n[[route]]");
    let proxy = Proxy::start(&text);
    let mut client = proxy.client();
    let statuses = ["/a", "/b", "/a", "/b"].map(|target| client.get(target).status());
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn rules_for_fields_make_no_other_key() {
    // A backend needn't see by what its clients are told apart.
    let backend = Backend::named("web");
    for rules in ["remove = [\"x-key\"]", "set = { x-key = \"same\" }", "add = { x-key = \"another\" }"] {
        let text = configuration(&format!("key = \"header:x-key\"\n{ONCE}"), "", &backend);
        let proxy =
            Proxy::start(&text.replace("[[route]]", &format!("[[route]]\nrequest_headers = {{ {rules} }}")));
        let mut client = proxy.client();
        let requests = ["X-Key: a\r\n", "X-Key: b\r\n", "X-Key: a\r\n", ""];
        assert_eq!(statuses(&mut client, &requests), [200, 200, 429, 200], "{rules}");
    }
}
