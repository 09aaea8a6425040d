//! What a policy learns of the protocol that a client speaks.

use harness::{Backend, Setup, choose, guest};

#[test]
fn the_version_that_the_client_speaks_can_be_asked_for() {
    let (old, usual) = (Backend::named("old"), Backend::named("usual"));
    // By the last digit of `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    let by_protocol = guest(&format!(
        "(func (export \"pointsman_pick\") (result i64) (local $length i32)
            (local.set $length (call $request_text (i32.const 5) (i32.const 64) (i32.const 64)))
            (if (i32.eq (i32.load8_u (i32.add (i32.const 63) (local.get $length))) (i32.const 0x30))
                (then {}))
            {})",
        choose(0).replace("(i64.const 0)", "(return (i64.const 0))"),
        choose(1)
    ));
    let proxy = Setup::default().start_with_policy(&by_protocol, &[&old, &usual]);
    let mut client = proxy.client();
    for _ in 0..4 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(client.response("GET").text(), "old");
        assert_eq!(client.get("/").text(), "usual");
    }
}
