//! Paths that many servers take for another one: which route they take, and what backends get of them.

use harness::{Backend, Client, Proxy};

/// A backend that answers with its name and the target.
fn telling(name: &'static str) -> Backend {
    Backend::start(move |exchange| {
        exchange.read_body();
        let told = format!("{name} {}", exchange.request.target());
        exchange.respond(&told);
    })
}

/// Two pools, of which one is for `rule`, behind a listener for each way to take odd paths.
fn proxy(rule: &str, admin: &Backend, other: &Backend) -> Proxy {
    // Each at an address of its own, as listeners are told apart by that.
    let listeners: String = ["off", "match", "rewrite", "refuse"]
        .iter()
        .zip(1..)
        .map(|(way, host)| {
            format!("[[listener]]\naddress = \"127.0.0.{host}:0\"\npath_normalization = \"{way}\"\n")
        })
        .collect();
    Proxy::start(&format!(
        "workers = 1\n{listeners}\
         [[route]]\n{rule}\npool = \"admin\"\n[[route]]\npool = \"other\"\n\
         [pool.admin]\nbackends = [\"{}\"]\n[pool.other]\nbackends = [\"{}\"]\n",
        admin.address(),
        other.address()
    ))
}

const REFUSED: &str = "refused";

/// What becomes of a target in one way.
fn ask(client: &mut Client, target: &str) -> String {
    let response = client.get(target);
    if response.status() == 400 {
        assert_eq!(response.error_label(), Some("odd-path"), "{target}");
        return REFUSED.to_owned();
    }
    response.text()
}

/// A target, and what becomes of it in each of the ways, with one route for `/admin` by whole segments.
///
/// nginx 1.22 with `location /admin` and no path in `proxy_pass` does as `match` does, with the exceptions named here; Envoy
/// with `normalize_path` and `merge_slashes` as `rewrite` does, and without them as `off` does.
const TARGETS: [(&str, &str, &str, &str, &str); 23] = [
    ("/admin", "admin /admin", "admin /admin", "admin /admin", "admin /admin"),
    (
        "/admin/x?y=//../z",
        "admin /admin/x?y=//../z",
        "admin /admin/x?y=//../z",
        "admin /admin/x?y=//../z",
        "admin /admin/x?y=//../z",
    ),
    // To nginx and to Envoy's plain `prefix` this is /admin; not to Envoy's `path_separated_prefix`.
    ("/adminx", "other /adminx", "other /adminx", "other /adminx", "other /adminx"),
    ("//admin", "other //admin", "admin //admin", "admin /admin", REFUSED),
    ("/%61dmin", "other /%61dmin", "admin /%61dmin", "admin /admin", REFUSED),
    ("/./admin", "other /./admin", "admin /./admin", "admin /admin", REFUSED),
    ("/x/../admin", "other /x/../admin", "admin /x/../admin", "admin /admin", REFUSED),
    ("/x/%2e%2E/admin?a", "other /x/%2e%2E/admin?a", "admin /x/%2e%2E/admin?a", "admin /admin?a", REFUSED),
    // nginx: 400.
    ("/../admin", "other /../admin", "admin /../admin", "admin /admin", REFUSED),
    ("/x//../admin", "other /x//../admin", "admin /x//../admin", "admin /admin", REFUSED),
    ("/admin/../x", "admin /admin/../x", "other /admin/../x", "other /x", REFUSED),
    ("/admin/..", "admin /admin/..", "other /admin/..", "other /", REFUSED),
    // An escaped slash separates where paths are compared, and stays what it is where they are forwarded.
    ("/admin%2fx", "other /admin%2fx", "admin /admin%2fx", "admin /admin%2Fx", REFUSED),
    ("/x%2f..%2fadmin", "other /x%2f..%2fadmin", "admin /x%2f..%2fadmin", "admin /x%2F..%2Fadmin", REFUSED),
    // What one decoding leaves stays.
    ("/%2561dmin", "other /%2561dmin", "other /%2561dmin", "other /%2561dmin", "other /%2561dmin"),
    (
        "/%252e%252e/admin",
        "other /%252e%252e/admin",
        "other /%252e%252e/admin",
        "other /%252e%252e/admin",
        "other /%252e%252e/admin",
    ),
    // Some servers cut parameters off first, or take a backslash for a slash.
    ("/x/..;/admin", "other /x/..;/admin", "other /x/..;/admin", "other /x/..;/admin", REFUSED),
    ("/\\admin", "other /\\admin", "other /\\admin", "other /\\admin", REFUSED),
    // No dot segments.
    ("/....//admin", "other /....//admin", "other /....//admin", "other /..../admin", REFUSED),
    (
        "/.well-known/x",
        "other /.well-known/x",
        "other /.well-known/x",
        "other /.well-known/x",
        "other /.well-known/x",
    ),
    // nginx: 400.
    ("/%zz", "other /%zz", "other /%zz", "other /%25zz", REFUSED),
    // What is decoded makes no escape with what stands before it.
    ("/%2%66admin", "other /%2%66admin", "other /%2%66admin", "other /%252fadmin", REFUSED),
    ("/a`b/../\"c", "other /a`b/../\"c", "other /a`b/../\"c", "other /\"c", REFUSED),
];

#[test]
fn each_listener_takes_them_in_its_way() {
    let (admin, other) = (telling("admin"), telling("other"));
    let proxy = proxy("prefix = \"/admin\"", &admin, &other);
    let mut clients: Vec<Client> = proxy.addresses().into_iter().map(Client::connect).collect();
    for (target, off, matched, rewritten, refused) in TARGETS {
        for (client, expected) in clients.iter_mut().zip([off, matched, rewritten, refused]) {
            assert_eq!(ask(client, target), expected, "{target}");
        }
    }
    // Not a path.
    for client in &mut clients {
        client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.response("OPTIONS").text(), "other *");
        client.send("GET http://test//admin HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    let answers: Vec<String> = clients.iter_mut().map(|client| client.response("GET").text()).collect();
    assert_eq!(answers[..3], ["other //admin", "admin //admin", "admin /admin"]);
}

#[test]
fn a_path_that_merely_begins_so_is_for_the_key_that_says_so() {
    let (admin, other) = (telling("admin"), telling("other"));
    for (rule, matches, misses) in [
        ("path = \"/admin\"", &["/admin", "/adminx", "/admin/x"][..], &["/", "/adm"][..]),
        (
            "prefix = \"/admin\"",
            &["/admin", "/admin/", "/admin/x"],
            &["/adminx", "/adm", "/admin%2fx", "/Admin"],
        ),
        ("prefix = \"/admin/\"", &["/admin", "/admin/", "/admin/x"], &["/adminx"]),
    ] {
        let proxy = proxy(rule, &admin, &other);
        let mut client = proxy.client();
        for (targets, name) in [(matches, "admin"), (misses, "other")] {
            for target in targets {
                assert_eq!(ask(&mut client, target), format!("{name} {target}"), "{rule}");
            }
        }
    }
}

#[test]
fn a_retry_sends_the_same_path() {
    let (first, second) = (Backend::start(|exchange| exchange.reset()), telling("second"));
    let proxy = Proxy::start(&format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\npath_normalization = \"rewrite\"\n\
         [pool.test]\nbackends = [\"{}\", \"{}\"]\n",
        first.address(),
        second.address()
    ));
    let mut client = proxy.client();
    for _ in 0..4 {
        assert_eq!(client.get("/x/..//a`b?c//d").text(), "second /a`b?c//d");
    }
    assert!(first.count() > 0 && first.requests().iter().all(|request| request.target() == "/a`b?c//d"));
}
