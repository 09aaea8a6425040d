use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::downstream::http1;

fn limits() -> DownstreamLimits {
    DownstreamLimits::default()
}

/// A field's name and value.
type Field = (Vec<u8>, Vec<u8>);

fn field(name: &str, value: impl AsRef<[u8]>) -> Field {
    (name.into(), value.as_ref().to_vec())
}

/// A GET of `/` with what a client says beside that; the place of a pseudo-header field is taken by one that is said here.
fn head(extra: &[Field]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, value) in [(":method", "GET"), (":scheme", "https"), (":path", "/")] {
        if !extra.iter().any(|(other, _)| other == name.as_bytes()) {
            fields.push(field(name, value));
        }
    }
    // Pseudo-header fields come first.
    let (pseudo, plain): (Vec<Field>, Vec<Field>) =
        extra.iter().cloned().partition(|(name, _)| name.starts_with(b":"));
    [fields, pseudo, plain].concat()
}

/// Puts a string as HPACK has it (RFC 7541 section 5.2), not compressed.
fn put_text(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(length as u8 | 128);
            length >>= 7;
        }
        block.push(length as u8);
    }
    block.extend_from_slice(text);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A client's whole connection: one request without a body.
fn connection(fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        put_text(&mut block, name);
        put_text(&mut block, value);
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    let pieces: Vec<&[u8]> = block.chunks(16_384).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let end_headers = if index + 1 == pieces.len() { 4 } else { 0 };
        bytes.extend(match index {
            0 => frame(1, 1 | end_headers, 1, piece),
            _ => frame(9, end_headers, 1, piece),
        });
    }
    bytes
}

/// The output of a future that has nothing to wait for.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A request head as `h2` hands it out. `None` = it doesn't.
fn received(fields: &[Field]) -> Option<Parts> {
    let bytes = connection(fields);
    let (mut client, server) = tokio::io::duplex(bytes.len() + 65_536);
    now(client.write_all(&bytes)).expect("room for all").expect("a client");
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(2 * 64 * 1024).enable_connect_protocol();
    let handshake = builder.handshake::<_, bytes::Bytes>(server);
    let mut connection = now(handshake).expect("a whole preface").expect("HTTP/2");
    let (request, _) = now(connection.accept())??.ok()?;
    Some(request.into_parts().0)
}

/// What becomes of a head, `Ok(None)` if `h2` refuses it.
fn admitted(extra: &[Field]) -> Result<Option<(Parts, HeadFacts)>, Refusal> {
    let Some(mut parts) = received(&head(extra)) else { return Ok(None) };
    admit(&mut parts, &limits()).map(|facts| Some((parts, facts)))
}

#[test]
fn plain_heads_pass() {
    let plain = HeadFacts { idempotent: true, content_length: None, expects: false, websocket: false };
    for (fields, expected) in [
        (&[(":authority", "a.example:8080")][..], plain),
        (&[("host", "a")], plain),
        (&[(":authority", "A.example"), ("host", "a.Example")], plain),
        (&[(":authority", "[::1]:80")], plain),
        (&[(":authority", "a"), (":scheme", "coap")], plain),
        (&[(":authority", "a"), (":path", "/a?b=%20{x}|y")], plain),
        (&[(":authority", "a"), (":method", "OPTIONS"), (":path", "*")], plain),
        (&[(":authority", "a"), ("te", "trailers"), ("x_y", "z"), ("x", "")], plain),
        (&[(":authority", "a"), (":method", "POST")], HeadFacts { idempotent: false, ..plain }),
        (&[(":authority", "a"), ("expect", "100-Continue")], HeadFacts { expects: true, ..plain }),
        (
            &[(":authority", "a"), (":method", "CONNECT"), (":protocol", "websocket")],
            HeadFacts { idempotent: false, websocket: true, ..plain },
        ),
    ] {
        let fields: Vec<Field> = fields.iter().map(|(name, value)| field(name, value)).collect();
        let facts = admitted(&fields).map(|admitted| admitted.map(|(_, facts)| facts));
        assert_eq!(facts, Ok(Some(expected)), "{fields:?}");
    }
    let mut parts = parts("POST", "/", Some("a"), &[("content-length", "5")]);
    let facts = admit(&mut parts, &limits()).expect("a good head");
    assert_eq!(facts.content_length, Some(5));
}

/// Parts that `h2` hands out only with more around them.
fn parts(method: &str, path: &str, authority: Option<&str>, fields: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method);
    request = match authority {
        Some(authority) => request.uri(format!("http://{authority}{path}")),
        None => request.uri(path),
    };
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

