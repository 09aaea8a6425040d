//! What becomes of heads.

use harness::Backend;
use harness::frames::{self, END_HEADERS, END_STREAM, HEADERS, PREFACE, frame};

use super::{in_clear, over_tls};

/// `GET https://test/`: two indexed fields, an authority, an indexed path.
const HTTPS: &[u8] = b"\x82\x87\x41\x04test\x84";

/// `GET http://test/`.
const HTTP: &[u8] = b"\x82\x86\x41\x04test\x84";

#[test]
fn the_connection_says_what_the_scheme_is() {
    let backend = Backend::named("b");
    let proxy = in_clear(&backend, "");
    let mut clear = proxy.client();
    frames::ask(clear.send(PREFACE), &frame(HEADERS, END_STREAM | END_HEADERS, 1, HTTPS), 1);
    let (proxy, tls) = over_tls(&backend, "");
    let mut over_tls = tls.offering(&["h2"]).connect(proxy.address(), "test");
    frames::ask(over_tls.send(PREFACE), &frame(HEADERS, END_STREAM | END_HEADERS, 1, HTTP), 1);
    let requests = backend.requests();
    let said: Vec<_> = requests.iter().map(|request| request.values("x-forwarded-proto")).collect();
    assert_eq!(said, [["http"], ["https"]]);
    for request in requests {
        assert_eq!((request.first_line(), request.header("host")), ("GET / HTTP/1.1", Some("test")));
        assert_eq!(request.header("via"), Some("2 pointsman"));
    }
}
