//! What a scrape says of handshakes, headers and names, after inputs that are known.

use std::collections::BTreeMap;

use harness::{Authority, Backend, Client, Dns, Leaf, Proxy, Setup, Tls, wait_until};

const ADMIN: &str = "[admin]\naddress = '127.0.0.1:0'\nhosts = ['test']\n";

/// The samples of a scrape that aren't 0: those of these families, by what follows the prefix, without the listener.
fn counted(proxy: &Proxy, families: &[&str]) -> BTreeMap<String, f64> {
    let text = Client::connect(proxy.admin()).get_with("/metrics", "").text();
    let listener = format!("listener=\"{}\"", proxy.address());
    let samples = text.lines().filter_map(|line| line.strip_prefix("pointsman_")?.rsplit_once(' '));
    samples
        .filter(|(name, _)| families.iter().any(|family| name.starts_with(family)))
        .map(|(name, value)| (name.replace(&listener, "here"), value.parse().expect("a number")))
        .filter(|(_, value)| *value != 0.0)
        .collect()
}

/// Waits until the samples of these families that aren't 0 are these.
fn are_counted(proxy: &Proxy, families: &[&str], expected: &[(&str, f64)]) {
    let expected: BTreeMap<String, f64> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    wait_until("all is counted", || {
        let counted = counted(proxy, families);
        if counted != expected {
            println!("{counted:#?}");
        }
        counted == expected
    });
}

#[test]
fn handshakes_by_their_result_and_how_long_they_took() {
    let backend = Backend::named("b");
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    let listener = "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]\n";
    let configuration =
        Setup { top: ADMIN, listener, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = Proxy::start_in(folder, &configuration);
    let tls = Tls::trusting(&authority);
    assert_eq!(tls.connect(proxy.address(), "test").get("/").status(), 200);
    let tls_12 = tls.afresh().only_12();
    assert_eq!(tls_12.connect(proxy.address(), "test").get("/").status(), 200);
    assert_eq!(tls_12.connect(proxy.address(), "test").get("/").status(), 200);
    let mut plain = proxy.client();
    plain.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(plain.response("GET").status(), 400);
    are_counted(
        &proxy,
        &["tls_handshakes", "tls_handshake_seconds_count"],
        &[
            ("tls_handshakes_total{here,version=\"1.2\",resumed=\"no\"}", 1.0),
            ("tls_handshakes_total{here,version=\"1.2\",resumed=\"yes\"}", 1.0),
            ("tls_handshakes_total{here,version=\"1.3\",resumed=\"no\"}", 1.0),
            ("tls_handshakes_failed_total{here,reason=\"plain-http\"}", 1.0),
            ("tls_handshake_seconds_count{here}", 3.0),
        ],
    );
    let sum = counted(&proxy, &["tls_handshake_seconds_sum"]);
    assert!(sum.values().all(|sum| *sum > 0.0 && *sum < 60.0) && sum.len() == 1, "{sum:?}");
}

#[test]
fn headers_that_are_none() {
    let backend = Backend::named("b");
    let listener = "proxy_protocol = { from = ['127.0.0.1'] }\n";
    let proxy = Setup { top: ADMIN, listener, ..Setup::default() }.start(&[&backend]);
    for (bytes, times) in [("GET / HTTP/1.1\r\nHost: test\r\n\r\n", 2), ("PROXY TCP4 192.0.2.1\r\n", 1)] {
        for _ in 0..times {
            let mut client = proxy.client();
            client.send(bytes);
            assert!(client.is_closed());
        }
    }
    are_counted(
        &proxy,
        &["proxy_protocol_errors"],
        &[
            ("proxy_protocol_errors_total{here,reason=\"missing\"}", 2.0),
            ("proxy_protocol_errors_total{here,reason=\"malformed\"}", 1.0),
        ],
    );
}

#[test]
fn backends_that_are_not_trusted_and_names_that_are_asked_for() {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    let bad = harness::TlsBackend::named(&Authority::new("another").issue(&Leaf::default()), "bad");
    let dns = Dns::start();
    dns.set_host("api.test.", 300, &[bad.address().ip()]);
    let names = format!("backends = [{{ address = 'api.test:{}', resolve = 'each' }}]", bad.address().port());
    let proxy = Proxy::start_in(
        folder,
        &format!(
            "workers = 2\n{}{ADMIN}[[listener]]\naddress = '127.0.0.1:0'\n[pool.test]\n{names}\n\
             retry.attempts = 0\ntls = {{ ca = 'ca.crt', server_name = 'test' }}\n",
            dns.section()
        ),
    );
    assert_eq!(proxy.client().get("/").error_label(), Some("tls-failed"));
    let failures = [("pool_tls_failures_total{pool=\"test\",reason=\"certificate-issuer\"}", 1.0)];
    are_counted(&proxy, &["pool_tls_failures"], &failures);
    let answers = counted(&proxy, &["discovery"]);
    let good = format!("name=\"api.test:{}\"", bad.address().port());
    assert_eq!(answers[&format!("discovery_answers_total{{{good},result=\"answered\"}}")], 1.0);
    assert!(answers[&format!("discovery_last_success_timestamp_seconds{{{good}}}")] > 1.6e9);
    assert_eq!(answers.len(), 2, "{answers:?}");
}

#[test]
fn connections_that_wait_for_the_next_request() {
    let backend = Backend::named("b");
    let proxy = Setup { top: ADMIN, workers: 1, ..Setup::default() }.start(&[&backend]);
    assert_eq!(proxy.client().get("/").status(), 200);
    let labels = "pool=\"test\",backend=\"b0\"";
    are_counted(
        &proxy,
        &["backend_connections"],
        &[
            (&format!("backend_connections{{{labels}}}"), 1.0),
            (&format!("backend_connections_idle{{{labels}}}"), 1.0),
            (&format!("backend_connections_opened_total{{{labels}}}"), 1.0),
        ],
    );
}
