//! openSUSE: dozens of names on one listener, some for the inside only, and tools that are told where things have gone.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]

[[route]]
name = "inside"
host = ["monitor.suse.test", "*.infra.suse.test"]
client = ["10.0.0.0/8", "2001:db8:1::/48"]
pool = "inside"

# From elsewhere they look as if they weren't there.
[[route]]
name = "outside"
host = ["monitor.suse.test", "*.infra.suse.test"]
redirect = "https://www.suse.test/"

[[route]]
host = ["en.suse.test", "de.suse.test", "wiki.suse.test"]
exact = "/"
redirect = { path = "/Main_Page" }

[[route]]
host = ["en.suse.test", "de.suse.test"]
pool = "wiki"
request_headers = { set = { x-language-host = "{hostname}" } }

[[route]]
host = "download.suse.test"
regex = '^/repositories/(?<project>[^/]+)/(?<rest>.+)\.mirrorlist$'
redirect = { status = 307, path = "/mirrors/${project}/${rest}", query = { add = "list=1" } }

[[route]]
host = "download.suse.test"
header = { user-agent = { prefix = ["ZYpp", "zypper"] } }
pool = "mirrors"

[[route]]
host = "download.suse.test"
method = ["GET", "HEAD"]
pool = "download"

[[route]]
host = ["paste.suse.test", "*.paste.suse.test"]
not = [{ method = "POST", header = { content-type = { prefix = "multipart/" } } }, { query = { raw = true } }]
pool = "paste"

[pool.inside]
backends = ["<inside>"]

[pool.wiki]
backends = ["<wiki>"]

[pool.mirrors]
backends = ["<mirrors>"]

[pool.download]
backends = ["<download>"]

[pool.paste]
backends = ["<paste>"]
"#;

#[test]
fn names_inside_and_outside() {
    let scene = Scene::start(CONFIGURATION, &["inside", "wiki", "mirrors", "download", "paste"]);
    let from = |ask: &str, client: &str| format!("{ask}\nX-Forwarded-For: {client}");
    let outside = &["location: https://www.suse.test/?x"][..];
    let monitor = "GET http://monitor.suse.test/status?x";
    let build = "GET http://build.infra.suse.test:8080/";
    scene.check(&[
        (&from(monitor, "10.1.2.3"), "inside", &["x-forwarded-for: 10.1.2.3, 127.0.0.1"], &[]),
        (&from(monitor, "2001:db8:1:ffff::1"), "inside", &[], &[]),
        (&from(monitor, "::ffff:10.1.2.3"), "inside", &[], &[]),
        (&from(monitor, "2001:db8:2::1"), "302", &[], outside),
        (&from(monitor, "192.0.2.1"), "302", &[], outside),
        // Who is inside says a proxy that is trusted, and not who stands in front of it.
        (&from(monitor, "10.1.2.3, 192.0.2.1"), "302", &[], outside),
        (&from(build, "10.255.255.255"), "inside", &["host: build.infra.suse.test:8080"], &[]),
        (&from(build, "11.0.0.0"), "302", &[], &["location: https://www.suse.test/"]),
        (&from("GET http://infra.suse.test/", "10.1.2.3"), "404", &[], &[]),
        ("GET http://en.suse.test/", "302", &[], &["location: /Main_Page"]),
        ("GET http://DE.suse.test./?a", "302", &[], &["location: /Main_Page?a"]),
        (
            "GET http://de.suse.test/SDB:AMD?action=raw",
            "wiki",
            &["x-language-host: de.suse.test", "/SDB:AMD?action=raw"],
            &[],
        ),
        ("GET http://wiki.suse.test/x", "404", &[], &[]),
        (
            "GET http://download.suse.test/repositories/home:a/15.6/x.rpm.mirrorlist?json",
            "307",
            &[],
            &["location: /mirrors/home:a/15.6/x.rpm?list=1&json"],
        ),
        ("GET http://download.suse.test/x.rpm\nUser-Agent: ZYpp 17.31 (curl)", "mirrors", &[], &[]),
        ("GET http://download.suse.test/x.rpm\nUser-Agent: curl ZYpp", "download", &[], &[]),
        ("HEAD http://download.suse.test/x.rpm", "download", &[], &[]),
        ("PUT http://download.suse.test/x.rpm", "404", &[], &[]),
        ("POST http://paste.suse.test/\nContent-Type: application/x-www-form-urlencoded", "paste", &[], &[]),
        ("POST http://paste.suse.test/\nContent-Type: multipart/form-data; boundary=x", "404", &[], &[]),
        ("GET http://x.paste.suse.test/1?raw=1", "404", &[], &[]),
        ("GET http://x.paste.suse.test/1?draw=1", "paste", &[], &[]),
    ]);
}
