//! A backend that takes requests and answers none, before any of them has failed.

use harness::{Backend, Setup, wait_until};

use super::{ADMIN, ctl};

#[test]
fn a_backend_that_answers_nothing_is_named_while_its_clients_give_up() {
    let silent = Backend::start(|exchange| exchange.wait_for_close());
    let good = Backend::named("good");
    let proxy = Setup { top: ADMIN, pool: "response_timeout = \"30s\"\n", ..Setup::default() }
        .start(&[&silent, &good]);
    let admin = proxy.admin().to_string();
    // They ask, and nobody reads an answer.
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    silent.wait_for_requests(2);
    wait_until("it is named", || {
        let (code, text) = ctl(&["--address", &admin, "status"]);
        code == 0
            && text.contains("\nPool test: b0 has answered nothing for ")
            && text.ends_with(" s; 2 in flight.\n")
    });
    let line = proxy.log.wait_for("backend-silent");
    assert_eq!((line.field("pool"), line.field("backend")), (Some("test"), Some("b0")));
    // Clients that have left are no failures, but no answers either.
    drop(clients);
    wait_until("nothing is in flight", || {
        let text = ctl(&["--address", &admin, "status"]).1;
        text.contains("\nPool test: b0 has answered nothing for ") && text.ends_with(" s; 0 in flight.\n")
    });
    assert_eq!(proxy.log.events("backend-ejected"), []);
}
