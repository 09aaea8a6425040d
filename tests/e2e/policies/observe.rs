//! What a policy learns of the responses to its picks.

use std::fs;

use harness::{Backend, Client, Proxy, guest, own_address};

use super::proxy;

/// Says what it sees of a user's request in each hook: `picks` or `sees`, user, path, the hash of the user, and, of a
/// response, how it ended. Abstains.
const WITNESS: &str = r#"
    (data (i32.const 0) "x-user") (data (i32.const 16) "picks ") (data (i32.const 32) "sees  ")
    (func $describe (param $verb i32) (result i32) (local $end i32) (local $hash i64)
        (i64.store (i32.const 64) (i64.load (local.get $verb)))
        (local.set $end (call $header (i32.const 0) (i32.const 6) (i32.const 70) (i32.const 64)))
        (local.set $end (i32.add (i32.const 70) (select (local.get $end) (i32.const 0)
            (i32.gt_s (local.get $end) (i32.const 0)))))
        (i32.store8 (local.get $end) (i32.const 0x20))
        (local.set $end (i32.add (i32.const 1) (local.get $end)))
        (local.set $end (i32.add (local.get $end)
            (call $request_text (i32.const 3) (local.get $end) (i32.const 64))))
        (i32.store8 (local.get $end) (i32.const 0x20))
        (local.set $end (i32.add (i32.const 1) (local.get $end)))
        (local.set $hash (call $hash (i32.const 1) (i32.const 0) (i32.const 6)))
        (loop $digits
            (i32.store8 (local.get $end)
                (i32.add (i32.const 0x61) (i32.wrap_i64 (i64.and (i64.const 15) (local.get $hash)))))
            (local.set $end (i32.add (i32.const 1) (local.get $end)))
            (local.set $hash (i64.shr_u (local.get $hash) (i64.const 4)))
            (br_if $digits (i64.ne (i64.const 0) (local.get $hash))))
        (local.get $end))
    (func $say (param $end i32)
        ;; Admission sends requests without a user.
        (if (i32.ne (i32.const 0x20) (i32.load8_u (i32.const 70))) (then
            (call $log (i32.const 3) (i32.const 64) (i32.sub (local.get $end) (i32.const 64))))))
    (func (export "pointsman_pick") (result i64)
        (call $say (call $describe (i32.const 16)))
        (i64.const 0x1_0000_0000))
    (func (export "pointsman_observe") (param i32 i32 i32 i64 i64) (local $end i32)
        (local.set $end (call $describe (i32.const 32)))
        (i32.store8 (local.get $end) (i32.const 0x20))
        (i32.store8 (i32.add (i32.const 1) (local.get $end)) (i32.add (i32.const 0x30) (local.get 2)))
        (call $say (i32.add (i32.const 2) (local.get $end))))"#;

fn witnessed(backend: &Backend) -> Proxy {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("witness.wasm");
    fs::write(&file, guest(WITNESS)).expect("a plugin");
    proxy(&format!("{{ file = \"{}\" }}", file.display()), &[(backend, "")], "")
}

/// Waits until the policy has seen the end of this user's request, and checks that it saw the one it had picked for.
fn check(proxy: &Proxy, user: &str, path: &str, outcome: i32) {
    let [picks, sees] = ["picks ", "sees  "].map(|verb| {
        let beginning = format!("policy says: {verb}{user} ");
        let line = proxy.log.wait_where("policy-logged", |line| line.message().starts_with(&beginning));
        let said = line.message().split_once(verb).map(|(_, said)| said.to_owned());
        said.expect("what the policy says")
    });
    assert!(picks.starts_with(&format!("{user} {path} ")), "{picks}");
    assert_eq!(sees, format!("{picks} {outcome}"));
}

fn send(client: &mut Client, user: &str, path: &str, more: &str) {
    client.send(format!("GET {path}?query HTTP/1.1\r\nHost: test\r\nX-User: {user}\r\n{more}\r\n"));
}

#[test]
fn the_request_can_be_asked_for_in_observe() {
    let backend = Backend::start(|exchange| match exchange.request.target() {
        "/waits?query" => exchange.wait_for_close(),
        "/breaks?query" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            exchange.keep_alive = false;
        }
        "/upgrades?query" => {
            exchange
                .send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
            exchange.keep_alive = false;
        }
        _ => exchange.respond("a"),
    });
    let proxy = witnessed(&backend);

    // Begins first and ends last: each response belongs to its own request.
    let mut leaving = proxy.client();
    send(&mut leaving, "ada", "/waits", "");
    backend.wait_for_requests(1);

    let mut client = proxy.client();
    for user in ["bob", "cleo"] {
        send(&mut client, user, "/answers", "");
        assert_eq!(client.response("GET").text(), "a");
        check(&proxy, user, "/answers", 0);
    }
    send(&mut client, "dan", "/breaks", "");
    client.read_exactly(100);
    check(&proxy, "dan", "/breaks", 2);

    let mut client = proxy.client();
    send(&mut client, "eve", "/upgrades", "Connection: upgrade\r\nUpgrade: x\r\n");
    client.read_exactly(100);
    drop(client);
    check(&proxy, "eve", "/upgrades", 0);

    drop(leaving);
    check(&proxy, "ada", "/waits", 1);
}

#[test]
fn so_it_can_when_there_was_no_connection() {
    let backend = Backend::start_on(own_address(), |_| {});
    let proxy = witnessed(&backend);
    drop(backend);
    let mut client = proxy.client();
    send(&mut client, "ada", "/lost", "");
    assert_eq!(client.response("GET").status(), 503);
    check(&proxy, "ada", "/lost", 4);
}
