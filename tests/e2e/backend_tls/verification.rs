//! Whom the proxy takes for a backend, and what becomes of requests if it is somebody else.

use std::process::Command;
use std::time::{Duration, SystemTime};

use harness::{Authority, Issued, Leaf, Proxy, Setup, TlsBackend, program};

use super::{TLS, good, in_clear, start, trusted};

const DAY: Duration = Duration::from_hours(24);

/// A backend with this certificate is refused with a 502 that says why; with a good one beside it, requests of each method go there.
fn is_refused(authority: &Authority, folder: tempfile::TempDir, bad: &Issued, pool: &str, reason: &str) {
    let (bad, other) = (TlsBackend::named(bad, "bad"), TlsBackend::named(&good(authority), "good"));
    let proxy = start(folder, pool, &[bad.address()]);
    let response = proxy.client().post("/", b"body");
    assert_eq!((response.status(), response.error_label()), (502, Some("tls-failed")), "{}", response.text());
    assert!(response.text().contains(reason), "{reason}: {}", response.text());
    let line = proxy.log.wait_for("backend-tls-failed");
    assert!(line.has(&[("pool", "test"), ("backend", "b0")]), "{line}");
    assert!(line.field("error").is_some_and(|error| error.contains(reason)), "{line}");
    let line = proxy.log.wait_for("request-failed");
    assert!(line.has(&[("error", "tls-failed")]), "{line}");

    proxy.reload(&super::configuration(
        &format!("{pool}\n[pool.test.retry]\nbudget_percent = 0\nbudget_per_second = 0"),
        &[bad.address(), other.address()],
    ));
    let mut client = proxy.client();
    for _ in 0..4 {
        assert_eq!(client.post("/", b"body").text(), "good");
        assert_eq!(client.get("/").text(), "good");
    }
    assert_eq!((bad.count(), other.count()), (0, 8));
    assert!(bad.connections() > 1, "it was tried");
}

#[test]
fn a_certificate_for_another_name() {
    let (authority, folder) = trusted();
    let other = authority.issue(&Leaf { names: &["other.test", "more.test"], ..Leaf::default() });
    let reason = "its certificate is for other.test, more.test and not for `test`";
    is_refused(&authority, folder, &other, TLS, reason);
}

#[test]
fn an_expired_certificate() {
    let (authority, folder) = trusted();
    let now = SystemTime::now();
    let expired = authority.issue(&Leaf { valid: now - 9 * DAY..now - DAY, ..Leaf::default() });
    is_refused(&authority, folder, &expired, TLS, "its certificate has expired");
}

#[test]
fn a_certificate_that_is_not_valid_yet() {
    let (authority, folder) = trusted();
    let now = SystemTime::now();
    let early = authority.issue(&Leaf { valid: now + DAY..now + 9 * DAY, ..Leaf::default() });
    is_refused(&authority, folder, &early, TLS, "its certificate isn't valid yet");
}

#[test]
fn a_certificate_of_an_unknown_authority() {
    let (authority, folder) = trusted();
    let unknown = good(&Authority::new("another"));
    is_refused(&authority, folder, &unknown, TLS, "isn't from an authority that is trusted");
}

#[test]
fn a_certificate_in_version_1() {
    let (authority, folder) = trusted();
    let old = authority.issue_version_1(&Leaf::default());
    is_refused(&authority, folder, &old, TLS, "its certificate isn't in X.509 version 3");
}

#[test]
fn a_certificate_that_has_its_name_as_a_common_name_only() {
    let (authority, folder) = trusted();
    let bare = authority.issue(&Leaf { names: &[], ..Leaf::default() });
    let proxy_wants = "tls = { ca = 'ca.crt', server_name = 'nobody' }";
    let backend = TlsBackend::named(&bare, "bad");
    let proxy = start(folder, proxy_wants, &[backend.address()]);
    let text = proxy.client().get("/").text();
    assert!(text.contains("isn't for `nobody`: it has no subject alternative name"), "{text}");
}

