//! GitLab: Workhorse on a Unix socket, the registry and the pages on hosts of their own.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

use harness::Request;

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "0B"

[[route]]
host = "www.git.test"
redirect = { status = 301, host = "git.test" }

[[route]]
host = "registry.git.test"
pool = "registry"

[[route]]
host = "*.pages.test"
pool = "pages"

# Passwords are tried out at the sign-in.
[[route]]
host = "git.test"
exact = ["/users/sign_in", "/users/password"]
method = "POST"
limits = "sign-in"
pool = "workhorse"

[[route]]
host = "git.test"
prefix = "/-/kubernetes-agent"
pool = "agents"

[[route]]
host = "git.test"
pool = "workhorse"

[limit.sign-in]
key = "client"
rate = "10/m"
burst = 1

[pool.workhorse]
backends = ["unix:<folder>/workhorse.socket"]
response_timeout = "5m"
request_headers = { set = { x-real-ip = "{client}", x-forwarded-ssl = "on", x-forwarded-proto = "https" } }

[pool.registry]
backends = ["<registry>"]
host_header = "registry.internal:5000"

[pool.pages]
backends = ["<pages>"]

[pool.agents]
backends = ["<agents>"]
"#;

/// Workhorse, which answers each request with what it got of it.
fn workhorse(path: &Path) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            while let Ok(Some(mut request)) = Request::read_head(&mut reader) {
                request.read_body(&mut reader);
                let field = |name: &str| request.header(name).unwrap_or("-").to_owned();
                let got = format!(
                    "{} {} {} {} {} {}",
                    request.target(),
                    field("host"),
                    field("x-forwarded-for"),
                    field("x-forwarded-proto"),
                    field("x-forwarded-ssl"),
                    request.body.len()
                );
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{got}", got.len());
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        }
    });
}

#[test]
fn workhorse_registry_pages_and_agents() {
    let scene = Scene::start(CONFIGURATION, &["registry", "pages", "agents"]);
    workhorse(&scene.proxy.path("workhorse.socket"));
    let got = |ask: &str| scene.ask(ask).0.text();
    assert_eq!(
        got("GET http://git.test/group/project.git/info/refs?service=git-upload-pack"),
        "/group/project.git/info/refs?service=git-upload-pack git.test 127.0.0.1 https on 0"
    );
    // A file's name in a path keeps its escapes.
    assert_eq!(
        got(
            "GET http://git.test/api/v4/projects/group%2Fproject/repository/files/a%2Fb%20c\nX-Forwarded-Ssl: off"
        ),
        "/api/v4/projects/group%2Fproject/repository/files/a%2Fb%20c git.test 127.0.0.1 https on 0"
    );
    let agent = "GET http://git.test/-/kubernetes-agent/\nConnection: Upgrade\nUpgrade: websocket";
    scene.check(&[
        (
            "GET http://registry.git.test/v2/group/project/blobs/sha256:0?n=1",
            "registry",
            &[
                "/v2/group/project/blobs/sha256:0?n=1",
                "host: registry.internal:5000",
                "x-forwarded-host: registry.git.test",
            ],
            &[],
        ),
        ("HEAD http://registry.git.test/v2/", "registry", &[], &[]),
        ("GET http://group.pages.test/project/", "pages", &["host: group.pages.test"], &[]),
        ("GET http://pages.test/", "404", &[], &[]),
        ("GET http://www.git.test/explore?a=1", "301", &[], &["location: http://git.test/explore?a=1"]),
        (agent, "agents", &["upgrade: websocket"], &["upgrade: websocket"]),
        ("GET http://other.test/", "404", &[], &["x-pointsman-error: no-route"]),
    ]);
    let sign_in = "POST http://git.test/users/sign_in";
    assert!(got(sign_in).starts_with("/users/sign_in git.test"));
    scene.check(&[(sign_in, "429", &[], &["retry-after: 6"])]);
    assert!(
        got("GET http://git.test/users/sign_in").starts_with("/users/sign_in git.test"),
        "to look costs nothing"
    );
}
