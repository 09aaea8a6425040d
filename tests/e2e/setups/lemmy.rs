//! Lemmy: one host, behind which what a client accepts and how it asks decide between pages and the interface of programs.

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "20MiB"

[limit.sign-up]
key = "client"
rate = "1/h"
burst = 2

[[route]]
name = "sign-up"
exact = ["/api/v3/user/register", "/api/v3/user/password_reset"]
method = "POST"
limits = "sign-up"
pool = "lemmy"

[[route]]
name = "interface"
prefix = ["/api", "/pictrs", "/feeds", "/nodeinfo", "/version", "/.well-known"]
pool = "lemmy"

[[route]]
exact = "/sitemap.xml"
pool = "lemmy"

[[route]]
name = "federation"
header = { accept = { prefix = "application/" } }
pool = "lemmy"

[[route]]
name = "inbox"
method = "POST"
pool = "lemmy"

[[route]]
name = "pages"
pool = "ui"

[pool.lemmy]
backends = ["<lemmy>"]
request_headers = { set = { x-real-ip = "{client}", x-route = "{route}" } }

[pool.ui]
backends = ["<ui>"]
request_headers = { set = { x-real-ip = "{client}", x-route = "{route}" } }
response_headers = { set = { x-frame-options = "DENY", referrer-policy = "same-origin" }, remove = ["server", "x-powered-by"] }
"#;

#[test]
fn pages_programs_and_other_servers() {
    let scene = Scene::start(CONFIGURATION, &["lemmy", "ui"]);
    let browser = "\nAccept: text/html,application/xhtml+xml,*/*;q=0.8";
    let activity = "\nAccept: application/activity+json";
    let ask = |first: &str, fields: &str| format!("{first}{fields}");
    scene.check(&[
        (
            &ask("GET http://lemmy.test/c/rust", browser),
            "ui",
            &["x-route: pages", "x-real-ip: 127.0.0.1"],
            &["x-frame-options: DENY", "-server", "-x-powered-by"],
        ),
        (
            &ask("GET http://lemmy.test/c/rust", activity),
            "lemmy",
            &["x-route: federation"],
            &["server: backend"],
        ),
        (&ask("GET http://lemmy.test/c/rust", ""), "ui", &["-accept"], &[]),
        // Any of several lines counts.
        (
            &ask("GET http://lemmy.test/u/a", "\nAccept: text/html\nAccept: application/ld+json"),
            "lemmy",
            &[],
            &[],
        ),
        (
            "POST http://lemmy.test/inbox\nContent-Type: application/activity+json",
            "lemmy",
            &["x-route: inbox"],
            &[],
        ),
        ("POST http://lemmy.test/c/rust/inbox", "lemmy", &["x-route: inbox"], &[]),
        (&ask("GET http://lemmy.test/api/v3/site", browser), "lemmy", &["x-route: interface"], &[]),
        (&ask("GET http://lemmy.test/apis", browser), "ui", &[], &[]),
        (&ask("GET http://lemmy.test/sitemap.xml", browser), "lemmy", &[], &[]),
        (&ask("GET http://lemmy.test/sitemap.xml.gz", browser), "ui", &[], &[]),
        (
            "GET http://lemmy.test/.well-known/webfinger?resource=acct:a@lemmy.test",
            "lemmy",
            &["/.well-known/webfinger?resource=acct:a@lemmy.test"],
            &[],
        ),
        ("POST http://lemmy.test/api/v3/user/register", "lemmy", &["x-route: sign-up"], &[]),
        ("GET http://lemmy.test/api/v3/user/register", "lemmy", &["x-route: interface"], &[]),
        // The same path in another form counts with it.
        ("POST http://lemmy.test/api/v3//user/%72egister", "lemmy", &["x-route: sign-up"], &[]),
        (
            "POST http://lemmy.test/api/v3/user/password_reset",
            "429",
            &[],
            &["x-pointsman-error: rate-limited"],
        ),
        ("POST http://lemmy.test/api/v3/user/login", "lemmy", &["x-route: interface"], &[]),
        ("POST http://lemmy.test/pictrs/image\nContent-Length: 20971521", "413", &[], &[]),
    ]);
}
