//! The names of backends that DNS tells.

use std::net::IpAddr;

use harness::{Dns, Leaf, Proxy, TlsBackend};

use super::trusted;

#[test]
fn a_discovered_backend_has_the_name_that_it_was_found_under() {
    let (authority, folder) = trusted();
    let named = |name| TlsBackend::named(&authority.issue(&Leaf { names: &[name], ..Leaf::default() }), name);
    let (each, service) = (named("api.test"), named("one.test"));
    let dns = Dns::start();
    let here = [IpAddr::from([127, 0, 0, 1])];
    dns.set_host("api.test.", 60, &here);
    dns.set_host("one.test.", 60, &here);
    dns.set_service("_https._tcp.test.", 60, &[(0, 1, service.address().port(), "one.test.")]);
    let configuration = |entry: &str| {
        format!(
            "{}[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [{entry}]\ntls.ca = 'ca.crt'\n",
            dns.section()
        )
    };
    let of_host = format!("{{ address = \"api.test:{}\", resolve = \"each\" }}", each.address().port());
    let proxy = Proxy::start_in(folder, &configuration(&of_host));
    assert_eq!(proxy.client().get("/").text(), "api.test");
    assert_eq!(each.names(), [Some("api.test".to_owned())]);
    proxy.reload(&configuration("{ address = \"_https._tcp.test\", resolve = \"srv\" }"));
    assert_eq!(proxy.client().get("/").text(), "one.test");
    assert_eq!(service.names(), [Some("one.test".to_owned())]);
}
