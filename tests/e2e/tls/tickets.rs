//! Sessions that go on.

use std::path::Path;

use harness::{Authority, Backend, Leaf, Proxy, Tls, wait_until};

use super::{SITE, Site, folder, start_in};

/// Makes a connection, on which tickets come, and says whether its session goes on from before.
fn is_resumed(proxy: &Proxy, tls: &Tls) -> bool {
    let mut client = tls.connect(proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    client.is_resumed()
}

fn write_key(folder: &Path, name: &str, first: u8, length: usize) {
    let key: Vec<u8> = (first..=255).cycle().take(length).collect();
    std::fs::write(folder.join(name), key).expect("a key file");
}

#[test]
fn a_session_goes_on_whichever_worker_it_meets() {
    let backend = Backend::named("b");
    let site = Site::start(&backend);
    for tls in [site.tls.clone(), site.tls.clone().afresh().only_12()] {
        assert!(!is_resumed(&site.proxy, &tls), "nothing was before");
        for _ in 0..12 {
            assert!(is_resumed(&site.proxy, &tls));
        }
    }
    // A reload that changes something else, or a renewed certificate, ends no session.
    let listener = format!("header_timeout = '9s'\n{SITE}handshake_timeout = '9s'\n");
    site.proxy.reload(&super::configuration(&backend, &listener));
    assert!(is_resumed(&site.proxy, &site.tls));
}

#[test]
fn without_tickets_no_session_goes_on() {
    let backend = Backend::named("b");
    let site = Site::start_with(&backend, "tickets = false\n", |_| {});
    for tls in [site.tls.clone(), site.tls.clone().afresh().only_12()] {
        for _ in 0..4 {
            assert!(!is_resumed(&site.proxy, &tls));
        }
    }
}

#[test]
fn with_the_same_keys_a_session_goes_on_at_any_proxy() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let site = authority.issue(&Leaf::default());
    let start = |keys: &[(&str, u8, usize)]| {
        let folder = folder();
        site.write(folder.path(), "site");
        keys.iter().for_each(|(name, first, length)| write_key(folder.path(), name, *first, *length));
        let names: Vec<String> = keys.iter().map(|(name, ..)| format!("'{name}'")).collect();
        start_in(folder, &backend, &format!("{SITE}ticket_keys = [{}]\n", names.join(", ")))
    };
    let old = start(&[("old", 1, 48)]);
    let both = start(&[("new", 2, 80), ("old", 1, 48)]);
    let new = start(&[("new", 2, 80)]);
    for version in [|tls: Tls| tls, Tls::only_12] {
        let tls = version(Tls::trusting(&authority));
        assert!(!is_resumed(&old, &tls));
        assert!(is_resumed(&old, &tls) && is_resumed(&both, &tls), "by the old key");
        let tls = tls.afresh();
        assert!(!is_resumed(&both, &tls));
        assert!(is_resumed(&new, &tls), "by the new key");
        assert!(!is_resumed(&old, &tls), "which one doesn't have yet");
    }
}

#[test]
fn keys_are_renewed_while_they_serve() {
    let backend = Backend::named("b");
    let keys = "ticket_keys = ['one', 'two']\n";
    let site = Site::start_with(&backend, keys, |folder| {
        write_key(folder, "one", 1, 80);
        write_key(folder, "two", 2, 80);
    });
    let proxy = &site.proxy;
    assert!(!is_resumed(proxy, &site.tls) && is_resumed(proxy, &site.tls));
    write_key(&proxy.path(""), "one", 3, 79);
    let refused = proxy.log.wait_for("tls-files-refused");
    assert!(
        refused.text().contains("ticket_keys[0]: one has 79 bytes, and a ticket key has 80 or 48"),
        "{refused}"
    );
    assert!(is_resumed(proxy, &site.tls), "what was there before is used");
    write_key(&proxy.path(""), "one", 3, 80);
    proxy.log.wait_for("tls-files-renewed");
    wait_until("tickets of the old key are none", || !is_resumed(proxy, &site.tls));
    assert!(is_resumed(proxy, &site.tls), "those of the new one are");
    assert_eq!(proxy.log.errors().len(), 1);
}

#[test]
fn a_key_of_another_length_is_a_fault_of_the_configuration() {
    let folder = folder();
    Authority::new("root").issue(&Leaf::default()).write(folder.path(), "site");
    write_key(folder.path(), "short", 1, 47);
    let output = super::check::check(folder.path(), &format!("{SITE}ticket_keys = ['short', 'none']\n"));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].starts_with("pointsman.toml:7: listener[0].tls.ticket_keys[0]: short has 47 bytes, and"),
        "{said}"
    );
    assert!(lines[0].contains("; make one with `openssl rand 80`"), "{said}");
    assert!(lines[1].contains("ticket_keys[1]: there is no file none; "), "{said}");
}
