//! Authorities that don't do what they should.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Authority, Backend, Leaf, Then, Tls, TlsBackend, send, wait_until};

use super::pebble::{Kind, Pebble, file, free_port};
use super::{age, configuration_with, folder, serves, start};

#[test]
fn what_can_not_be_served_with_never_takes_the_place_of_what_serves() {
    static CUTS: AtomicBool = AtomicBool::new(false);
    let Some(pebble) = Pebble::start(Kind::default()) else { return };
    let (_front, keys) = pebble.behind(|path, body| {
        if path.starts_with("/certZ/") && CUTS.load(Ordering::Relaxed) {
            body.truncate(400);
        }
    });
    let (backend, authority) = (Backend::named("b"), Authority::new("root"));
    let configuration = configuration_with(&keys, &backend, pebble.http, "names = ['a.test']");
    let proxy = start(folder(&authority), &configuration);
    proxy.log.wait_for("acme-certificate-issued");
    CUTS.store(true, Ordering::Relaxed);
    let pem = file(&proxy.path("state/acme"), "a.test.pem").expect("its file");
    age(&pem, &authority, 77);
    let before = fs::read(&pem).expect("a file");
    proxy.signal("HUP");
    let failed = proxy.log.wait_for("acme-order-failed");
    assert!(failed.has(&[("name", "a.test"), ("reason", "refused")]), "{failed:?}");
    assert!(failed.field("error").is_some_and(|error| error.contains("can't be served with")), "{failed:?}");
    assert_eq!(fs::read(&pem).expect("a file"), before, "it is still there");
    let old = Tls::trusting(&authority);
    wait_until("the old one serves", || serves(&proxy, &old, "a.test"));
    // The next order is another one, and comes to something.
    CUTS.store(false, Ordering::Relaxed);
    assert!(file(&proxy.path("state/acme"), ".order.json").is_none(), "it is forgotten");
}

#[test]
fn an_authority_that_wants_to_be_left_alone_is_from_its_first_answer_on() {
    for (status, media_type) in [(429, "application/problem+json"), (503, "text/html")] {
        let (backend, authority) = (Backend::named("b"), Authority::new("root"));
        let folder = folder(&authority);
        let certificate = authority.issue(&Leaf { names: &["localhost"], ..Leaf::default() });
        fs::write(folder.path().join("ca.pem"), authority.pem()).expect("a file");
        let server = TlsBackend::start(&certificate, None, move |_, reader| {
            let head = format!(
                "HTTP/1.1 {status} X\r\nretry-after: 1200\r\ncontent-type: {media_type}\r\nconnection: close"
            );
            send(reader, format!("{head}\r\ncontent-length: 2\r\n\r\n{{}}"));
            Then::Close
        });
        let keys =
            format!("directory = 'https://localhost:{}/dir'\nca = 'ca.pem'\n", server.address().port());
        let configuration = configuration_with(&keys, &backend, free_port(), "names = ['a.test']");
        let proxy = start(folder, &configuration);
        let failed = proxy.log.wait_for("acme-order-failed");
        let again = failed.field("again").and_then(|again| again.trim_end_matches('s').parse::<f64>().ok());
        assert!(again.is_some_and(|seconds| (1_190.0..=1_200.0).contains(&seconds)), "{failed:?}");
        let error = failed.field("error").unwrap_or_default();
        assert!(error.contains(&format!("status {status}")), "{failed:?}");
    }
}
