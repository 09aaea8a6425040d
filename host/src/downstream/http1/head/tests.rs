use super::*;

fn limits() -> DownstreamLimits {
    DownstreamLimits::default()
}

fn check(head: &str, expect: Result<Option<BodyFraming>, Refusal>) {
    let got = read(head.as_bytes(), &limits()).map(|facts| facts.map(|facts| facts.body));
    assert_eq!(got, expect, "{head:?}");
}

#[test]
fn plain_heads_pass() {
    for (head, body) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::None),
        ("GET /a?b=%20{x}|y HTTP/1.1\r\nhost: a.example:8080\r\n\r\n", BodyFraming::None),
        ("GET http://a.example/x HTTP/1.1\r\nHost: b\r\n\r\n", BodyFraming::None),
        ("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", BodyFraming::None),
        ("GET / HTTP/1.0\r\n\r\n", BodyFraming::None),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", BodyFraming::Length(5)),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", BodyFraming::None),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", BodyFraming::Chunked),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
            BodyFraming::Length(1),
        ),
    ] {
        check(head, Ok(Some(body)));
    }
}

#[test]
fn incomplete_heads_wait() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    for end in 0..head.len() {
        check(&head[..end], Ok(None));
    }
    check(head, Ok(Some(BodyFraming::None)));
}

#[test]
fn odd_heads_are_refused() {
    use Refusal::*;
    for (head, refusal) in [
        ("GET  / HTTP/1.1\r\n\r\n", MalformedHead),
        ("GET /\r\nHost: a\r\n\r\n", MalformedHead),
        ("G@T / HTTP/1.1\r\n\r\n", MalformedHead),
        ("GET / a HTTP/1.1\r\n\r\n", MalformedHead),
        ("\u{16}\u{3}\u{1}", MalformedHead),
        ("GET / HTTP/2.0\r\n\r\n", Version),
        ("GET / HTTP/1.2\r\n\r\n", Version),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Version),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Method),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET http://a%20b/ HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", MalformedTarget),
        ("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", BareLineFeed),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", MalformedHead),
        ("GET / HTTP/1.1\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a%62c\r\n\r\n", Host),
        ("GET / HTTP/1.0\r\nHost: %\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n", Host),
        ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", Host),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Host),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", ContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", ContentLength),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            ConflictingLength,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            ConflictingLength,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", TransferEncoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", TransferEncoding),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            TransferEncoding,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", TransferEncoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", TransferEncoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", TransferEncoding),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", TransferEncoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n", Expectation),
    ] {
        check(head, Err(refusal));
    }
}

#[test]
fn limits_hold() {
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(16 * 1024));
    check(&long_target, Err(Refusal::UriTooLong));
    check(&long_target[..16 * 1024], Ok(None));
    check(&format!("GET /{}", "a".repeat(64 * 1024)), Err(Refusal::UriTooLong));
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(64 * 1024));
    check(&large, Err(Refusal::HeadTooLarge));
    check(&large[..64 * 1024], Err(Refusal::HeadTooLarge));
    let many = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    check(&many(100), Ok(Some(BodyFraming::None)));
    check(&many(101), Err(Refusal::TooManyHeaders));
}

#[test]
fn targets_of_any_bytes_but_controls_pass() {
    for byte in 0..=255u8 {
        let [path, query, absolute, host] = ["/aXb", "/?aXb", "http://a/X", "http://aXb/"].map(|target| {
            let target = target.bytes().map(|letter| if letter == b'X' { byte } else { letter });
            let head = [b"GET ", &target.collect::<Vec<u8>>()[..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            read(&head, &limits()).map(|facts| facts.map(|facts| facts.exact_target))
        });
        let exact = match byte {
            0..=b' ' | 0x7f | b'#' => None,
            b'"' | b'<' | b'>' | b'`' | 0x80.. => Some(true),
            _ => Some(false),
        };
        for got in [path, query, absolute] {
            assert_eq!(got.ok().flatten(), exact, "{byte:#x}");
        }
        assert!(host.is_err() || byte.is_ascii_graphic(), "{byte:#x}");
    }
}

#[test]
fn a_rebuilt_head_is_the_same_request() {
    let head = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n";
    let parts = rebuild(head).expect("a head");
    assert_eq!((parts.method, parts.uri.to_string().as_str()), (Method::GET, "/a?b"));
    assert_eq!(parts.version, Version::HTTP_11);
    assert_eq!(parts.headers.get_all("x").iter().collect::<Vec<_>>(), ["1", "2"]);
}
