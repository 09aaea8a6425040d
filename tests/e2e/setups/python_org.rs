//! python.org: many names behind one address, old names that lead to new ones, and paths that have moved.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]

[listener.tls]
certificates = [{ cert = "site.crt", key = "site.key" }]
hsts = "max-age=315360000; includeSubDomains; preload"

# The authority asks in clear whether a name leads here.
[[route]]
prefix = "/.well-known/acme-challenge"
pool = "lets-encrypt"

[[route]]
scheme = "http"
redirect = { status = 301, scheme = "https" }

[[route]]
host = ["python.test", "old.python.test"]
redirect = { status = 301, host = "www.python.test" }

[[route]]
host = "packages.python.test"
redirect = "https://pypi.test/?"

[[route]]
host = "bugs.python.test"
regex = '^/issue(\d+)$'
redirect = { status = 301, host = "github.test", path = "/python/issues/$1", query = "drop" }

[[route]]
host = "docs.python.test"
regex = '^/(2\.[0-6]|3\.[0-2])/(.*)$'
redirect = { path = "/release/$1/$2" }

[[route]]
host = "docs.python.test"
pool = "docs"
response_headers = { add = { surrogate-key = "docs" }, remove = ["server", "x-powered-by"] }

[[route]]
host = "downloads.python.test"
method = ["GET", "HEAD"]
pool = "downloads"

[limit.searches]
key = ["client", "host"]
rate = "1/h"
burst = 2

[[route]]
host = "www.python.test"
prefix = "/search"
limits = "searches"
pool = "www"

[[route]]
host = "www.python.test"
pool = "www"

[pool.www]
backends = ["<www>"]
policy = "least-conn"
request_headers = { set = { x-forwarded-port = "443", x-client = "{client}" } }

[pool.docs]
backends = ["<docs>"]

[pool.downloads]
backends = ["<downloads>"]

[pool.lets-encrypt]
backends = ["<lets-encrypt>"]
"#;

#[test]
fn names_old_and_new() {
    let names = ["python.test", "*.python.test"];
    let scene = Scene::start_for(&names, CONFIGURATION, &["www", "docs", "downloads", "lets-encrypt"]);
    let from = |ask: &str, client: u8| format!("{ask}\nX-Forwarded-For: 192.0.2.{client}");
    scene.check(&[
        ("GET http://python.test/.well-known/acme-challenge/x", "lets-encrypt", &[], &[]),
        ("GET http://docs.python.test/3/?a=b", "301", &[], &["location: https://docs.python.test/3/?a=b"]),
        ("GET https://python.test/about/?a=b", "301", &[], &["location: https://www.python.test/about/?a=b"]),
        (
            "GET https://www.python.test/about/",
            "www",
            &["x-forwarded-port: 443"],
            &["strict-transport-security: max-age=315360000; includeSubDomains; preload"],
        ),
        ("GET https://packages.python.test/x?y", "302", &[], &["location: https://pypi.test/"]),
        (
            "GET https://bugs.python.test/issue1234?x=1",
            "301",
            &[],
            &["location: https://github.test/python/issues/1234"],
        ),
        ("GET https://bugs.python.test/issue12a", "404", &[], &[]),
        (
            "GET https://docs.python.test/2.6/library/os.html?highlight=os",
            "302",
            &[],
            &["location: /release/2.6/library/os.html?highlight=os"],
        ),
        (
            "GET https://docs.python.test/3.20/library/",
            "docs",
            &["host: docs.python.test"],
            &["surrogate-key: docs", "-server", "-x-powered-by"],
        ),
        (
            "GET https://downloads.python.test/Python.tar.xz\nRange: bytes=0-9",
            "downloads",
            &["range: bytes=0-9"],
            &[],
        ),
        ("HEAD https://downloads.python.test/Python.tar.xz", "downloads", &[], &[]),
        ("POST https://downloads.python.test/Python.tar.xz", "404", &[], &[]),
        ("GET https://nothing.python.test/", "404", &[], &["x-pointsman-error: no-route"]),
        (&from("GET https://www.python.test/search/?q=a", 1), "www", &["x-client: 192.0.2.1"], &[]),
        (&from("GET https://www.python.test/search?q=b", 1), "www", &[], &[]),
        (&from("GET https://www.python.test/search/?q=c", 1), "429", &[], &["retry-after: 3600"]),
        (&from("GET https://www.python.test/search/?q=c", 2), "www", &["x-client: 192.0.2.2"], &[]),
        (&from("GET https://www.python.test/searches", 1), "www", &[], &[]),
    ]);
}
