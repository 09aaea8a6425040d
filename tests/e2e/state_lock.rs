//! `state_dir` belongs to one proxy at a time.

use std::path::Path;

use harness::{Backend, Client, Latch, Proxy, Setup, send_signal, wait_until};

fn config(state: &Path, backend: &Backend) -> String {
    let top = format!("state_dir = \"{}\"", state.display());
    Setup { top: &top, ..Setup::default() }.configuration(&[backend.address()])
}

/// What a proxy that starts beside another one says.
fn refused(config: &str) -> String {
    let output = Proxy::run_to_end(&["run"], config);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let line = told.lines().find(|line| line.contains("state_dir: ")).unwrap_or_else(|| panic!("{told}"));
    line.to_owned()
}

#[test]
fn a_second_proxy_with_the_same_directory_is_refused() {
    let backend = Backend::named("good");
    let state = tempfile::tempdir().expect("a directory");
    let config = config(&state.path().join("state"), &backend);
    let mut first = Proxy::start(&config);
    let said = refused(&config);
    assert!(said.contains("is used by process ") && said.contains("a directory of its own"), "{said}");
    assert_eq!(first.client().get("/").text(), "good");
    // However it ends.
    first.signal("KILL");
    first.wait_for_exit();
    assert_eq!(Proxy::start(&config).client().get("/").text(), "good");
}

#[test]
fn a_program_that_takes_over_takes_the_directory_with_it() {
    let backend = Backend::named("good");
    let state = tempfile::tempdir().expect("a directory");
    let config = config(state.path(), &backend);
    let mut proxy = Proxy::start(&config);
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    assert!(proxy.wait_for_exit().success());
    let said = refused(&config);
    assert!(said.contains(&format!("is used by process {}", proxy.successors()[0])), "{said}");
    // And once more.
    assert!(send_signal(proxy.successors()[0], "USR2"));
    proxy.log.wait_for_many("drain-finished", 2);
    let last = proxy.successors()[1];
    assert!(refused(&config).contains(&format!("is used by process {last}")));
    assert_eq!(proxy.client().get("/").text(), "good");
    assert_eq!(proxy.log.errors(), []);
    assert!(send_signal(last, "TERM"));
    proxy.log.wait_for_many("drain-finished", 3);
    assert_eq!(Proxy::start(&config).client().get("/").text(), "good");
}

#[test]
fn a_drain_keeps_no_successor_waiting() {
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.target() == "/slow" {
            opened.wait();
        }
        exchange.respond("good");
    });
    let state = tempfile::tempdir().expect("a directory");
    let config = config(state.path(), &backend);
    let mut first = Proxy::start(&config);
    let mut slow = first.client();
    slow.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    first.signal("TERM");
    first.log.wait_for("drain-started");
    wait_until("it lets go of its socket", || std::net::TcpStream::connect(first.address()).is_err());
    let second = Proxy::start(&config);
    assert_eq!(Client::connect(second.address()).get("/").text(), "good");
    release.open();
    assert_eq!(slow.response("GET").text(), "good");
    assert!(first.wait_for_exit().success());
}
