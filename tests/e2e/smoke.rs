//! The least that has to work.

use harness::{Backend, Proxy};

#[test]
fn requests_go_round() {
    let backends = [Backend::named("a"), Backend::named("b"), Backend::named("c")];
    let proxy = Proxy::with_pool("\"round-robin\"", &backends.each_ref(), "");
    let mut client = proxy.client();
    let mut seen: Vec<String> = (0..3).map(|_| client.get("/").text()).collect();
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
}
