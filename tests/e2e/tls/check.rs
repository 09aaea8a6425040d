//! `pointsman check` on certificates, and starts that a certificate prevents.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use harness::{Authority, Backend, Leaf, program};

use super::{SITE, configuration, folder};

pub(super) fn check(folder: &Path, listener: &str) -> Output {
    let backend = Backend::named("b");
    std::fs::write(folder.join("pointsman.toml"), configuration(&backend, listener)).expect("a file");
    Command::new(program()).arg("check").current_dir(folder).output().expect("the program")
}

/// The lines of what is wrong in a folder with these two files.
fn faults(cert: &str, key: &str) -> Vec<String> {
    let folder = folder();
    std::fs::write(folder.path().join("site.crt"), cert).expect("a file");
    std::fs::write(folder.path().join("site.key"), key).expect("a file");
    let output = check(folder.path(), SITE);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn each_fault_has_its_place_and_says_what_to_do() {
    let authority = Authority::new("root");
    let (one, other) = (authority.issue(&Leaf::default()), authority.issue(&Leaf::default()));
    let encrypted = one.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let secret = one.key.lines().nth(1).expect("a line of the key").to_owned();
    let cases = [
        (
            "",
            one.key.as_str(),
            "pointsman.toml:6: listener[0].tls.certificates[0].cert: site.crt holds no certificate",
        ),
        (&one.key, &one.key, "cert: site.crt holds a private key and no certificate"),
        (
            &one.cert,
            "",
            "pointsman.toml:6: listener[0].tls.certificates[0].key: site.key holds no private key",
        ),
        (&one.cert, &one.cert, "key: site.key holds a certificate and no private key"),
        (&one.cert, &encrypted, "key: site.key holds an encrypted private key"),
        (&one.cert, &other.key, "key: site.key isn't the private key of this certificate"),
        (&one.cert[..200], &one.key, "cert: site.crt is broken or cut off"),
        (&one.cert, &one.key[..100], "key: site.key is broken or cut off"),
    ];
    for (cert, key, expected) in cases {
        let faults = faults(cert, key);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(expected) && faults[0].contains("; "), "{expected}: {faults:?}");
        assert!(!faults[0].contains(&secret), "the key doesn't show");
    }
    let missing = check(folder().path(), SITE);
    let missing = String::from_utf8(missing.stderr).expect("text");
    assert!(missing.contains("certificates[0].cert: there is no file site.crt; put it there"), "{missing}");
}

#[test]
fn what_is_doubtful_is_a_warning() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let (now, day) = (SystemTime::now(), Duration::from_hours(24));
    let cases = [
        (now - 9 * day..now - day, 0o600, Some("cert: site.crt has expired")),
        (now + day..now + 9 * day, 0o600, Some("cert: site.crt isn't valid yet")),
        (now - day..now + 90 * day, 0o644, Some("key: site.key may be read by every user")),
        (now - day..now + 90 * day, 0o640, None),
    ];
    for (valid, mode, expected) in cases {
        let folder = folder();
        authority.issue(&Leaf { valid, ..Leaf::default() }).write(folder.path(), "site");
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join("site.key"), permissions).expect("our file");
        let output = check(folder.path(), SITE);
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{said}");
        match expected {
            Some(expected) => assert!(
                said.starts_with("warning: pointsman.toml:6: listener[0].tls.certificates[0].")
                    && said.contains(expected),
                "{expected}: {said}"
            ),
            None => assert_eq!(said, ""),
        }
        let proxy = super::start_in(folder, &backend, SITE);
        assert_eq!(proxy.log.events("certificate-doubtful").len(), usize::from(expected.is_some()));
    }
}

#[test]
fn hosts_that_no_certificate_is_for_are_named() {
    let authority = Authority::new("root");
    let folder = folder();
    let leaf = Leaf { names: &["a.test", "*.b.test"], ..Leaf::default() };
    authority.issue(&leaf).write(folder.path(), "site");
    let routes: String = ["a.test", "x.b.test", "192.0.2.1", "b.test", "*.c.test", "x.y.b.test", "*.b.test"]
        .map(|host| format!("[[route]]\nhost = '{host}'\npath = '/'\npool = 'test'\n"))
        .concat();
    let said = |listener: &str| {
        let output = check(folder.path(), &format!("{listener}{routes}"));
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{said}");
        said
    };
    let with_redirect = format!("redirect = 'https'\n[[listener]]\naddress = '127.0.0.1:0'\n{SITE}");
    for listener in [SITE, &with_redirect] {
        let said = said(listener);
        let hosts: Vec<_> = said.lines().filter_map(|line| line.split('`').nth(1)).collect();
        assert_eq!(hosts, ["b.test/", "*.c.test/", "x.y.b.test/"], "{said}");
        assert!(said.starts_with("warning: pointsman.toml: route[3].host: no certificate is for the host of `b.test/`; name one"), "{said}");
    }
    assert_eq!(said(&format!("[[listener]]\naddress = '127.0.0.1:0'\n{SITE}")), "", "they may come in clear");
}

#[test]
fn a_pair_that_does_not_fit_prevents_a_start_but_no_serving() {
    let (authority, folder, backend) = (Authority::new("root"), folder(), Backend::named("b"));
    let good = super::issue(&authority, folder.path(), "site", &Leaf::default());
    authority.issue(&Leaf::default()).write(folder.path(), "bad");
    authority.issue(&Leaf::default()).write(folder.path(), "other");
    let proxy = super::start_in(folder, &backend, SITE);
    let bad = format!("[listener.tls]\ncertificates = [{good}, {{ cert = 'bad.crt', key = 'other.key' }}]\n");
    proxy.rewrite(&configuration(&backend, &bad));
    let refused = proxy.log.wait_for("configuration-refused");
    assert!(refused.text().contains("listener[0].tls.certificates[1].key: "), "{refused}");
    // It is tried again as soon as the file is another one.
    std::fs::rename(proxy.path("bad.key"), proxy.path("other.key")).expect("our files");
    let reloaded = proxy.log.wait_for("configuration-reloaded");
    assert!(reloaded.field("changes").is_some_and(|changes| changes.starts_with("~listener ")), "{reloaded}");
}
