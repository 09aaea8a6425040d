//! Routes that answer by themselves, over real connections, while their texts and files change.

use std::path::Path;

use harness::{Backend, Client, Http2Client, Proxy, keep_busy};
use tempfile::TempDir;

const LEVELS: &str = "info,pointsman_core::record=debug";

/// Without an end of connections, which a fast machine gets to under load.
fn config(routes: &str, backend: &Backend) -> String {
    format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n{routes}\n[pool.web]\nbackends = [\"{}\"]\n",
        backend.address()
    )
}

fn put(file: &Path, text: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, text).expect("a file beside it");
    std::fs::rename(next, file).expect("the file is replaced");
}

fn folder_with(name: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), text).expect("a file");
    folder
}

#[test]
fn clients_of_every_kind_are_answered_and_no_backend_is_asked() {
    let backend = Backend::named("web");
    let routes = "[[route]]\nname = \"pages\"\nprefix = \"/page\"\nrespond = { status = 503, file = \"down.html\", headers = { retry-after = \"120\" } }\n\
                  [[route]]\nname = \"secret\"\nprefix = \"/.git\"\nrespond = 404\n\
                  [[route]]\nprefix = \"/pkg.Calls\"\nrespond = 403\n\
                  [[route]]\npool = \"web\"";
    let page = "<h1>back soon</h1>".repeat(5_000);
    let proxy = Proxy::start_in_with_log(folder_with("down.html", &page), LEVELS, &config(routes, &backend));
    let mut client = proxy.client();
    let response = client.get("/page/1");
    assert_eq!((response.status(), response.text() == page), (503, true), "{response:?}");
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some(&*page.len().to_string()));
    assert_eq!((response.header("retry-after"), response.error_label()), (Some("120"), None));
    client.send("HEAD /page/1 HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response("HEAD");
    assert_eq!((response.status(), response.body.len()), (503, 0));
    assert_eq!(response.header("content-length"), Some(&*page.len().to_string()));
    let response = client.get("/.git/config");
    assert_eq!((response.status(), response.text().as_str()), (404, "Not Found\n"));
    client.send(
        "POST /pkg.Calls/Do HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nConnection: TE\r\nContent-Type: application/grpc\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let response = client.response("POST");
    assert_eq!((response.status(), response.header("grpc-status")), (200, Some("7")), "{response:?}");
    assert_eq!(client.get("/other").text(), "web");

    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    let responses = http2.ask_all(&[("/page", b""), ("/.git", b""), ("/page", b"a body"), ("/other", b"")]);
    let told: Vec<_> = responses
        .into_iter()
        .map(|response| {
            let response = response.expect("a response");
            (response.status().as_u16(), response.body().len())
        })
        .collect();
    assert_eq!(told, [(503, page.len()), (404, 10), (503, page.len()), (200, 3)]);
    assert_eq!(backend.count(), 2);

    // On record it is no failure: the route has answered.
    for record in proxy.log.wait_for_many("request-ended", 9) {
        assert_eq!(record.field("error"), None, "{record:?}");
        let is_served = record.field("status") == Some("200");
        assert_eq!(record.field("backend").is_some(), is_served, "{record:?}");
    }
    assert!(proxy.log.errors().is_empty(), "{:?}", proxy.log.errors());
}

/// Asks until it is told to stop. Each answer is one of those that there were at some time, and whole.
fn ask(client: &mut Client, known: &[String]) {
    let response = client.get("/page");
    assert!(response.status() == 200 && response.whole, "{response:?}");
    assert!(known.contains(&response.text()), "{}", response.text());
    assert_eq!(response.header("connection"), None, "{response:?}");
}

#[test]
fn answers_that_come_change_and_go_lose_no_request() {
    let backend = Backend::named("web");
    let texts: Vec<String> = (0..6).map(|number| format!("{number}\n").repeat(20_000)).collect();
    let known: Vec<String> = texts.iter().cloned().chain(["web".to_owned(), "short".to_owned()]).collect();
    let of_file = "[[route]]\nexact = \"/page\"\nrespond = { file = \"page.txt\" }\n";
    let of_text = "[[route]]\nexact = \"/page\"\nrespond = { text = \"short\" }\n";
    let rest = "[[route]]\npool = \"web\"\n";
    let text = |routes: &str| config(&format!("{routes}{rest}"), &backend);
    let proxy = Proxy::start_in(folder_with("page.txt", &texts[0]), &text(of_file));
    let address = proxy.address();
    let work = |_, running: &harness::Running| {
        let mut client = Client::connect(address);
        while running.goes_on() {
            ask(&mut client, &known);
        }
    };
    keep_busy(0..8, work, || {
        let mut client = proxy.client();
        for (place, content) in texts.iter().enumerate().skip(1) {
            // By itself, as a file of its own.
            let before = proxy.log.events("configuration-reloaded").len();
            put(&proxy.path("page.txt"), content);
            let reloaded = proxy.log.wait_for_many("configuration-reloaded", before + 1).remove(before);
            let changes = reloaded.field("changes").expect("what has changed");
            assert!(changes.starts_with("~file ") && changes.ends_with("page.txt"), "{changes}");
            assert!(client.get("/page").text() == *content, "{place}");
            for (routes, expected) in [(of_text, "short"), ("", "web"), (of_file, &**content)] {
                proxy.reload(&text(routes));
                assert_eq!(client.get("/page").text(), expected);
            }
        }
    });
}

#[test]
fn a_file_that_is_gone_leaves_what_was_in_it() {
    let backend = Backend::named("web");
    let routes =
        "[[route]]\nexact = \"/page\"\nrespond = { file = \"page.txt\" }\n[[route]]\npool = \"web\"\n";
    let proxy = Proxy::start_in(folder_with("page.txt", "one"), &config(routes, &backend));
    let mut client = proxy.client();
    std::fs::remove_file(proxy.path("page.txt")).expect("it is there");
    let line = proxy.log.wait_for("answer-file-unreadable");
    assert!(line.field("file").is_some_and(|file| file.ends_with("page.txt")), "{line:?}");
    assert_eq!(client.get("/page").text(), "one");
    // Also in the next configuration, and without saying so again.
    let more = config(&format!("[[route]]\nexact = \"/other\"\nrespond = 410\n{routes}"), &backend);
    proxy.reload(&more);
    assert_eq!((client.get("/page").text().as_str(), client.get("/other").status()), ("one", 410));
    assert_eq!(proxy.log.events("answer-file-unreadable").len(), 1);
    // Too long is as good as gone.
    put(&proxy.path("page.txt"), &"x".repeat((1 << 20) + 1));
    proxy.log.wait_for_many("answer-file-unreadable", 2);
    assert_eq!(client.get("/page").text(), "one");
    let before = proxy.log.events("configuration-reloaded").len();
    put(&proxy.path("page.txt"), "two");
    proxy.log.wait_for_many("configuration-reloaded", before + 1);
    assert_eq!(client.get("/page").text(), "two");
    // A file that wasn't there before is a fault of its own.
    proxy.rewrite(&config(&routes.replace("page.txt", "none.txt"), &backend));
    proxy.signal("HUP");
    let refused = proxy.log.wait_for("configuration-refused");
    assert!(refused.message().contains("route[0].respond.file: cannot read"), "{refused:?}");
    assert_eq!(client.get("/page").text(), "two");
    // Once it is there, nobody has to ask again.
    let before = proxy.log.events("configuration-reloaded").len();
    put(&proxy.path("none.txt"), "three");
    proxy.log.wait_for_many("configuration-reloaded", before + 1);
    assert_eq!(client.get("/page").text(), "three");
}

#[test]
fn check_reads_the_files() {
    let routes = "[[route]]\nrespond = { file = \"none.txt\" }";
    let backend = Backend::named("web");
    let output = Proxy::run_to_end(&["check"], &config(routes, &backend));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("pointsman.toml:6: route[0].respond.file: cannot read"),
        "{said}"
    );
}
