//! What the admin address says of the proxy.

use harness::{Backend, Client, Latch, Setup};

fn answer(client: &mut Client, target: &str) -> (u16, String) {
    let response = client.get(target);
    (response.status(), response.text())
}

#[test]
fn readiness_ends_with_the_drain_and_life_with_the_process() {
    let release = Latch::default();
    let held = release.clone();
    let backend = Backend::start(move |exchange| {
        held.wait();
        exchange.respond("late");
    });
    let setup = Setup { top: "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]", ..Setup::default() };
    let mut proxy = setup.start(&[&backend]);
    let mut admin = Client::connect(proxy.admin());
    assert_eq!(answer(&mut admin, "/live"), (200, "live\n".into()));
    assert_eq!(answer(&mut admin, "/ready"), (200, "ready\n".into()));
    assert_eq!(answer(&mut admin, "/else").0, 404);
    assert_eq!(admin.post("/live", b"").status(), 405);
    // The listener knows nothing of them.
    let mut client = proxy.client();
    client.send("GET /ready HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);

    proxy.signal("TERM");
    proxy.log.wait_for("drain-started");
    let mut fresh = Client::connect(proxy.admin());
    for admin in [&mut admin, &mut fresh] {
        assert_eq!(answer(admin, "/ready"), (503, "draining\n".into()));
        assert_eq!(answer(admin, "/live"), (200, "live\n".into()));
    }
    release.open();
    assert_eq!(client.response("GET").text(), "late");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
}
