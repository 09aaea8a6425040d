//! The address in the header is the client's, everywhere.

use std::process::Command;

use harness::{Backend, Proxy, Setup};

use super::{EXPECTED, GET, V1, V2, start, tells_client};

/// The response to a GET of a client at this address.
fn get_as(proxy: &Proxy, client: &str, headers: &str) -> String {
    let mut connection = proxy.client();
    connection.send(format!("PROXY TCP4 {client} 198.51.100.7 1 443\r\n"));
    connection.get_with("/", headers).text()
}

#[test]
fn backends_policies_and_the_log_see_the_client() {
    let backends = ["a", "b"].map(Backend::named);
    let setup = Setup { listener: EXPECTED, policy: "\"ip-hash\"", workers: 1, ..Setup::default() };
    let addresses = backends.each_ref().map(Backend::address);
    let proxy = Proxy::start_with_log("info,pointsman=debug", &setup.configuration(&addresses));
    let mut used = Vec::new();
    for number in 0..32 {
        let client = format!("192.0.2.{number}");
        let first = get_as(&proxy, &client, "");
        assert_eq!(get_as(&proxy, &client, ""), first, "the policy sees one client");
        used.push(first);
    }
    assert!(used.iter().any(|name| name == "a") && used.iter().any(|name| name == "b"), "and many: {used:?}");
    let mut v6 = proxy.client();
    v6.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24");
    v6.send(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x09\x01\xbb");
    assert_eq!(v6.get("/").status(), 200);
    let requests: Vec<_> = backends.iter().flat_map(Backend::requests).collect();
    assert!(requests.iter().any(|request| request.values("x-forwarded-for") == ["192.0.2.31"]));
    assert!(requests.iter().any(|request| request.values("x-forwarded-for") == ["2001:db8::1"]));
    let ended = proxy.log.wait_for_many("request-ended", 65);
    assert!(ended[0].has(&[("peer", "192.0.2.0:1")]), "{}", ended[0]);
    assert!(ended[64].has(&[("peer", "[2001:db8::1]:9")]), "{}", ended[64]);
}

#[test]
fn trusted_proxies_are_compared_with_the_address_in_the_header() {
    let backend = tells_client();
    let listener = format!("trusted_proxies = ['192.0.2.0/24']\n{EXPECTED}");
    let proxy = start(&listener, &backend);
    let claim = "X-Forwarded-For: 6.6.6.6\r\n";
    assert_eq!(get_as(&proxy, "192.0.2.9", claim), "6.6.6.6, 192.0.2.9");
    assert_eq!(get_as(&proxy, "198.51.100.9", claim), "198.51.100.9");
    let proxy = start(&format!("trusted_proxies = ['127.0.0.1']\n{EXPECTED}"), &backend);
    assert_eq!(get_as(&proxy, "192.0.2.9", claim), "192.0.2.9", "the sender isn't who is trusted");
}

#[test]
fn a_connection_counts_from_the_moment_it_is_accepted() {
    let backend = tells_client();
    let listener = "max_connections = 1\nproxy_protocol = { from = ['127.0.0.1'], timeout = '5m' }";
    let proxy = start(listener, &backend);
    let silent = proxy.client();
    let mut client = proxy.client();
    client.send([V2, GET].concat());
    // The silent one is closed for it, after the usual grace.
    assert_eq!(client.response("GET").text(), "192.0.2.1");
    let line = proxy.log.wait_for("proxy-header-refused");
    assert!(line.has(&[("reason", "ended")]), "{line}");
    drop(silent);
}

#[test]
fn a_drain_ends_connections_without_a_header_soon() {
    let backend = tells_client();
    let mut proxy = start("proxy_protocol = { from = ['127.0.0.1'], timeout = '5m' }", &backend);
    let mut silent = proxy.client();
    silent.send(&V1[..20]);
    // The proxy has accepted it: it serves another one that came later.
    assert_eq!(get_as(&proxy, "192.0.2.1", ""), "192.0.2.1");
    proxy.signal("TERM");
    assert!(silent.is_closed());
    assert!(proxy.wait_for_exit().success());
    let line = proxy.log.wait_for("proxy-header-refused");
    assert!(line.has(&[("reason", "ended")]), "{line}");
    assert_eq!(proxy.log.events("drain-finished").len(), 1);
}

#[test]
fn a_reload_changes_who_sends_headers() {
    let backend = tells_client();
    let configuration = |listener| Setup { listener, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = Proxy::start(&configuration(EXPECTED));
    let mut before = proxy.client();
    before.send([V1, GET].concat());
    assert_eq!(before.response("GET").text(), "192.0.2.1");
    proxy.reload(&configuration(""));
    assert_eq!(before.get("/").text(), "192.0.2.1", "it has begun");
    assert_eq!(proxy.client().get("/").text(), "127.0.0.1");
    proxy.reload(&configuration("proxy_protocol = { from = ['127.0.0.2'] }"));
    assert!(proxy.client().send(V1).is_closed());
}

#[test]
fn curl_sends_a_header() {
    let has_option =
        |output: std::process::Output| String::from_utf8_lossy(&output.stdout).contains("--haproxy-protocol");
    if !Command::new("curl").args(["--help", "all"]).output().is_ok_and(has_option) {
        eprintln!("skipped: there is no curl with --haproxy-protocol");
        return;
    }
    let backend = tells_client();
    let proxy = start(EXPECTED, &backend);
    let output = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--haproxy-protocol", "--max-time", "20"])
        .arg(format!("http://{}/", proxy.address()))
        .output()
        .expect("curl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"127.0.0.1");
}
