//! Certificates that change while the proxy serves with them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use harness::{Authority, Backend, Issued, Leaf, Proxy, Tls, wait_until};
use tempfile::TempDir;

use super::{SITE, folder, start_in};

/// From the change of a file to its certificate.
const SOON: Duration = Duration::from_secs(2);

fn leaf(serial: u64) -> Leaf<'static> {
    Leaf { serial, ..Leaf::default() }
}

fn serial(proxy: &Proxy, tls: &Tls) -> u64 {
    tls.afresh_connect(proxy.address(), "test").serial()
}

/// Writes both files beside the old ones and renames them.
fn rename_over(folder: &Path, issued: &Issued) {
    issued.write(folder, "next");
    for kind in ["crt", "key"] {
        fs::rename(folder.join(format!("next.{kind}")), folder.join(format!("site.{kind}")))
            .expect("our files");
    }
}

/// As Kubernetes does: the files are links into a folder, and the link to that folder is replaced.
fn swap_link(folder: &Path, issued: &Issued) {
    let name = format!("..{}", issued.serial);
    fs::create_dir(folder.join(&name)).expect("our folder");
    issued.write(&folder.join(&name), "site");
    let next = folder.join("..data_tmp");
    symlink(&name, &next).expect("our folder");
    fs::rename(next, folder.join("..data")).expect("our folder");
}

/// Renews the certificate of a proxy ten times while clients come and stay.
fn is_renewed_under_load(folder: TempDir, authority: &Authority, renew: impl Fn(&Path, &Issued)) {
    let backend = Backend::named("b");
    let proxy = start_in(folder, &backend, SITE);
    let tls = Tls::trusting(authority);
    let (is_over, served) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut staying = tls.connect(proxy.address(), "test");
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(staying.get("/").status(), 200, "no connection is closed");
                assert_eq!(tls.afresh_connect(proxy.address(), "test").get("/").status(), 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        for number in 2..6 {
            let before = served.load(Ordering::Relaxed);
            wait_until("clients are served", || served.load(Ordering::Relaxed) > before);
            renew(proxy.path("").as_path(), &authority.issue(&leaf(number)));
            let changed = Instant::now();
            wait_until("the new certificate serves", || serial(&proxy, &tls) == number);
            assert!(changed.elapsed() < SOON, "after {:?}", changed.elapsed());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    // What serves is logged a moment later.
    let renewed = proxy.log.wait_for_many("certificate-renewed", 4);
    assert_eq!(renewed.len(), 4, "{renewed:?}");
    assert!(
        renewed.iter().all(|line| line.has(&[("certificate", "site.crt"), ("days", "89")])),
        "{renewed:?}"
    );
    assert!(proxy.log.errors().is_empty() && proxy.log.events("handshake-failed").is_empty());
}

fn with_site(authority: &Authority) -> TempDir {
    let folder = folder();
    authority.issue(&leaf(1)).write(folder.path(), "site");
    folder
}

#[test]
fn by_renaming_over_it() {
    let authority = Authority::new("root");
    is_renewed_under_load(with_site(&authority), &authority, rename_over);
}

#[test]
fn in_place() {
    let authority = Authority::new("root");
    is_renewed_under_load(with_site(&authority), &authority, |folder, issued| issued.write(folder, "site"));
}

#[test]
fn by_replacing_a_link_to_the_folder() {
    let (authority, folder) = (Authority::new("root"), folder());
    swap_link(folder.path(), &authority.issue(&leaf(1)));
    for name in ["site.crt", "site.key"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).expect("our folder");
    }
    is_renewed_under_load(folder, &authority, swap_link);
}

#[test]
fn what_can_not_serve_changes_nothing_and_is_said_once() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let proxy = start_in(with_site(&authority), &backend, SITE);
    let tls = Tls::trusting(&authority);
    let first = Issued {
        cert: fs::read_to_string(proxy.path("site.crt")).expect("our file"),
        key: fs::read_to_string(proxy.path("site.key")).expect("our file"),
        serial: 1,
    };
    let next = authority.issue(&leaf(2));
    let broken: [(&str, &dyn Fn(), &str); 3] = [
        (
            "the new certificate",
            &|| fs::write(proxy.path("site.crt"), &next.cert).expect("our file"),
            "isn't the private key",
        ),
        (
            "half of it",
            &|| fs::write(proxy.path("site.crt"), &next.cert[..99]).expect("our file"),
            "broken or cut off",
        ),
        ("none", &|| fs::remove_file(proxy.path("site.crt")).expect("our file"), "there is no file"),
    ];
    for (number, (what, break_it, expected)) in broken.into_iter().enumerate() {
        break_it();
        let refused = proxy.log.wait_for_many("certificate-refused", number + 1).remove(number);
        assert!(refused.text().contains(expected), "{what}: {refused}");
        assert_eq!(serial(&proxy, &tls), 1, "{what}");
        // Neither another scan nor a change of something else says it again.
        proxy.signal("HUP");
        fs::write(proxy.path("something-else"), "x").expect("our file");
        first.write(&proxy.path(""), "next");
        fs::rename(proxy.path("next.crt"), proxy.path("site.crt")).expect("our file");
        proxy.log.wait_for_many("certificate-restored", number + 1);
        assert_eq!(proxy.log.events("certificate-refused").len(), number + 1, "{what} is said once");
    }
    fs::write(proxy.path("site.crt"), &next.cert).expect("our file");
    proxy.log.wait_for_many("certificate-refused", 4);
    fs::write(proxy.path("site.key"), &next.key).expect("our file");
    proxy.log.wait_for("certificate-renewed");
    assert_eq!(serial(&proxy, &tls), 2, "it heals with the key");
    assert_eq!(proxy.log.errors().len(), 4);
}

