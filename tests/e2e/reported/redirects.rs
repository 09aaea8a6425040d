//! Redirects.

use harness::{Authority, Backend, Client, Http2Client, Leaf, Proxy, Setup, Tls};
use http::Request;

/// A proxy with these routes before one to the backend.
fn configuration(listener: &str, routes: &str, backend: &Backend) -> String {
    let text = Setup { workers: 1, listener, ..Setup::default() }.configuration(&[backend.address()]);
    text.replace("[pool.test]", &format!("{routes}\n[[route]]\npool = \"test\"\n[pool.test]"))
}

/// Where a request is sent, or who answers it.
fn ask(client: &mut Client, head: &str) -> String {
    client.send(head);
    let response = client.response("GET");
    response.header("location").map_or_else(|| response.text(), str::to_owned)
}

#[test]
fn captures_come_out_as_they_went_in() {
    let backend = Backend::named("b");
    let routes = "[[route]]\nregex = '^/a(/b)?(/c)?$'\nredirect = { path = '/x$1/y${2}' }\n\
                  [[route]]\nregex = '^/go/(.*)$'\nredirect = { path = '/to/$1' }";
    let proxy = Proxy::start(&configuration("", routes, &backend));
    let mut client = proxy.client();
    for (target, location) in [
        // traefik/traefik 10027: a group that isn't there is nothing, and not its own name.
        ("/a", "/x/y"),
        ("/a/b", "/x/b/y"),
        ("/a/c", "/x/y/c"),
        // Escaped once, whatever was escaped.
        ("/go/100%25", "/to/100%25"),
        ("/go/100%2525", "/to/100%2525"),
        ("/go/a%20b+c", "/to/a%20b+c"),
        ("/go/caf%C3%A9?x=%C3%A9&y=+", "/to/caf%C3%A9?x=%C3%A9&y=+"),
        ("/go/caf%c3%a9", "/to/caf%C3%A9"),
        ("/go/%FF", "/to/%FF"),
        ("/go/a%3Fb%23c?d", "/to/a%3Fb%23c?d"),
        ("/go/%24%7B1%7D$1", "/to/$%7B1%7D$1"),
        ("/go/", "/to/"),
        ("/go/?", "/to/"),
        ("/go/a:b@c;d,e=f&g", "/to/a:b@c;d,e=f&g"),
    ] {
        let found = ask(&mut client, &format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(found.trim_end_matches('?'), location, "{target}");
    }
}

#[test]
fn nobody_is_sent_round_in_a_circle() {
    let backend = Backend::named("b");
    let https = "[[route]]\nscheme = \"http\"\nredirect = { status = 308, scheme = \"https\" }";
    let listener = "trusted_proxies = [\"127.0.0.1\"]";
    let proxy = Proxy::start(&configuration(listener, https, &backend));
    let mut client = proxy.client();
    for (fields, answer) in [
        ("Host: a.test:80", "https://a.test/x?y"),
        ("Host: a.test:", "https://a.test/x?y"),
        ("Host: A.test", "https://A.test/x?y"),
        ("Host: a.test.", "https://a.test./x?y"),
        // traefik/traefik 8915: an address of IPv6 lost its brackets.
        ("Host: [2001:db8::17]:8080", "https://[2001:db8::17]/x?y"),
        // A proxy in front has ended TLS: who is sent to it again comes back in clear, for ever.
        ("Host: a.test\r\nX-Forwarded-Proto: https", "b"),
        ("Host: a.test:443\r\nX-Forwarded-Proto: HTTPS", "b"),
        ("Host: a.test\r\nX-Forwarded-Proto: http", "https://a.test/x?y"),
    ] {
        let found = ask(&mut client, &format!("GET /x?y HTTP/1.1\r\n{fields}\r\n\r\n"));
        assert_eq!(found, answer, "{fields}");
    }
    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    let request = Request::get("http://a.test:8080/x?y").body(()).expect("a request");
    let response = http2.send(request).expect("a response");
    assert_eq!(response.headers()["location"], "https://a.test/x?y");
}

#[test]
fn a_port_that_goes_without_saying_is_no_other_place() {
    // traefik/traefik 7927: `https://a.test:443/` was redirected to `https://a.test/`, and by some clients back.
    let backend = Backend::named("b");
    let routes = "[[route]]\nscheme = \"http\"\nredirect = { scheme = \"https\" }\n\
                  [[route]]\nhost = \"www.test\"\nredirect = { host = \"test\" }";
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf { names: &["test", "www.test"], ..Leaf::default() }).write(folder.path(), "site");
    let listener = "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]";
    let proxy = Proxy::start_in(folder, &configuration(listener, routes, &backend));
    let tls = Tls::trusting(&authority);
    for (host, answer) in [
        ("test", None),
        ("test:443", None),
        ("TEST:443", None),
        ("www.test:443", Some("https://test/")),
        ("WWW.test", Some("https://test/")),
    ] {
        let name = host.split(':').next().expect("a name");
        let mut client = tls.connect(proxy.address(), name);
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let response = client.response("GET");
        assert_eq!(response.header("location"), answer, "{host} {response:?}");
    }
}

#[test]
fn a_prefix_is_replaced_by_whole_segments() {
    // kubernetes-sigs/gateway-api has a table of these, as most got one of them wrong: a slash too many, or one too few.
    let backend = Backend::named("b");
    let route = |prefix: &str, replaced: &str| {
        format!("[[route]]\nprefix = {prefix}\nredirect = {{ replace_prefix = \"{replaced}\" }}\n")
    };
    let routes = [
        route("\"/one\"", "/"),
        route("\"/two/\"", "/x/"),
        route("\"/three\"", "/x/"),
        route("\"/four/\"", "/x"),
        route("[\"/five\", \"/six/seven\"]", "/x"),
        route("\"/s%20p\"", "/%C3%A9"),
    ];
    let proxy = Proxy::start(&configuration("", &routes.concat(), &backend));
    let mut client = proxy.client();
    for (target, location) in [
        ("/one", "/"),
        ("/one/", "/"),
        ("/one/a/b?c", "/a/b?c"),
        ("/onea", "b"),
        ("/one?c", "/?c"),
        ("/two", "/x"),
        ("/two/", "/x/"),
        ("/two/a", "/x/a"),
        ("/three", "/x"),
        ("/three/a", "/x/a"),
        ("/four/a/", "/x/a/"),
        ("/four", "/x"),
        ("/five/a", "/x/a"),
        ("/six/seven/a", "/x/a"),
        ("/six/a", "b"),
        // The prefix in other forms, which the route takes for the same.
        ("/%6fne/a", "/a"),
        ("//one//a", "/a"),
        ("/z/../two/./a", "/x/a"),
        ("/s%20p/a", "/%C3%A9/a"),
        // What stands behind it stays as it was written.
        ("/five/a%2Fb/%41", "/x/a%2Fb/%41"),
        ("/one//evil.test", "/evil.test"),
        ("/one/%2Fevil.test", "/%2Fevil.test"),
        ("/one/%5Cevil.test", "/%5Cevil.test"),
    ] {
        let found = ask(&mut client, &format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(found, location, "{target}");
    }
}
