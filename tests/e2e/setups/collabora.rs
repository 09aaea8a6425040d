//! Collabora Online: whoever works on a document has to come to the server that holds it, by WebSocket as well.

use std::collections::BTreeSet;

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
# A document's name is a whole URL in the path, of which no slash may be lost.
path_normalization = "match"
tunnel_timeout = "10h"

[[route]]
name = "documents"
prefix = ["/cool", "/lool"]
query = { WOPISrc = true }
split = { pools = { office-1 = 1, office-2 = 1 }, by = "query:WOPISrc" }

[[route]]
name = "console"
prefix = "/cool/adminws"
client = ["10.0.0.0/8", "192.168.0.0/16"]
pool = "office-1"

[[route]]
name = "no-console"
prefix = "/cool/adminws"
redirect = { status = 303, path = "/" }

[[route]]
prefix = ["/browser", "/hosting"]
pool = "office-1"
response_headers.add.cache-control = "max-age=3600"

[[route]]
exact = "/"
pool = "office-1"

[pool.office-1]
backends = ["<office-1>"]

[pool.office-2]
backends = ["<office-2>"]
"#;

/// The requests of one who opens and edits a document.
fn of_document(number: usize) -> [String; 3] {
    let id = format!("https%3A%2F%2Fcloud.test%2Findex.php%2Fapps%2Frichdocuments%2Fwopi%2Ffiles%2F{number}");
    let path = format!("/cool/{id}/ws");
    [
        format!("GET http://office.test/cool/clipboard?WOPISrc={id}&Tag=x"),
        format!("POST http://office.test/cool/convert-to/pdf?Tag=y&WOPISrc={id}"),
        format!(
            "GET http://office.test{path}?WOPISrc={id}&compat=/ws\nConnection: Upgrade\nUpgrade: websocket"
        ),
    ]
}

#[test]
fn a_document_stays_where_it_is_open() {
    let scene = Scene::start(CONFIGURATION, &["office-1", "office-2"]);
    let homes: BTreeSet<String> = (0..20)
        .map(|number| {
            let names = of_document(number).map(|ask| scene.ask(&ask).1.expect("a backend"));
            assert!(names.iter().all(|name| *name == names[0]), "document {number}: {names:?}");
            names.into_iter().next().expect("a name")
        })
        .collect();
    assert_eq!(homes.len(), 2, "both have documents");
    let target =
        "/cool/https%3A%2F%2Fcloud.test%2Ff%2F1/ws?WOPISrc=https%3A%2F%2Fcloud.test%2Ff%2F1&compat=/ws";
    let ask = format!("GET http://office.test{target}\nConnection: Upgrade\nUpgrade: websocket");
    let by = scene.ask(&ask).1.expect("a backend");
    scene.check(&[
        (&ask, &by, &[target, "upgrade: websocket", "connection: upgrade"], &["upgrade: websocket"]),
        ("GET http://office.test/hosting/discovery", "office-1", &[], &["cache-control: max-age=3600"]),
        ("GET http://office.test/browser/0b27e85/cool.html?WOPISrc=a", "office-1", &[], &[]),
        ("GET http://office.test/cool/adminws", "303", &[], &["location: /"]),
        ("GET http://office.test/cool/%61dminws/?x", "303", &[], &["location: /?x"]),
        ("GET http://office.test/cool/getMetrics", "404", &[], &[]),
    ]);
}