#[test]
fn odd_heads_are_refused() {
    use Refusal::*;
    let a = (":authority", "a");
    for (fields, refusal) in [
        // Without a host, with two, with one that isn't plain.
        (&[][..], Host),
        (&[a, ("host", "b")], Host),
        (&[a, ("host", "a:80")], Host),
        (&[a, ("host", "a"), ("host", "a")], Host),
        (&[("host", "a"), ("host", "a")], Host),
        (&[("host", "u@a")], Host),
        (&[("host", "a,b")], Host),
        (&[("host", "a%zz")], Host),
        (&[("host", "a%62c")], Host),
        (&[("host", "")], Host),
        (&[(":authority", "u@a")], Host),
        (&[(":authority", "u:p@a"), ("host", "u:p@a")], Host),
        (&[(":authority", "a:65536")], Host),
        (&[(":authority", "a:b")], Host),
        // Targets.
        (&[a, (":path", "*")], MalformedTarget),
        (&[a, (":method", "OPTIONS"), (":path", "?x")], MalformedTarget),
        (&[a, (":path", "?a=http://b/")], MalformedTarget),
        // Methods.
        (&[a, (":method", "CONNECT"), (":protocol", "connect-udp")], Method),
        (&[a, (":method", "CONNECT"), (":protocol", "WebSocket")], Method),
        (&[a, (":method", "CONNECT"), (":protocol", "")], Method),
        // Lengths, expectations, values.
        (&[a, ("content-length", "0"), ("content-length", "0")], ContentLength),
        (&[a, ("content-length", "")], ContentLength),
        (&[a, (":method", "CONNECT"), (":protocol", "websocket"), ("content-length", "0")], ContentLength),
        (&[a, ("expect", "the-unexpected")], Expectation),
        (&[a, ("expect", "100-continue"), ("expect", "")], Expectation),
        (&[a, ("x", " y")], MalformedHead),
        (&[a, ("x", "y\t")], MalformedHead),
        (&[a, ("x", " ")], MalformedHead),
        (&[a, ("http2-settings", "AAMAAABkAAQAAP__")], MalformedHead),
    ] {
        let fields: Vec<Field> = fields.iter().map(|(name, value)| field(name, value)).collect();
        assert_eq!(admitted(&fields).map(|_| ()), Err(refusal), "{fields:?}");
    }
}

#[test]
fn what_the_library_refuses_is_refused_here_too() {
    let a = (":authority", "a");
    for (fields, refusal) in [
        (&[a, ("connection", "close")][..], Some(Refusal::MalformedHead)),
        (&[a, ("keep-alive", "1")], Some(Refusal::MalformedHead)),
        (&[a, ("proxy-connection", "close")], Some(Refusal::MalformedHead)),
        (&[a, ("transfer-encoding", "chunked")], Some(Refusal::MalformedHead)),
        (&[a, ("upgrade", "h2c")], Some(Refusal::MalformedHead)),
        (&[a, ("te", "gzip")], Some(Refusal::MalformedHead)),
        (&[a, ("content-length", "5"), ("content-length", "6")], Some(Refusal::ContentLength)),
        (&[a, ("content-length", "5, 5")], Some(Refusal::ContentLength)),
        (&[a, ("content-length", "+5")], Some(Refusal::ContentLength)),
        (&[a, ("content-length", "18446744073709551616")], Some(Refusal::ContentLength)),
        // There are no such parts.
        (&[a, ("X", "y")], None),
        (&[a, ("", "y")], None),
        (&[a, ("x y", "z")], None),
        (&[a, ("x", "y\0")], None),
        (&[a, ("x", "y\r\nz: 1")], None),
        (&[a, (":path", "a")], None),
        (&[a, (":path", "")], None),
        (&[a, (":path", "http://a/")], None),
        (&[a, (":path", "/ a")], None),
        (&[a, (":path", "/\x7f")], None),
        (&[a, (":method", "G T")], None),
        (&[a, (":method", "CONNECT")], None),
        (&[(":authority", "")], None),
        (&[(":authority", "a/b")], None),
        (&[(":authority", "a b")], None),
        (&[(":authority", "a%zz")], None),
        (&[(":authority", "[::1")], None),
    ] {
        let raw: Vec<Field> = fields.iter().map(|(name, value)| field(name, value)).collect();
        assert!(matches!(admitted(&raw), Ok(None)), "{fields:?}");
        if let Some(refusal) = refusal {
            let mut parts = parts("GET", "/", Some("a"), &fields[1..]);
            assert_eq!(admit(&mut parts, &limits()), Err(refusal), "{fields:?}");
        }
    }
}

#[test]
fn limits_hold() {
    let check = |extra: &[Field], expected: Result<(), Refusal>| {
        let extra = [vec![field(":authority", "a")], extra.to_vec()].concat();
        assert_eq!(admitted(&extra).map(|admitted| assert!(admitted.is_some())), expected);
    };
    let many = |count| vec![field("x", "y"); count];
    check(&many(100), Ok(()));
    check(&many(101), Err(Refusal::TooManyHeaders));
    check(&vec![field("x", ""); 3_900], Err(Refusal::TooManyHeaders));
    let target = |length: usize| [field(":path", format!("/{}", "a".repeat(length - 1)))];
    check(&target(16 << 10), Ok(()));
    check(&target((16 << 10) + 1), Err(Refusal::UriTooLong));
    // Method, scheme, path, authority: GET, https, /, a.
    let others = PSEUDO_OVERHEAD + "GET/a".len() + "x".len() + FIELD_OVERHEAD;
    let large = |size: usize| [field("x", "y".repeat(size - others))];
    check(&large(64 << 10), Ok(()));
    check(&large((64 << 10) + 1), Err(Refusal::HeadTooLarge));
    // Each piece of a cookie takes memory.
    check(&vec![field("cookie", "a"); 1_600], Ok(()));
    check(&vec![field("cookie", "a"); 1_700], Err(Refusal::HeadTooLarge));
    // Nothing is left of what is over twice the limit: `h2` answers with 431.
    let bomb = [vec![field(":authority", "a")], vec![field("x", ""); 4_000]].concat();
    assert!(matches!(admitted(&bomb), Ok(None)));
}

