use std::sync::Arc;

use http::Request;
use pointsman_core::clock::Clock;

use super::*;
use crate::config::DownstreamLimits;
use crate::deadline::Deadlines;

fn client(peer: &str, trusted: &[&str]) -> ClientConnection {
    let trusted: Vec<ipnet::IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
    ClientConnection::new(
        format!("{peer}:1").parse().expect("an address"),
        ([127, 0, 0, 1], 80).into(),
        Scheme::Http,
        Arc::new(DownstreamLimits::default()),
        trusted.into(),
        Rc::default(),
        &Deadlines::new(Clock::start()),
    )
}

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

/// A head as it goes to the backend.
fn forwarded(parts: Parts, client: &ClientConnection, upgrade: Option<&HeaderValue>) -> RequestHead {
    let scan = HeaderScan::of_request(&parts.headers);
    let mut head = RequestHead::new(parts, client.peer.ip());
    request_head(&mut head, client, upgrade, scan);
    head
}

/// Forwards a request and returns the client's address and all values of the field.
fn forward(peer: &str, trusted: &[&str], headers: &[(&str, &str)], field: &str) -> (String, Vec<String>) {
    let head = forwarded(parts(headers), &client(peer, trusted), None);
    let values = head.parts.headers.get_all(field).iter();
    (head.client.to_string(), values.map(|value| value.to_str().expect("text").into()).collect())
}

#[test]
fn via_names_the_version_that_was_received() {
    assert_eq!(forward("192.0.2.1", &[], &[("via", "1.1 x")], "via").1, ["1.1 x", "1.1 pointsman"]);
    let mut old = parts(&[]);
    old.version = Version::HTTP_10;
    let head = forwarded(old, &client("192.0.2.1", &[]), None);
    assert_eq!(head.parts.headers["via"], "1.0 pointsman");
    assert_eq!((head.parts.version, head.protocol), (Version::HTTP_11, Version::HTTP_10));
}

#[test]
fn upgrades_are_passed_on_but_h2c() {
    let wanted = |connection, upgrade| {
        wanted_upgrade(&parts(&[("connection", connection), ("upgrade", upgrade)]).headers).is_some()
    };
    assert!(wanted("keep-alive, Upgrade", "websocket"));
    assert!(!wanted("keep-alive", "websocket"));
    assert!(!wanted("upgrade, http2-settings", "h2c"));
    assert!(!wanted("upgrade", "websocket, H2C"));

    let head = forwarded(
        parts(&[("connection", "upgrade, x-a"), ("upgrade", "websocket"), ("x-a", "1")]),
        &client("192.0.2.1", &[]),
        Some(&HeaderValue::from_static("websocket")),
    );
    assert_eq!(
        (&head.parts.headers["connection"], &head.parts.headers["upgrade"]),
        (&HeaderValue::from_static("upgrade"), &HeaderValue::from_static("websocket"))
    );
    assert!(!head.parts.headers.contains_key("x-a"));
}
