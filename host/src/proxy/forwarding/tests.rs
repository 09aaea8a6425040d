use std::sync::Arc;

use pointsman_core::clock::Clock;

use super::*;
use crate::config::DownstreamLimits;
use crate::deadline::Deadlines;
use crate::downstream::Scheme;

/// Forwards fields and returns the client's address and all values of the named one.
fn forward(peer: &str, trusted: &[&str], fields: &[(&str, &str)], field: &str) -> (String, Vec<String>) {
    let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
    let client = ClientConnection::new(
        format!("{peer}:1").parse().expect("an address"),
        ([127, 0, 0, 1], 80).into(),
        Scheme::Http,
        Arc::new(DownstreamLimits::default()),
        trusted.into(),
        std::rc::Rc::default(),
        &Deadlines::new(Clock::start()),
    );
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            name.parse::<HeaderName>().expect("a name"),
            value.parse::<HeaderValue>().expect("a value"),
        );
    }
    let found = headers.keys().map(|name| spelling(name.as_str())).max().flatten();
    let address = rewrite(&mut headers, &client, found);
    let values = headers.get_all(field).iter();
    (address.to_string(), values.map(|value| value.to_str().expect("text").into()).collect())
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
    assert_eq!(forwarded_for, ["6.6.6.6, 192.0.2.9, 10.0.0.1"]);
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
        let got = forward(peer, &["10.0.0.0/8"], &[("x-forwarded-for", header)], "x").0;
        assert_eq!(got, client, "{peer} {header}");
    }
    let two_lines = [("x-forwarded-for", "192.0.2.8"), ("x-forwarded-for", "192.0.2.9")];
    assert_eq!(forward("10.0.0.1", &["10.0.0.0/8"], &two_lines, "x").0, "192.0.2.9");
}

#[test]
fn all_lines_become_one() {
    for (lines, expected) in [
        (&["1.1.1.1", "2.2.2.2, 3.3.3.3"][..], "1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1"),
        (&["", " 1.1.1.1 ", ""], "1.1.1.1, 10.0.0.1"),
        (&["unknown"], "unknown, 10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&[], "10.0.0.1"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(
            forward("10.0.0.1", &["10.0.0.0/8"], &lines, "x-forwarded-for").1,
            [expected],
            "{lines:?}"
        );
    }
}

#[test]
fn names_are_told_apart_as_backends_read_them() {
    for (name, expected) in [
        ("x-forwarded-for", Some(Spelling::Plain)),
        ("x-forwarded-tls-client-cert", Some(Spelling::Plain)),
        ("forwarded", Some(Spelling::Plain)),
        ("cf-connecting-ip", Some(Spelling::Plain)),
        ("client-cert", Some(Spelling::Plain)),
        ("client-cert-chain", Some(Spelling::Plain)),
        ("x-forwarded-client-cert", Some(Spelling::Plain)),
        ("client_cert", Some(Spelling::Disguised)),
        ("client-cert_chain", Some(Spelling::Disguised)),
        ("x_forwarded_for", Some(Spelling::Disguised)),
        ("x-forwarded_for", Some(Spelling::Disguised)),
        ("x.real~ip", Some(Spelling::Disguised)),
        ("client_ip", Some(Spelling::Disguised)),
        ("x-forwardee", None),
        ("xxforwarded-for", None),
        ("x-forwarde", None),
        ("x-real-ip2", None),
        ("forwarded-for", None),
        ("x-request-id", None),
        ("cookie", None),
        ("", None),
    ] {
        assert_eq!(spelling(name), expected, "{name}");
    }
}
