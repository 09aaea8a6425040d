//! Clients that others have written.

use std::io::Write;
use std::process::{Command, Stdio};

use harness::{Authority, Backend, Leaf, Proxy};

use super::{folder, issue, start_in};

/// Whether a program is there; if not, the test is skipped aloud.
fn has(program: &str, argument: &str) -> bool {
    let there = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

/// A proxy with certificates for `one.test` and `two.test`, whose root is in `root.crt`.
fn proxy(backend: &Backend) -> Proxy {
    let (authority, folder) = (Authority::new("root"), folder());
    std::fs::write(folder.path().join("root.crt"), authority.pem()).expect("a file");
    let one = issue(&authority, folder.path(), "one", &Leaf { names: &["one.test"], ..Leaf::default() });
    let two = issue(&authority, folder.path(), "two", &Leaf { names: &["two.test"], ..Leaf::default() });
    start_in(folder, backend, &format!("[listener.tls]\ncertificates = [{one}, {two}]\n"))
}

#[test]
fn curl_is_served() {
    if !has("curl", "--version") {
        return;
    }
    let backend = Backend::named("b");
    let proxy = proxy(&backend);
    let port = proxy.address().port();
    let curl = |url: &str, more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--write-out",
            " %{http_code} %{http_version}",
            "--cacert",
        ]);
        curl.arg(proxy.path("root.crt")).args(more);
        for name in ["one.test", "two.test", "three.test"] {
            curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
        }
        let output = curl.arg(url).output().expect("curl");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    for name in ["one.test", "two.test"] {
        for version in [&["--tlsv1.3"][..], &["--tlsv1.2", "--tls-max", "1.2"], &["--http1.1"]] {
            let (ok, said, error) = curl(&format!("https://{name}:{port}/"), version);
            assert!(ok && said == "b 200 1.1", "{name}, {version:?}: {said}{error}");
        }
    }
    let (ok, _, error) = curl(&format!("https://three.test:{port}/"), &[]);
    assert!(!ok && error.contains("three.test"), "{error}");
    let (ok, said, _) = curl(&format!("http://one.test:{port}/"), &[]);
    assert!(ok && said.contains("https://") && said.ends_with(" 400 1.1"), "{said}");
}

/// Sends one request with OpenSSL; answers whether it is content, and all that it says.
fn s_client(proxy: &Proxy, more: &[&str]) -> (bool, String) {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &proxy.address().to_string(), "-ign_eof", "-verify_return_error"]);
    client.arg("-CAfile").arg(proxy.path("root.crt")).args(more);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().expect("openssl");
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.stdin.take().expect("its input").write_all(request).expect("it reads");
    let output = client.wait_with_output().expect("its output");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn openssl_is_served_with_and_without_a_name() {
    if !has("openssl", "version") {
        return;
    }
    let backend = Backend::named("b");
    let proxy = proxy(&backend);
    for (name, expected) in [
        (&["-servername", "two.test"][..], "CN = two.test"),
        (&["-servername", "one.test"], "CN = one.test"),
        (&["-servername", "three.test"], "CN = one.test"),
        (&["-noservername"], "CN = one.test"),
    ] {
        for version in ["-tls1_3", "-tls1_2"] {
            let (ok, said) = s_client(&proxy, &[name, &[version]].concat());
            let said_subject = said.replace("CN=", "CN = ");
            assert!(ok && said_subject.contains(expected), "{name:?} {version}: {said}");
            assert!(said.contains("HTTP/1.1 200 OK") && !said.contains("unexpected eof"), "{said}");
        }
    }
    let (ok, said) = s_client(&proxy, &["-noservername", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    assert!(!ok, "TLS 1.1 isn't spoken: {said}");
}
