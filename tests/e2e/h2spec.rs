//! h2spec's cases, against a listener over TLS and one in clear that speak nothing but HTTP/2. `cargo xtask h2spec` runs these tests; where
//! h2spec isn't installed they are skipped, and say so.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Authority, Backend, Leaf, Proxy, Setup, sleep};

/// What h2spec says if every case passes.
const ALL_PASSED: &str = "146 tests, 146 passed, 0 skipped, 0 failed";

/// A backend that reads bodies and takes its time: some cases send what is wrong right behind a request that isn't, and expect to hear of it
/// first.
fn backend() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        sleep(Duration::from_millis(5));
        exchange.respond("as much as some cases need");
    })
}

/// Runs all cases.
fn check(proxy: &Proxy, more: &[&str]) {
    let program = std::env::var_os("H2SPEC").unwrap_or_else(|| OsString::from("h2spec"));
    let port = proxy.address().port().to_string();
    let mut command = Command::new(&program);
    command.args(["--host", "127.0.0.1", "--port", &port]).args(more).stdin(Stdio::null());
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(ALL_PASSED), "{said}");
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no h2spec, in PATH or where H2SPEC says");
        }
        Err(error) => panic!("{}: {error}", program.display()),
    }
}

#[test]
fn every_case_passes_over_tls() {
    let (backend, folder) = (backend(), tempfile::tempdir().expect("a directory"));
    Authority::new("root").issue(&Leaf::default()).write(folder.path(), "site");
    let listener = "[listener.tls]\ncertificates = [{ cert = \"site.crt\", key = \"site.key\" }]";
    let setup = Setup { listener, ..Setup::default() };
    let proxy = Proxy::start_in(folder, &setup.configuration(&[backend.address()]));
    check(&proxy, &["--tls", "--insecure"]);
}

#[test]
fn every_case_passes_in_clear() {
    let backend = backend();
    let proxy = Setup { listener: "http2 = \"only\"", ..Setup::default() }.start(&[&backend]);
    check(&proxy, &[]);
}
