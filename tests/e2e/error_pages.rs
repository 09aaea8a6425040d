//! Error pages in files, and what becomes of them when they change or go.

use std::path::Path;

use harness::{Backend, Http2Client, Proxy, Setup, nobody};

/// A proxy without a backend that could answer, with a page in a file.
fn with_file() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("5xx.html"), "<p>{status}, first</p>").expect("a file");
    let config = Setup::default().configuration(&[nobody()]);
    (directory, format!("{config}[[error_page]]\nstatus = \"5xx\"\nfile = \"5xx.html\"\n"))
}

fn put(file: &Path, text: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, text).expect("a file beside it");
    std::fs::rename(next, file).expect("the file is replaced");
}

#[test]
fn a_file_is_followed_and_serves_on_when_it_is_gone() {
    let (directory, config) = with_file();
    let proxy = Proxy::start_in(directory, &config);
    let page = || proxy.client().get("/").text();
    assert_eq!(page(), "<p>503, first</p>");
    put(&proxy.path("5xx.html"), "<p>{status}, then</p>");
    let reloaded = proxy.log.wait_for("configuration-reloaded");
    let changes = reloaded.field("changes").expect("what has changed");
    assert!(changes.starts_with("~file ") && changes.ends_with("5xx.html"), "{changes}");
    assert_eq!(page(), "<p>503, then</p>");
    std::fs::remove_file(proxy.path("5xx.html")).expect("the file");
    let gone = proxy.log.wait_for("answer-file-unreadable");
    assert!(gone.field("file").is_some_and(|file| file.ends_with("5xx.html")), "{gone:?}");
    assert_eq!(page(), "<p>503, then</p>");
    // Also in another configuration, and without saying so again.
    proxy.reload(&format!("{config}[[error_page]]\nstatus = 404\ntext = \"x\"\n"));
    assert_eq!(page(), "<p>503, then</p>");
    assert_eq!(proxy.log.events("answer-file-unreadable").len(), 1);
    let before = proxy.log.events("configuration-reloaded").len();
    put(&proxy.path("5xx.html"), "<p>{status}, again</p>");
    proxy.log.wait_for_many("configuration-reloaded", before + 1);
    assert_eq!(page(), "<p>503, again</p>");
}

#[test]
fn a_file_that_is_missing_is_a_fault_with_its_line() {
    let (directory, config) = with_file();
    drop(directory);
    for command in ["check", "run"] {
        let output = Proxy::run_to_end(&[command], &config);
        let said = String::from_utf8_lossy(&output.stderr);
        let line = config.lines().position(|line| line.starts_with("file = ")).expect("the page") + 1;
        assert!(!output.status.success(), "{command}: {said}");
        assert!(
            said.contains(&format!("pointsman.toml:{line}: error_page[0].file: cannot read `")),
            "{said}"
        );
    }
}

#[test]
fn an_odd_status_has_no_reason_of_the_librarys_and_an_upgrade_stays() {
    let backend = Backend::start(|exchange| {
        let (_, status) = exchange.request.target().split_at(1);
        let head = format!(
            "HTTP/1.1 {status} Odd\r\nUpgrade: h2c\r\nConnection: upgrade\r\nProxy-Authenticate: Basic"
        );
        exchange.send(format!("{head}\r\nContent-Length: 5\r\n\r\ntrace"));
    });
    let pool = "intercept = [426, 499, 599]\n[[pool.test.error_page]]\nstatus = [426, 499, 599]\ntype = \"text/plain\"\ntext = \"{reason}\"";
    let top = "[[route]]\nexact = \"/own\"\nrespond = 298\n[[route]]\npool = \"test\"";
    let proxy = Setup { pool, top, ..Setup::default() }.start(&[&backend]);
    for (target, first, text) in [
        ("/499", "HTTP/1.1 499 ", "Error"),
        ("/599", "HTTP/1.1 599 ", "Error"),
        ("/426", "HTTP/1.1 426 Upgrade Required", "Upgrade Required"),
        ("/own", "HTTP/1.1 298 ", ""),
    ] {
        let response = proxy.client().get(target);
        assert_eq!((response.first_line(), response.text().as_str()), (first, text));
        let upgrade = (target == "/426").then_some("h2c");
        assert_eq!(
            (response.header("upgrade"), response.header("proxy-authenticate")),
            (upgrade, None),
            "{target}"
        );
    }
}

#[test]
fn clients_of_http2_get_pages_too() {
    let backend =
        Backend::start(|exchange| exchange.send("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\ntrace"));
    let pool = "intercept = \"5xx\"\n[[pool.test.error_page]]\nstatus = 500\ntype = \"text/html\"\ntext = \"<p>{reason}</p>\"";
    let proxy = Setup { pool, ..Setup::default() }.start(&[&backend]);
    let client = Http2Client::connect(proxy.address()).expect("a connection");
    for response in client.ask_all(&[("/a", b""), ("/b", b"")]) {
        let response = response.expect("a response");
        assert_eq!(
            (response.status().as_u16(), &**response.body()),
            (500, &b"<p>Internal Server Error</p>"[..])
        );
    }
    assert_eq!(proxy.client().get("/").text(), "<p>Internal Server Error</p>");
}
