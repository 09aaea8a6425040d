//! Who may ask at all.

use std::os::unix::fs::PermissionsExt;

use axum::http::Method;

use super::Api;
use crate::config::{AdminConfig, NamedFile};

const OVERVIEW: &str = "/api/v1/overview";

fn at(address: &str) -> AdminConfig {
    AdminConfig {
        address: address.parse().unwrap(),
        token_file: None,
        line: 1,
        hosts: vec!["proxy.example.com".to_owned()],
        explain_from: Vec::new(),
    }
}

/// Asks with these fields, and wants this status.
async fn check(api: &Api, fields: &[(&str, &str)], expected: u16) {
    for path in [OVERVIEW, "/live", "/nothing"] {
        let answer = api.ask_with(Method::GET, path, fields).await;
        let expected = if path == "/nothing" && expected == 200 { 404 } else { expected };
        assert_eq!(answer.status, expected, "{path} {fields:?}");
    }
}

#[tokio::test]
async fn the_host_must_be_one_of_ours() {
    let api = Api::guarded(&at("192.0.2.7:9901"));
    let good = [
        "localhost",
        "LOCALHOST:9901",
        "localhost.",
        "127.0.0.1",
        "127.9.8.7:1",
        "[::1]:9901",
        "[::ffff:127.0.0.1]",
        "192.0.2.7:9901",
        "Proxy.Example.com:80",
    ];
    for host in good {
        check(&api, &[("host", host)], 200).await;
    }
    let bad =
        ["evil.example", "localhost.evil.example", "192.0.2.8", "127.0.0.1.evil.example", "user@", "", "a b"];
    for host in bad {
        check(&api, &[("host", host)], 403).await;
    }
    check(&api, &[], 403).await;
    for (target, expected) in [("http://evil.example/live", 403), ("http://localhost:9901/live", 200)] {
        let answer = api.ask_with(Method::GET, target, &[("host", "localhost")]).await;
        assert_eq!(answer.status, expected, "{target}");
    }
    check(&api, &[("host", "localhost"), ("host", "evil.example")], 403).await;
    // A name is what another site can have resolved to us; an address isn't.
    let anywhere = Api::guarded(&at("0.0.0.0:9901"));
    check(&anywhere, &[("host", "192.0.2.8:9901")], 200).await;
    check(&anywhere, &[("host", "evil.example")], 403).await;
}

#[tokio::test]
async fn no_page_of_another_site_may_ask() {
    let api = Api::new();
    let host = ("host", "localhost:9901");
    for field in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:9902"),
        ("origin", "null"),
        ("origin", "localhost:9901"),
    ] {
        check(&api, &[host, field], 403).await;
    }
    // Both foreign, and alike: the page was told a name of its own for our address.
    check(&api, &[("host", "evil.example"), ("origin", "http://evil.example")], 403).await;
    for fields in [
        &[host, ("sec-fetch-site", "same-origin"), ("origin", "http://localhost:9901")][..],
        &[host, ("sec-fetch-site", "none")],
        // A program that isn't a browser: the runtime adds the field by itself.
        &[host, ("sec-fetch-mode", "cors")],
    ] {
        check(&api, fields, 200).await;
    }
    let preflight = [host, ("access-control-request-method", "PATCH")];
    assert_eq!(
        api.ask_with(Method::OPTIONS, OVERVIEW, &preflight).await.problem(),
        (403, "preflight".into())
    );
}

#[tokio::test]
async fn the_api_needs_the_token_and_the_probes_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let api = Api::guarded(&AdminConfig {
        token_file: Some(NamedFile { path: file, line: 1 }),
        ..at("192.0.2.7:9901")
    });
    let with = |given: &'static str| [("host", "localhost"), ("authorization", given)];
    for good in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef"] {
        check(&api, &with(good), 200).await;
    }
    for bad in ["", "Bearer", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"] {
        let answer = api.ask_with(Method::GET, OVERVIEW, &with(bad)).await;
        assert_eq!(answer.problem(), (401, "token".into()), "{bad}");
        assert_eq!(api.ask_with(Method::GET, "/ready", &with(bad)).await.status, 200);
    }
    assert_eq!(api.get(OVERVIEW).await.problem(), (401, "token".into()));
    let in_url = format!("{OVERVIEW}?token=0123456789abcdef");
    assert_eq!(api.get(&in_url).await.problem(), (401, "token".into()));
}