#[test]
fn trailers_have_the_same_limits() {
    let trailers = |count: usize, size: usize| {
        let mut trailers = HeaderMap::new();
        for _ in 0..count {
            let value = HeaderValue::from_str(&"y".repeat(size)).expect("a value");
            trailers.append("x", value);
        }
        trailers_fit(&trailers, &limits())
    };
    assert_eq!(trailers(0, 0), Ok(()));
    assert_eq!(trailers(100, 600), Ok(()));
    assert_eq!(trailers(101, 1), Err(Refusal::TooManyHeaders));
    assert_eq!(trailers(1, (64 << 10) - 33), Ok(()));
    assert_eq!(trailers(1, (64 << 10) - 32), Err(Refusal::HeadTooLarge));
}

#[test]
fn a_cookie_in_pieces_is_one_field() {
    let crumbs: Vec<String> = (0..80).map(|index| format!("c{index}=\u{e4}")).collect();
    let mut fields = vec![field(":authority", "a"), field("x", "1")];
    fields.extend(crumbs.iter().map(|crumb| field("cookie", crumb)));
    fields.extend(vec![field("x", "2"); 98]);
    let (parts, _) = admitted(&fields).expect("100 fields").expect("a head");
    let cookies: Vec<_> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(cookies, [crumbs.join("; ").as_bytes()]);
    assert_eq!(parts.headers.len(), 100);

    let mut sensitive = HeaderValue::from_static("b=2");
    sensitive.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::from_static("a=1"));
    headers.append(COOKIE, sensitive);
    join_cookie(&mut headers);
    assert!(headers[COOKIE].is_sensitive() && headers[COOKIE] == "a=1; b=2");
}

/// What of a head both versions can say.
fn in_both() -> impl Strategy<Value = (&'static str, &'static str, Option<&'static str>, Vec<Field>)> {
    let method = prop::sample::select(vec!["GET", "OPTIONS", "POST", "X"]);
    let path = prop::sample::select(vec!["/", "/a?b", "//", "/a?", "/\u{e4}?\u{e4}", "/{}|^\\[]", "*"]);
    let host = prop::sample::select(vec![
        "a", "a:80", "A.b:", "u@a", "a,b", "", "a:b", "[::1]:1", "[::1", "*", "a%62",
    ]);
    let value = prop::collection::vec(any::<u8>(), 0..4).prop_map(|value| value.trim_ascii().to_vec());
    let name = prop::sample::select(vec!["x", "x_y", "expect", "content-length", "host", "cookie"]);
    let length = prop::sample::select(vec!["0", "7", "007", "-1", "1 1", "100-continue"]);
    let other = prop_oneof![value, length.prop_map(|value| value.as_bytes().to_vec())];
    let fields = prop::collection::vec((name.prop_map(|name| name.as_bytes().to_vec()), other), 0..4);
    (method, path, prop::option::weighted(0.9, host), fields)
}

proptest! {
    #[test]
    fn both_versions_refuse_the_same((method, path, host, fields) in in_both()) {
        let mut http1 = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        let mut http2 = vec![field(":method", method), field(":path", path)];
        if let Some(host) = host {
            http1.extend(format!("Host: {host}\r\n").as_bytes());
            http2.push(field("host", host));
        }
        for (name, value) in &fields {
            http1.extend([&name[..], b": ", value, b"\r\n"].concat());
            http2.push((name.clone(), value.clone()));
        }
        http1.extend(b"\r\n");
        let http1 = http1::head::read(&http1, &limits()).map(|facts| facts.expect("a whole head"));
        match (http1, admitted(&http2)) {
            (Ok(facts), Ok(Some((_, seen)))) => {
                prop_assert_eq!(facts.idempotent, seen.idempotent);
                let length = match facts.body {
                    http1::head::BodyFraming::Length(length) => Some(length),
                    _ => None,
                };
                prop_assert_eq!(length, seen.content_length.filter(|&length| length > 0));
            }
            // Of several faults each finds another one first.
            (Err(refusal), Err(same)) => prop_assert!(refusal == same || fields.len() > 1, "{refusal:?}, {same:?}"),
            // With END_STREAM there is no body of another length.
            (Ok(facts), Ok(None)) => prop_assert!(matches!(facts.body, http1::head::BodyFraming::Length(_))),
            (Err(_), Ok(None)) => {}
            (http1, http2) => prop_assert!(false, "{http1:?} and {http2:?}"),
        }
    }
}
