//! A program that is replaced while clients come and stay.

use harness::{Backend, keep_busy};

use super::Site;

#[test]
fn no_request_is_lost() {
    let backend = Backend::named("b");
    let mut site = Site::start(&backend);
    let (address, tls) = (site.proxy.address(), site.tls.clone());
    let (served, ()) = keep_busy(
        0..8,
        |_, running| {
            let (mut served, mut staying) = (0, tls.connect(address, "test"));
            while running.goes_on() {
                let response = staying.get("/");
                assert_eq!(response.status(), 200);
                if response.header("connection") == Some("close") {
                    assert!(staying.is_closed(), "with a farewell");
                    staying = tls.connect(address, "test");
                }
                assert_eq!(tls.afresh_connect(address, "test").get("/").status(), 200);
                served += 2;
            }
            served
        },
        || {
            let waits = backend.count() + 50;
            backend.wait_for_requests(waits);
            site.proxy.signal("USR2");
            site.proxy.log.wait_for("process-replaced");
            assert_eq!(site.proxy.wait_for_exit().code(), Some(0));
            backend.wait_for_requests(backend.count() + 50);
        },
    );
    assert!(served.iter().sum::<usize>() > 100);
    assert!(site.proxy.log.errors().is_empty());
}
