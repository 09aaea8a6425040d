//! Reloads that change how backends are spoken to.

use harness::{Backend, TlsBackend, keep_busy};

use super::{TLS, configuration, good, start, trusted};

#[test]
fn from_clear_to_tls_and_back_loses_nothing() {
    let (authority, folder) = trusted();
    let (clear, secure) = (Backend::named("clear"), TlsBackend::named(&good(&authority), "secure"));
    let clear_pool = configuration("", &[clear.address()]);
    let secure_pool = configuration(TLS, &[secure.address()]);
    let proxy = start(folder, "", &[clear.address()]);
    let work = |_, running: &harness::Running| {
        let (mut client, mut served) = (proxy.client(), 0);
        while running.goes_on() {
            let response = client.post("/", b"body");
            assert_eq!(response.status(), 200, "{}", response.text());
            served += 1;
        }
        served
    };
    let (served, ()) = keep_busy(0..8, work, || {
        for _ in 0..5 {
            proxy.reload(&secure_pool);
            proxy.reload(&clear_pool);
        }
    });
    let served: usize = served.into_iter().sum();
    assert_eq!(clear.count() + secure.count(), served);
    assert!(clear.count() > 0 && secure.count() > 0, "{} and {}", clear.count(), secure.count());
}

#[test]
fn no_idle_connection_is_used_with_other_settings() {
    let (authority, folder) = trusted();
    let backend = TlsBackend::named(&good(&authority), "good");
    let proxy = start(folder, TLS, &[backend.address()]);
    let mut client = proxy.client();
    let mut connections_after = |pool: &str, changes: &str| {
        assert_eq!(proxy.reload(&configuration(pool, &[backend.address()])), changes);
        (client.get("/").status(), backend.connections())
    };
    let longer = format!("idle_timeout = '9s'\n{TLS}");
    assert_eq!(connections_after(&longer, "~pool test (~limits)"), (200, 1));
    assert_eq!(connections_after(TLS, "~pool test (~limits)"), (200, 1), "the same settings of TLS");
    let insecure = "tls.insecure_skip_verify = true";
    assert_eq!(connections_after(insecure, "~pool test (~tls)"), (200, 2));
    assert_eq!(
        connections_after(TLS, "~pool test (~tls)"),
        (200, 3),
        "what wasn't verified isn't used any more"
    );
    let other = TLS.replace("'test'", "'other'");
    assert_eq!(connections_after(&other, "~pool test (~tls)").0, 502, "nor what is for another name");
}
