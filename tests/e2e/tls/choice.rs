//! Which certificate a client gets.

use harness::{Authority, Backend, Leaf, Proxy, Tls};
use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, RSA_PSS_SHA256};

use super::{folder, issue, start_in};

/// A proxy with these certificates, and clients that trust it.
fn serve(certificates: &[Leaf<'_>], backend: &Backend) -> (Proxy, Tls) {
    let (authority, folder) = (Authority::new("root"), folder());
    let certificates: Vec<String> = certificates
        .iter()
        .map(|leaf| issue(&authority, folder.path(), &format!("c{}", leaf.serial), leaf))
        .collect();
    let listener = format!("[listener.tls]\ncertificates = [{}]\n", certificates.join(", "));
    (start_in(folder, backend, &listener), Tls::trusting(&authority))
}

#[test]
fn by_exact_name_then_by_wildcard_then_the_default() {
    let backend = Backend::named("b");
    let leaf = |serial, names| Leaf { serial, names, ..Leaf::default() };
    let certificates = [
        leaf(1, &["first.test"][..]),
        leaf(2, &["*.shop.test"]),
        leaf(3, &["www.shop.test", "Shop.TEST"]),
        leaf(4, &["www.shop.test"]),
    ];
    let (proxy, tls) = serve(&certificates, &backend);
    for (name, serial) in [
        ("first.test", 1),
        ("a.shop.test", 2),
        ("A.Shop.Test", 2),
        ("www.shop.test", 3),
        ("WWW.shop.test", 3),
        ("shop.test", 3),
    ] {
        let mut client = tls.afresh_connect(proxy.address(), name);
        assert_eq!(client.serial(), serial, "{name}");
        assert_eq!(client.get("/").text(), "b");
    }
    // Others get the default, which isn't for them.
    for name in ["a.b.shop.test", "other.test", "test"] {
        let error =
            tls.clone().afresh().try_connect(proxy.address(), name).expect_err("not their certificate");
        assert!(error.to_string().contains("only valid for DnsName(\"first.test\")"), "{name}: {error}");
    }
    let mut client = tls.without_name().connect(proxy.address(), "first.test");
    assert_eq!((client.serial(), client.get("/").status()), (1, 200));
}

#[test]
fn of_several_for_a_name_the_first_whose_key_the_client_can_check() {
    let backend = Backend::named("b");
    let leaf = |serial, rsa| Leaf { serial, rsa, names: &["site.test", "*.site.test"], ..Leaf::default() };
    let certificates = [leaf(1, true), leaf(2, false), leaf(3, true), leaf(4, false)];
    let (proxy, tls) = serve(&certificates, &backend);
    let ecdsa = [ECDSA_NISTP256_SHA256];
    let both = [ECDSA_NISTP256_SHA256, RSA_PSS_SHA256];
    for name in ["site.test", "a.site.test"] {
        for tls in [tls.clone(), tls.clone().only_12()] {
            let serial = |tls: Tls| tls.afresh_connect(proxy.address(), name).serial();
            assert_eq!(serial(tls.clone().checking(&both)), 1, "the order of the file decides");
            assert_eq!(serial(tls.clone().checking(&ecdsa)), 2, "the other kind of key");
            assert_eq!(serial(tls.without_name().checking(&ecdsa)), 2, "the default has two kinds as well");
        }
    }
}

#[test]
fn unknown_names_can_be_refused() {
    let (authority, folder, backend) = (Authority::new("root"), folder(), Backend::named("b"));
    let certificate = issue(&authority, folder.path(), "site", &Leaf::default());
    let listener = format!("[listener.tls]\ncertificates = [{certificate}]\nunknown_name = 'refuse'\n");
    let proxy = start_in(folder, &backend, &listener);
    let tls = Tls::trusting(&authority);
    assert_eq!(tls.connect(proxy.address(), "test").get("/").status(), 200);
    for tls in [tls.clone().afresh(), tls.without_name()] {
        let error = tls.try_connect(proxy.address(), "other.test").expect_err("no certificate");
        assert!(error.to_string().contains("UnrecognisedName"), "{error}");
    }
    let refused = proxy.log.wait_for_many("handshake-failed", 2);
    assert!(refused.iter().all(|line| line.has(&[("reason", "unknown-name")])), "{refused:?}");
}

#[test]
fn a_client_that_can_check_no_certificate_is_told_so() {
    let backend = Backend::named("b");
    let (proxy, tls) = serve(&[Leaf::default()], &backend);
    let tls = tls.checking(&[RSA_PSS_SHA256]);
    for tls in [tls.clone(), tls.only_12()] {
        let error = tls.afresh().try_connect(proxy.address(), "test").expect_err("an ECDSA certificate");
        assert!(error.to_string().contains("HandshakeFailure"), "{error}");
    }
    let refused = proxy.log.wait_for_many("handshake-failed", 2);
    assert!(refused.iter().all(|line| line.has(&[("reason", "no-signature")])), "{refused:?}");
}
