//! Authorities and certificates in files, which are followed.

use std::fs;
use std::process::Command;

use harness::{Authority, Leaf, Proxy, Then, TlsBackend, program, respond, wait_until};

use super::{TLS, configuration, good, start, trust, trusted};

const WITH_IDENTITY: &str = "tls = { ca = 'ca.crt', server_name = 'test', cert = 'us.crt', key = 'us.key' }";

fn is_trusted(proxy: &Proxy) -> bool {
    proxy.client().get("/").status() == 200
}

/// Without idle connections, so that each request makes a handshake.
fn afresh(tls: &str) -> String {
    format!("idle_connections = 0\n{tls}\n[pool.test.ejection]\nenabled = false")
}

#[test]
fn a_renewed_authority_holds_from_the_next_handshake_on() {
    let (authority, folder) = trusted();
    let next = Authority::new("next");
    let backend = TlsBackend::named(&good(&next), "next");
    let proxy = start(folder, &afresh(TLS), &[backend.address()]);
    assert!(!is_trusted(&proxy));
    let folder = proxy.path("");
    trust(&next, &folder);
    wait_until("the new authority is trusted", || is_trusted(&proxy));
    assert!(proxy.log.wait_for("tls-files-renewed").has(&[("pool", "test")]));

    fs::write(folder.join("ca.crt"), "junk").expect("a file");
    let line = proxy.log.wait_for("tls-files-refused");
    assert!(line.has(&[("pool", "test")]) && line.text().contains("ca.crt holds no certificate"), "{line}");
    assert!(is_trusted(&proxy), "what was there before is gone by");
    proxy.signal("HUP");
    assert!(is_trusted(&proxy));
    assert_eq!(proxy.log.events("tls-files-refused").len(), 1, "it is said once");
    trust(&authority, &folder);
    wait_until("the file is mended", || !is_trusted(&proxy));
}

#[test]
fn a_backend_that_wants_a_certificate_gets_it() {
    let (authority, folder) = trusted();
    let clients = Authority::new("clients");
    let leaf =
        |serial| Leaf { serial, purpose: rcgen::ExtendedKeyUsagePurpose::ClientAuth, ..Leaf::default() };
    clients.issue(&leaf(1)).write(folder.path(), "us");
    let backend = TlsBackend::start(&good(&authority), Some(&clients), |_, reader| {
        let certificates = reader.get_ref().conn.peer_certificates().expect("a certificate");
        let renewed = certificates[0].windows(3).any(|part| part == [2, 1, 77]);
        respond(reader, if renewed { "renewed" } else { "first" });
        Then::GoOn
    });
    let proxy = start(folder, &afresh(WITH_IDENTITY), &[backend.address()]);
    assert_eq!(proxy.client().get("/").text(), "first");
    assert_eq!(backend.authenticated(), 1);
    clients.issue(&leaf(77)).write(&proxy.path(""), "us");
    wait_until("the renewed one is shown", || proxy.client().get("/").text() == "renewed");
}

#[test]
fn each_fault_of_the_files_has_its_place() {
    let (authority, folder) = trusted();
    let (one, other) = (good(&authority), good(&authority));
    let check = |pool: &str| {
        let configuration = configuration(pool, &[([127, 0, 0, 1], 1).into()]);
        fs::write(folder.path().join("pointsman.toml"), configuration).expect("a file");
        let output =
            Command::new(program()).arg("check").current_dir(folder.path()).output().expect("a check");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    one.write(folder.path(), "us");
    assert_eq!(check(WITH_IDENTITY), (true, String::new()));
    fs::write(folder.path().join("us.key"), &other.key).expect("a file");
    let cases = [
        (WITH_IDENTITY, "pool.test.tls.key: us.key isn't the private key of this certificate"),
        ("tls = { ca = 'none.crt' }", "pool.test.tls.ca: there is no file none.crt"),
        ("tls = { ca = 'us.key' }", "pool.test.tls.ca: us.key holds a private key and no certificate"),
    ];
    for (pool, expected) in cases {
        let (passed, said) = check(pool);
        assert!(!passed && said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_reload_with_a_bad_file_changes_nothing_until_it_is_there() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::named(&good(&authority), "good");
    let proxy = start(folder, TLS, &[backend.address()]);
    assert!(is_trusted(&proxy));
    proxy.rewrite(&configuration(&TLS.replace("ca.crt", "later.crt"), &[backend.address()]));
    proxy.signal("HUP");
    let line = proxy.log.wait_for("configuration-refused");
    assert!(line.text().contains("pool.test.tls.ca: there is no file later.crt"), "{line}");
    assert!(is_trusted(&proxy));
    fs::copy(proxy.path("ca.crt"), proxy.path("later.crt")).expect("a file");
    proxy.log.wait_for("configuration-reloaded");
    assert!(is_trusted(&proxy));
}
