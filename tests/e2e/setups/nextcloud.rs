//! Nextcloud: addresses that other programs look for, uploads without an end, and answers that the browser is told to be careful with.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
redirect = "https"

[[listener]]
address = "127.0.0.1:0"
max_body = "0B"
body_timeout = "5m"

[listener.tls]
certificates = [{ cert = "site.crt", key = "site.key" }]
hsts = "max-age=15552000; includeSubDomains"

[[route]]
exact = ["/.well-known/carddav", "/.well-known/caldav"]
redirect = { status = 301, path = "/remote.php/dav/" }

[[route]]
regex = '^/\.well-known/(webfinger|nodeinfo)'
redirect = { status = 301, path = "/index.php/.well-known/$1" }

[limit.log-ins]
key = "client"
rate = "1/m"
burst = 2

[[route]]
exact = ["/login", "/index.php/login"]
method = "POST"
limits = "log-ins"
pool = "cloud"

# The application's own files are nobody's business.
[[route]]
not = { prefix = ["/config", "/data", "/lib", "/3rdparty", "/templates", "/build", "/tests"] }
pool = "cloud"

[pool.cloud]
backends = ["<cloud>"]
response_timeout = "1h"
request_headers = { set = { x-real-ip = "{client}" } }
response_headers = { set = { referrer-policy = "no-referrer", x-content-type-options = "nosniff", x-frame-options = "SAMEORIGIN", x-robots-tag = "noindex, nofollow" }, remove = ["x-powered-by"] }
"#;

#[test]
fn calendars_files_and_what_is_closed() {
    let scene = Scene::start_for(&["cloud.test"], CONFIGURATION, &["cloud"]);
    let dav = "PROPFIND https://cloud.test/remote.php/dav/files/alice/\nDepth: 1\nDestination: https://cloud.test/remote.php/dav/x";
    scene.check(&[
        ("GET http://cloud.test/login", "308", &[], &["location: https://cloud.test/login"]),
        ("PROPFIND https://cloud.test/.well-known/caldav", "301", &[], &["location: /remote.php/dav/"]),
        ("GET https://cloud.test/.well-known/carddav?x=1", "301", &[], &["location: /remote.php/dav/?x=1"]),
        (
            "GET https://cloud.test/.well-known/webfinger?resource=acct:a@cloud.test",
            "301",
            &[],
            &["location: /index.php/.well-known/webfinger?resource=acct:a@cloud.test"],
        ),
        (
            dav,
            "cloud",
            &[
                "depth: 1",
                "destination: https://cloud.test/remote.php/dav/x",
                "x-real-ip: 127.0.0.1",
                "x-forwarded-proto: https",
            ],
            &[
                "x-frame-options: SAMEORIGIN",
                "-x-powered-by",
                "strict-transport-security: max-age=15552000; includeSubDomains",
            ],
        ),
        (
            "MKCOL https://cloud.test/remote.php/dav/files/alice/new%20folder",
            "cloud",
            &["/remote.php/dav/files/alice/new%20folder"],
            &[],
        ),
        ("PUT https://cloud.test/remote.php/dav/uploads/a/1", "cloud", &[], &[]),
        ("GET https://cloud.test/config/config.php", "404", &[], &[]),
        ("GET https://cloud.test/CONFIG/config.php", "cloud", &[], &[]),
        ("GET https://cloud.test/data", "404", &[], &[]),
        ("GET https://cloud.test/database", "cloud", &[], &[]),
        ("GET https://cloud.test//data/alice/files", "404", &[], &[]),
        ("GET https://cloud.test/x/../%64ata/alice", "404", &[], &[]),
        ("GET https://cloud.test/index.php/../data/x", "404", &[], &[]),
        ("POST https://cloud.test/login", "cloud", &[], &[]),
        ("POST https://cloud.test/index.php/login", "cloud", &[], &[]),
        ("POST https://cloud.test/login", "429", &[], &["retry-after: 60"]),
        ("GET https://cloud.test/login", "cloud", &[], &[]),
    ]);
}
