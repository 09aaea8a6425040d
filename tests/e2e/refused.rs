//! What every refused request has in common.

use harness::{Backend, Client, Proxy};

const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: test\r\n\r\n";

/// Bytes of a client, and the status and label of the answer.
pub(crate) type Case = (Vec<u8>, u16, &'static str);

pub(crate) fn case(bytes: impl Into<Vec<u8>>, status: u16, label: &'static str) -> Case {
    (bytes.into(), status, label)
}

/// Sends the bytes on connections of their own: at once, behind a good request, and piece by piece. The answer is the
/// same, the connection is closed after it, nothing is forwarded, and the next client is served.
pub(crate) fn check(cases: &[Case]) {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut good = 0;
    for (bytes, status, label) in cases {
        let shown = shown(bytes);
        let refused = |client: &mut Client, how: &str| {
            let response = client.response("GET");
            let answer = (response.status(), response.error_label(), response.header("connection"));
            assert_eq!(answer, (*status, Some(*label), Some("close")), "{how}: {shown}");
            assert!(client.is_closed(), "{how}: {shown}");
        };

        let mut client = proxy.client();
        client.send(bytes);
        refused(&mut client, "at once");

        let mut client = proxy.client();
        client.send([GOOD, bytes].concat());
        assert_eq!(client.response("GET").text(), "backend", "before {shown}");
        refused(&mut client, "behind a good request");

        let mut client = proxy.client();
        for piece in bytes.chunks((bytes.len() / 200).max(1)) {
            // The answer may come before the last piece.
            if client.try_send(piece).is_err() {
                break;
            }
        }
        refused(&mut client, "piece by piece");

        assert_eq!(proxy.client().get("/good").status(), 200, "after {shown}");
        good += 2;
        assert_eq!(backend.count(), good, "forwarded: {shown}");
    }
    assert!(backend.requests().iter().all(|request| request.target() == "/good"));
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    if text.len() < 200 { text } else { format!("{}... ({} bytes)", &text[..80], bytes.len()) }
}
