//! Clients that others wrote. One that isn't installed is skipped, and says so.

use std::process::Command;

use harness::{Authority, Backend, Leaf, Proxy};
use tempfile::TempDir;

use super::{folder, issue, start_in};
use crate::programs::{run, text};

/// A proxy with a certificate for `test`, its default, and one for `other.test`; and a folder with `ca.crt`.
fn site(backend: &Backend) -> (Proxy, TempDir) {
    let (authority, files, theirs) = (Authority::new("root"), folder(), folder());
    std::fs::write(theirs.path().join("ca.crt"), authority.pem()).expect("a file");
    let other = Leaf { serial: 2, names: &["other.test"], ..Leaf::default() };
    let certificates = [
        issue(&authority, files.path(), "site", &Leaf::default()),
        issue(&authority, files.path(), "other", &other),
    ];
    let listener = format!("[listener.tls]\ncertificates = [{}]\n", certificates.join(", "));
    (start_in(files, backend, &listener), theirs)
}

#[test]
fn curl_is_served_by_both_versions() {
    let backend = Backend::named("b");
    let (proxy, folder) = site(&backend);
    let port = proxy.address().port();
    for version in ["1.2", "1.3"] {
        let resolve = format!("test:{port}:127.0.0.1");
        let (url, versioned) = (format!("https://test:{port}/"), format!("--tlsv{version}"));
        let arguments = [
            "-sS",
            "--cacert",
            "ca.crt",
            "--resolve",
            &resolve,
            &versioned,
            "--tls-max",
            version,
            "-w",
            " %{http_code}",
            &url,
        ];
        let Some(output) = run(folder.path(), "curl", &arguments) else { return };
        assert_eq!(text(&output), "b 200", "TLS {version}");
    }
}

#[test]
fn curl_is_told_what_is_wrong() {
    let backend = Backend::named("b");
    let (proxy, folder) = site(&backend);
    let port = proxy.address().port();
    let (resolve, url) = (format!("third.test:{port}:127.0.0.1"), format!("https://third.test:{port}/"));
    let arguments = ["-sS", "--noproxy", "*", "--cacert", "ca.crt", "--resolve", &resolve, &url];
    let Some(output) = run(folder.path(), "curl", &arguments) else { return };
    assert!(!output.status.success() && text(&output).contains("third.test"), "{}", text(&output));
    let in_clear = format!("http://{}/", proxy.address());
    let Some(output) =
        run(folder.path(), "curl", &["-sS", "--noproxy", "*", "-w", "%{http_code}", &in_clear])
    else {
        return;
    };
    assert!(text(&output).contains("https://") && text(&output).ends_with("400"), "{}", text(&output));
}

#[test]
fn openssl_sees_an_end_that_is_not_cut_off() {
    let backend = Backend::named("b");
    let (proxy, folder) = site(&backend);
    std::fs::write(folder.path().join("request"), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .expect("a file");
    for version in ["-tls1_3", "-tls1_2"] {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-connect",
            &proxy.address().to_string(),
            "-ign_eof",
            "-CAfile",
            "ca.crt",
            version,
        ]);
        let request = std::fs::File::open(folder.path().join("request")).expect("our file");
        let Ok(output) = openssl.current_dir(folder.path()).stdin(request).output() else {
            eprintln!("skipped: openssl isn't installed");
            return;
        };
        let said = text(&output);
        assert!(
            output.status.success() && said.contains("HTTP/1.1 200 OK") && !said.contains("unexpected eof"),
            "{said}"
        );
    }
}

#[test]
fn openssl_gets_the_certificate_of_the_name_that_it_asks_for() {
    let backend = Backend::named("b");
    let (proxy, folder) = site(&backend);
    let address = proxy.address().to_string();
    for (name, expected) in [(None, "test"), (Some("test"), "test"), (Some("other.test"), "other.test")] {
        let mut arguments = vec![
            "s_client",
            "-connect",
            &address,
            "-CAfile",
            "ca.crt",
            "-verify_return_error",
            "-verify_hostname",
            expected,
        ];
        match name {
            Some(name) => arguments.extend(["-servername", name]),
            None => arguments.push("-noservername"),
        }
        let Some(output) = run(folder.path(), "openssl", &arguments) else { return };
        assert!(text(&output).contains("Verify return code: 0 (ok)"), "{name:?}: {}", text(&output));
    }
}

#[test]
fn sslyze_finds_nothing_but_the_unknown_authority() {
    let backend = Backend::named("b");
    let (proxy, folder) = site(&backend);
    let address = proxy.address().to_string();
    let Some(output) = run(folder.path(), "sslyze", &["--mozilla_config=intermediate", &address]) else {
        return;
    };
    let report = text(&output);
    let (_, verdict) = report.split_once("COMPLIANCE").expect("a verdict");
    let complaints: Vec<&str> =
        verdict.lines().map(str::trim).filter(|line| line.starts_with("* ")).collect();
    // Of names, validity and trust it says the same of every certificate that a test makes for itself.
    let is_about_trust = |line: &&str| line.starts_with("* certificate_path_validation");
    assert!(!complaints.is_empty() && complaints.iter().all(is_about_trust), "{report}");
}
