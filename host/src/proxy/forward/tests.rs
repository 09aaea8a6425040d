use std::sync::Arc;

use http::Request;

use super::*;
use crate::clock::Clock;
use crate::config::DownstreamLimits;
use crate::deadline::Deadlines;

fn client(peer: &str, trusted: &[&str]) -> Client {
    let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
    Client::new(
        format!("{peer}:1").parse().expect("an address"),
        Arc::new(DownstreamLimits::default()),
        trusted.into(),
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
fn forwarded(parts: Parts, client: &Client, upgrade: Option<&HeaderValue>) -> RequestHead {
    let found = Found::among(&parts.headers);
    let mut head = RequestHead::new(parts, client.peer.ip());
    request_head(&mut head, client, upgrade, found);
    head
}

/// Forwards a request and returns the client's address and all values of the field.
fn forward(peer: &str, trusted: &[&str], headers: &[(&str, &str)], field: &str) -> (String, Vec<String>) {
    let head = forwarded(parts(headers), &client(peer, trusted), None);
    let values = head.parts.headers.get_all(field).iter();
    (head.client.to_string(), values.map(|value| value.to_str().expect("text").into()).collect())
}

#[test]
fn a_stranger_is_not_believed() {
    let lies = [
        ("host", "a"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "6.6.6.6"),
    ];
    let (client, forwarded_for) = forward("192.0.2.1", &[], &lies, "x-forwarded-for");
    assert_eq!((client.as_str(), forwarded_for), ("192.0.2.1", vec!["192.0.2.1".to_owned()]));
    assert_eq!(forward("192.0.2.1", &[], &lies, "x-forwarded-proto").1, ["http"]);
    assert_eq!(forward("192.0.2.1", &[], &lies, "x-forwarded-host").1, ["a"]);
    assert!(forward("192.0.2.1", &[], &lies, "x-real-ip").1.is_empty());
    assert!(forward("192.0.2.1", &[], &[("forwarded", "for=6.6.6.6")], "forwarded").1.is_empty());
    assert!(forward("192.0.2.1", &[], &[("x-forwarded-host", "evil")], "x-forwarded-host").1.is_empty());
}

#[test]
fn a_trusted_proxy_is_believed_and_added_to() {
    let said = [("host", "a"), ("x-forwarded-for", "6.6.6.6, 192.0.2.9"), ("x-forwarded-proto", "https")];
    let trusted = ["10.0.0.0/8"];
    let (client, forwarded_for) = forward("10.0.0.1", &trusted, &said, "x-forwarded-for");
    assert_eq!(client, "192.0.2.9");
    assert_eq!(forwarded_for, ["6.6.6.6, 192.0.2.9", "10.0.0.1"]);
    assert_eq!(forward("10.0.0.1", &trusted, &said, "x-forwarded-proto").1, ["https"]);
}

#[test]
fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
    for (peer, header, client) in [
        ("10.0.0.1", "192.0.2.9, 10.0.0.7", "192.0.2.9"),
        ("10.0.0.1", "192.0.2.9, nonsense, 10.0.0.7", "10.0.0.7"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "192.0.2.9:1234", "192.0.2.9"),
        ("10.0.0.1", "::ffff:192.0.2.9", "192.0.2.9"),
        ("[::ffff:10.0.0.1]", "192.0.2.9", "192.0.2.9"),
        ("192.0.2.1", "192.0.2.9", "192.0.2.1"),
    ] {
        let got = forward(peer, &["10.0.0.0/8"], &[("x-forwarded-for", header)], "via").0;
        assert_eq!(got, client, "{peer} {header}");
    }
    let two_lines = [("x-forwarded-for", "192.0.2.8"), ("x-forwarded-for", "192.0.2.9")];
    assert_eq!(forward("10.0.0.1", &["10.0.0.0/8"], &two_lines, "via").0, "192.0.2.9");
}

#[test]
fn via_names_the_version_that_was_received() {
    assert_eq!(forward("192.0.2.1", &[], &[("via", "1.1 x")], "via").1, ["1.1 x", "1.1 pointsman"]);
    let mut old = parts(&[]);
    old.version = Version::HTTP_10;
    let head = forwarded(old, &client("192.0.2.1", &[]), None);
    assert_eq!(head.parts.headers["via"], "1.0 pointsman");
    assert_eq!(head.parts.version, Version::HTTP_11);
}

#[test]
fn an_absolute_target_overrides_host() {
    for (target, path, host) in
        [("http://b.example:81/x?y", "/x?y", "b.example:81"), ("http://b.example", "/", "b.example")]
    {
        let mut parts = parts(&[("host", "a")]);
        parts.uri = target.parse().expect("a URI");
        adopt_absolute_target(&mut parts).expect("a good target");
        assert_eq!(
            (parts.uri.to_string().as_str(), &parts.headers["host"]),
            (path, &HeaderValue::from_static(host))
        );
    }
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
