//! Health checks over TLS.

use harness::{Authority, TlsBackend, wait_until};

use super::{TLS, good, in_clear, start, trusted};

fn pool(check: &str) -> String {
    format!("{TLS}\n[pool.test.health_check]\ninterval = '100ms'\nrise = 1\nfall = 2\n{check}")
}

#[test]
fn a_backend_that_is_not_who_it_should_be_goes_down() {
    for kind in ["type = 'http'", "type = 'tcp'"] {
        let (authority, folder) = trusted();
        let stranger = TlsBackend::named(&good(&Authority::new("another")), "stranger");
        let backend = TlsBackend::named(&good(&authority), "good");
        let proxy = start(folder, &pool(kind), &[stranger.address(), backend.address()]);
        let line = proxy.log.wait_for("backend-unhealthy");
        assert!(line.has(&[("backend", "b0")]), "{line}");
        assert!(line.text().contains("isn't from an authority that is trusted"), "{line}");
        assert_eq!(stranger.count(), 0);
        for _ in 0..4 {
            assert_eq!(proxy.client().get("/").text(), "good");
        }
        if kind.contains("http") {
            wait_until("it is asked, beside the clients' requests", || backend.count() > 4);
        } else {
            assert_eq!(backend.count(), 4, "nothing is asked over a connection alone");
        }
    }
}

#[test]
fn an_address_of_its_own_is_checked_over_tls_too() {
    let (authority, folder) = trusted();
    let (backend, checked) = (TlsBackend::named(&good(&authority), "good"), in_clear());
    let list = format!(
        "backends = [{{ address = '{}', name = 'b0', check_address = '{}' }}]\n",
        backend.address(),
        checked
    );
    let configuration =
        format!("[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\n{list}{}", pool("type = 'http'\n"));
    let proxy = harness::Proxy::start_in(folder, &configuration);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.text().contains("what it answers isn't TLS"), "{line}");
}