#[test]
fn the_end_of_a_certificate_is_told_of_two_weeks_before() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let (now, day) = (SystemTime::now(), Duration::from_hours(24));
    let valid = |days| Leaf { valid: now - 9 * day..now + days * day, ..Leaf::default() };
    for (days, told) in [(13, Some("12")), (15, None)] {
        let folder = folder();
        authority.issue(&valid(days)).write(folder.path(), "site");
        let proxy = start_in(folder, &backend, SITE);
        match told {
            Some(days) => {
                let told = proxy.log.wait_for("certificate-expiring");
                assert!(told.has(&[("certificate", "site.crt"), ("days", days)]), "{told}");
                // Once a day, and not for the one after it.
                authority.issue(&leaf(2)).write(&proxy.path(""), "site");
                proxy.log.wait_for("certificate-renewed");
                assert_eq!(proxy.log.events("certificate-expiring").len(), 1);
            }
            None => {
                authority.issue(&valid(days + 1)).write(&proxy.path(""), "site");
                proxy.log.wait_for("certificate-renewed");
                assert!(proxy.log.events("certificate-expiring").is_empty());
            }
        }
    }
}

#[test]
fn a_reload_reads_certificates_and_keeps_those_that_stay() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let proxy = start_in(with_site(&authority), &backend, SITE);
    let tls = Tls::trusting(&authority);
    let mut staying = tls.connect(proxy.address(), "test");
    assert_eq!(staying.get("/").status(), 200);
    authority.issue(&leaf(2)).write(&proxy.path(""), "other");
    let other = "[listener.tls]\ncertificates = [{ cert = 'other.crt', key = 'other.key' }]\n";
    let changes = proxy.reload(&super::configuration(&backend, other));
    assert!(changes.starts_with("~listener "), "{changes}");
    assert_eq!(serial(&proxy, &tls), 2);
    assert_eq!(staying.get("/").status(), 200, "no connection is closed");
    authority.issue(&leaf(3)).write(&proxy.path(""), "other");
    proxy.signal("HUP");
    proxy.log.wait_for("certificate-renewed");
    assert_eq!(serial(&proxy, &tls), 3);
    // In clear from now on, and back.
    proxy.reload(&super::configuration(&backend, ""));
    assert_eq!(proxy.client().get("/").status(), 200);
    proxy.reload(&super::configuration(&backend, SITE));
    assert_eq!(serial(&proxy, &tls), 1);
}

#[test]
fn what_is_stapled_changes_alone() {
    let (authority, backend) = (Authority::new("root"), Backend::named("b"));
    let folder = with_site(&authority);
    // A successful response, and one with nothing behind that.
    let (first, second) = ([0x30, 3, 0x0a, 1, 0], [0x30, 5, 0x0a, 1, 0, 0xa0, 0]);
    fs::write(folder.path().join("site.ocsp"), first).expect("our file");
    let site =
        "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key', ocsp = 'site.ocsp' }]\n";
    let proxy = start_in(folder, &backend, site);
    fs::write(proxy.path("site.ocsp"), second).expect("our file");
    proxy.log.wait_for_many("certificate-renewed", 1);
    fs::write(proxy.path("site.ocsp"), "x").expect("our file");
    let refused = proxy.log.wait_for_many("certificate-refused", 1).remove(0);
    assert!(refused.text().contains("site.ocsp is no OCSP response"), "{refused}");
    assert_eq!(serial(&proxy, &Tls::trusting(&authority)), 1);
}
