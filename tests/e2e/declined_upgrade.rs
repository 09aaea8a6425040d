//! A request for another protocol that isn't granted leaves the connection as it was.

use crate::harness::{Backend, Proxy};

const UPGRADE: &str = "Connection: upgrade\r\nUpgrade: websocket\r\n";

#[test]
fn the_connection_goes_on_after_an_upgrade_that_failed() {
    let gone = Backend::named("gone");
    let backend = Backend::named("there");
    let proxy = Proxy::start(&format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [[route]]\npath = \"/gone\"\npool = \"gone\"\n[[route]]\npath = \"/there\"\npool = \"there\"\n\
         [pool.gone]\nbackends = [\"{}\"]\n[pool.there]\nbackends = [\"{}\"]\n",
        gone.address(),
        backend.address()
    ));
    drop(gone);
    let mut client = proxy.client();
    assert_eq!(client.get_with("/gone", UPGRADE).error_label(), Some("connect-failed"));
    assert_eq!(client.get_with("/nowhere", UPGRADE).error_label(), Some("no-route"));
    assert_eq!(client.get_with("/there", UPGRADE).text(), "there");
    assert_eq!(
        client.get_with("/there", "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n").text(),
        "there"
    );
    assert_eq!(client.get("/there").text(), "there");
}