#[test]
fn the_certificate_of_an_authority() {
    let (authority, folder) = trusted();
    let own = authority.as_server();
    is_refused(&authority, folder, &own, TLS, "is that of an authority");
}

#[test]
fn a_certificate_of_a_client() {
    let (authority, folder) = trusted();
    let purpose = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
    let client = authority.issue(&Leaf { purpose, ..Leaf::default() });
    is_refused(&authority, folder, &client, TLS, "its certificate isn't for servers");
}

#[test]
fn what_is_not_tls_gets_nothing() {
    let (authority, folder) = trusted();
    let (clear, other) = (in_clear(), TlsBackend::named(&good(&authority), "good"));
    let proxy = start(folder, TLS, &[clear, other.address()]);
    let mut client = proxy.client();
    for _ in 0..4 {
        assert_eq!(client.post("/", b"body").text(), "good");
    }
    let line = proxy.log.wait_for("backend-tls-failed");
    assert!(line.text().contains("what it answers isn't TLS"), "{line}");
}

#[test]
fn the_name_is_the_host_or_the_address() {
    let (authority, folder) = trusted();
    let leaf = |name| TlsBackend::named(&authority.issue(&Leaf { names: &[name], ..Leaf::default() }), name);
    let (host, ip, wrong) = (leaf("localhost"), leaf("127.0.0.1"), leaf("127.0.0.2"));
    let pool = |backend: &str| {
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\"{backend}\"]\ntls.ca = \"ca.crt\"\n"
        )
    };
    let proxy = Proxy::start_in(folder, &pool(&format!("localhost:{}", host.address().port())));
    assert_eq!(proxy.client().get("/").text(), "localhost");
    assert_eq!(host.names(), [Some("localhost".to_owned())]);
    proxy.reload(&pool(&ip.address().to_string()));
    assert_eq!(proxy.client().get("/").text(), "127.0.0.1");
    assert_eq!(ip.names(), [None], "an address isn't asked for");
    proxy.reload(&pool(&wrong.address().to_string()));
    assert_eq!(proxy.client().get("/").error_label(), Some("tls-failed"));
}

#[test]
fn without_verification_anybody_is_a_backend_and_the_log_warns() {
    let folder = tempfile::tempdir().expect("a directory");
    let stranger = TlsBackend::named(&good(&Authority::new("another")), "stranger");
    let pool = "tls.insecure_skip_verify = true";
    let proxy = start(folder, pool, &[stranger.address()]);
    assert_eq!(proxy.client().get("/").text(), "stranger");
    let line = proxy.log.wait_for("backend-tls-doubtful");
    assert!(line.text().contains("pool.test.tls.insecure_skip_verify"), "{line}");
    proxy.reload(&super::configuration(&format!("{pool}\nidle_timeout = '9s'"), &[stranger.address()]));
    assert_eq!(proxy.log.events("backend-tls-doubtful").len(), 2, "at each reload");
    let check = Command::new(program()).arg("check").current_dir(proxy.path("")).output().expect("a check");
    let said = String::from_utf8_lossy(&check.stderr).into_owned() + &String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && said.contains("backends aren't verified"), "{said}");
}

#[test]
fn the_authorities_of_the_system_are_the_default() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::named(&good(&authority), "good");
    let pool = "tls.server_name = 'test'";
    let configuration = Setup { pool, ..Setup::default() }.configuration(&[backend.address()]);
    let command = |roots: &str, argument: &str| {
        let mut command = Command::new(program());
        command.arg(argument).env("SSL_CERT_FILE", folder.path().join(roots)).env_remove("SSL_CERT_DIR");
        command
    };
    std::fs::write(folder.path().join("none.crt"), "").expect("a file");
    std::fs::write(folder.path().join("pointsman.toml"), &configuration).expect("a file");
    let none = command("none.crt", "check").current_dir(folder.path()).output().expect("a check");
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.contains("pool.test.tls: no certificates of authorities are installed"), "{said}");
    let command = command("ca.crt", "run");
    let proxy = Proxy::start_by(command, folder, &configuration);
    assert_eq!(proxy.client().get("/").text(), "good");
}
