//! Which protocol a connection speaks.

use harness::Backend;

use super::{in_clear, over_tls};

/// What is chosen of these; an error if the proxy turns the client down.
fn chosen(keys: &str, offered: &[&str]) -> std::io::Result<Option<String>> {
    let backend = Backend::named("b");
    let (proxy, tls) = over_tls(&backend, keys);
    let client = tls.offering(offered).try_connect(proxy.address(), "test")?;
    let chosen = client.session().alpn_protocol();
    Ok(chosen.map(|protocol| String::from_utf8_lossy(protocol).into_owned()))
}

#[test]
fn the_listener_says_what_clients_may_choose() {
    const BOTH: &[&str] = &["http/1.1", "h2"];
    for (keys, offered, expected) in [
        // By the listener's order, not the client's.
        ("", BOTH, Some("h2")),
        ("", &["http/1.1"], Some("http/1.1")),
        ("", &[], None),
        ("http2 = 'off'", BOTH, Some("http/1.1")),
        ("http2 = 'off'", &[], None),
        ("http2 = 'only'", BOTH, Some("h2")),
    ] {
        let chosen = chosen(keys, offered).expect("a connection");
        assert_eq!(chosen.as_deref(), expected, "{keys} {offered:?}");
    }
    for (keys, offered) in [("http2 = 'off'", "h2"), ("http2 = 'only'", "http/1.1"), ("", "h3")] {
        let error = chosen(keys, &[offered]).expect_err("nothing in common");
        assert!(error.to_string().contains("NoApplicationProtocol"), "{keys} {offered}: {error}");
    }
}

#[test]
fn without_a_choice_it_is_http1() {
    let backend = Backend::named("b");
    let (proxy, tls) = over_tls(&backend, "");
    for offered in [&["http/1.1"][..], &[]] {
        let mut client = tls.clone().offering(offered).connect(proxy.address(), "test");
        assert_eq!(client.get("/").text(), "b");
        // Over TLS nothing but ALPN changes that.
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(client.response("GET").status(), 505);
    }
}

#[test]
fn in_clear_a_preface_says_that_it_is_http2() {
    let backend = Backend::named("b");
    for (keys, in_pieces) in [("", false), ("", true), ("http2 = 'only'", false)] {
        let proxy = in_clear(&backend, keys);
        let mut client = proxy.client();
        let preface = harness::frames::PREFACE;
        if in_pieces {
            for byte in preface {
                client.send([*byte]);
            }
        } else {
            client.send(preface);
        }
        let settings = harness::frames::next(client.reader()).expect("bytes").expect("a frame");
        assert_eq!((settings.kind, settings.stream), (harness::frames::SETTINGS, 0), "{keys}");
    }
    let proxy = in_clear(&backend, "http2 = 'off'");
    let mut client = proxy.client();
    assert_eq!(client.send(harness::frames::PREFACE).response("GET").status(), 505);
    let proxy = in_clear(&backend, "http2 = 'only'");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(client.is_closed(), "no HTTP/1 there");
}
