//! Header fields that concern one connection only (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::forwarding::{self, Spelling};
use super::label::{ERROR_HEADER, EXPLAIN_HEADER};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Fields that `Connection` may not name away, beside the forwarding fields: a client could else strip what others rely on.
const PROTECTED: [&str; 8] =
    ["host", "content-length", "content-type", "authorization", "cookie", "set-cookie", "via", "trailer"];

/// Fields that count before the content only: a recipient that merges trailers into the head would act on them too late, or twice. Framing
/// and connection; routing and conditions; authentication and cookies; how the content is to be read; how the response is to be kept;
/// and what is between a client and this proxy.
const FORBIDDEN_TRAILERS: [&str; 38] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "range",
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
    "content-encoding",
    "content-range",
    "content-type",
    "age",
    "cache-control",
    "date",
    "expires",
    "location",
    "pragma",
    "retry-after",
    "strict-transport-security",
    "vary",
    "via",
    "x-pointsman-explain",
];

/// What one look at the names of a message's fields has scan. An ordinary message has none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct HeaderScan {
    /// Fields that end here.
    pub(super) hop_by_hop: bool,
    /// `TE`, one of them, without which there is no call of gRPC.
    pub(super) te: bool,
    /// `Upgrade`.
    pub(super) upgrade: bool,
    /// `Expect`.
    pub(super) expect: bool,
    /// `Authorization`.
    pub(super) authorization: bool,
    /// `Via`.
    pub(super) via: bool,
    /// Forwarding fields, and whether one of them is in disguise.
    pub(super) forwarding: Option<Spelling>,
    /// What only this proxy may say to a client.
    pub(super) label: bool,
    /// The wish for an explanation, or one.
    pub(super) explain: bool,
}

impl HeaderScan {
    /// Looks at all names of a request, once.
    pub(super) fn of_request(headers: &HeaderMap) -> Self {
        let mut scan = Self::default();
        for name in headers.keys().map(HeaderName::as_str) {
            // First letter and length settle nearly every name: this is done for each field of each message.
            match (name.as_bytes().first().copied().unwrap_or_default(), name.len()) {
                (b'v', 3) => scan.via |= name == "via",
                (b'e', 6) => scan.expect |= name == "expect",
                (b'a', 13) => scan.authorization |= name == "authorization",
                (b'c', 10) | (b'h', 14) | (b'k', 10) | (b'p', 16..) | (b't', 2 | 17) | (b'u', 7) => {
                    scan.add_hop_by_hop(name)
                }
                (b'x', 19) if EXPLAIN_HEADER == *name => scan.explain = true,
                (b'x', 8..) | (b'c', 9 | 11 | 16..=18) | (b'f', 9 | 15 | 16) | (b't', 14) => {
                    scan.forwarding = scan.forwarding.max(forwarding::spelling(name));
                }
                _ => {}
            }
        }
        scan
    }

    /// Looks at all names of a response, once.
    pub(super) fn of_response(headers: &HeaderMap) -> Self {
        let mut scan = Self::default();
        for name in headers.keys().map(HeaderName::as_str) {
            match (name.as_bytes().first().copied().unwrap_or_default(), name.len()) {
                (b'c', 10) | (b'h', 14) | (b'k', 10) | (b'p', 16..) | (b't', 2 | 17) | (b'u', 7) => {
                    scan.add_hop_by_hop(name)
                }
                (b'x', 17) => scan.label |= ERROR_HEADER == *name,
                (b'x', 19) => scan.explain |= EXPLAIN_HEADER == *name,
                _ => {}
            }
        }
        scan
    }

    /// Looks at a name that may be that of a field that ends here.
    fn add_hop_by_hop(&mut self, name: &str) {
        match name {
            "upgrade" => (self.hop_by_hop, self.upgrade) = (true, true),
            "te" => (self.hop_by_hop, self.te) = (true, true),
            "connection"
            | "http2-settings"
            | "keep-alive"
            | "transfer-encoding"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection" => self.hop_by_hop = true,
            _ => {}
        }
    }
}

/// Removes the fields that end here. `TE: trailers` stays, as this proxy passes trailers on.
pub(super) fn strip(headers: &mut HeaderMap) {
    strip_named(headers);
    let takes_trailers = headers.get_all(TE).iter().any(lists_trailers);
    // The framing is written anew; a length beside a transfer coding doesn't count (RFC 9112 section 6.3).
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    for name in [
        &CONNECTION,
        &UPGRADE,
        &TE,
        &PROXY_AUTHENTICATE,
        &PROXY_AUTHORIZATION,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes what may not stand in trailers, announced or not (RFC 9110 section 6.5.1): see [`FORBIDDEN_TRAILERS`]. The same in requests and
/// responses, whatever version they come and go in.
pub(super) fn strip_trailers(trailers: &mut HeaderMap) {
    // Nearly never any.
    let forbidden: Vec<HeaderName> =
        trailers.keys().filter(|name| FORBIDDEN_TRAILERS.contains(&name.as_str())).cloned().collect();
    for name in forbidden {
        trailers.remove(name);
    }
}

/// Removes the fields that `Connection` names.
fn strip_named(headers: &mut HeaderMap) {
    let Some(first) = headers.get(CONNECTION) else { return };
    // Nearly always one of two words that name no field.
    if headers.get_all(CONNECTION).iter().nth(1).is_none()
        && [&b"close"[..], b"keep-alive"].contains(&first.as_bytes())
    {
        return;
    }
    let named: Vec<HeaderName> = tokens(headers, CONNECTION)
        .filter(|token| !PROTECTED.iter().any(|name| token.eq_ignore_ascii_case(name)))
        .filter(|token| forwarding::spelling(&token.to_ascii_lowercase()).is_none())
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| *name != HOST && *name != TE && *name != TRANSFER_ENCODING)
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// The comma-separated words of all fields of this name.
pub(super) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn lists_trailers(value: &HeaderValue) -> bool {
    value
        .to_str()
        .is_ok_and(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("trailers")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides are header blocks, one `name: value` a line.
    fn check(before: &str, after: &str) {
        let parse = |text: &str| -> HeaderMap {
            text.lines()
                .map(|line| {
                    let (name, value) = line.split_once(": ").expect("name: value");
                    (
                        name.parse::<HeaderName>().expect("a name"),
                        value.parse::<HeaderValue>().expect("a value"),
                    )
                })
                .collect()
        };
        let mut headers = parse(before);
        strip(&mut headers);
        assert_eq!(headers, parse(after), "{before}");
    }

    #[test]
    fn ordinary_fields_stay() {
        check("host: a\naccept: */*\ncontent-length: 3", "host: a\naccept: */*\ncontent-length: 3");
    }

    #[test]
    fn connection_fields_go_with_all_that_they_name() {
        check("host: a\nconnection: close", "host: a");
        check("connection: X-Priv, keep-alive\nx-priv: 1\nkeep-alive: 5\nx: y", "x: y");
        check("connection: close\nconnection: x-a\nx-a: 1\nx-b: 2", "x-b: 2");
        check("proxy-connection: keep-alive\nproxy-authorization: x\nproxy-authenticate: y", "");
        check("connection: upgrade\nupgrade: websocket", "");
        check("connection: \"bad name\", x-a\nx-a: 1", "");
        check("connection: upgrade, http2-settings\nupgrade: h2c\nhttp2-settings: AAMAAABk", "");
        check("connection: upgrade\nupgrade: h2c\nhttp2-settings: AAMAAABk", "");
        check("http2-settings: AAMAAABk\nhost: a", "host: a");
    }

    #[test]
    fn what_others_rely_on_cannot_be_named_away() {
        let kept = "host: a\ncontent-length: 3\nx-forwarded-for: 1.1.1.1\ncookie: c\nauthorization: z";
        check(
            &format!("connection: Host, Content-Length, X-Forwarded-For, Cookie, Authorization\n{kept}"),
            kept,
        );
    }

    #[test]
    fn framing_is_written_anew() {
        check("transfer-encoding: chunked\ncontent-length: 3\ntrailer: x-sum", "trailer: x-sum");
        check("transfer-encoding: gzip, chunked", "");
    }

    #[test]
    fn te_keeps_trailers_alone() {
        check("te: trailers, deflate;q=0.5\nconnection: te", "te: trailers");
        check("te: gzip", "");
    }

    #[test]
    fn trailers_keep_what_may_follow_the_content() {
        let field = |name: &str| (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static("x"));
        let kept = [
            "grpc-status",
            "grpc-message",
            "grpc-status-details-bin",
            "x-sum",
            "digest",
            "etag",
            "server-timing",
        ];
        let mut trailers: HeaderMap = kept.into_iter().chain(FORBIDDEN_TRAILERS).map(field).collect();
        trailers.append("set-cookie", HeaderValue::from_static("y"));
        strip_trailers(&mut trailers);
        assert_eq!(trailers, kept.into_iter().map(field).collect());
    }

    #[test]
    fn one_look_finds_all_that_needs_work() {
        let found = |name: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static("x"));
            HeaderScan::of_request(&headers)
        };
        let hop_by_hop = HeaderScan { hop_by_hop: true, ..HeaderScan::default() };
        for name in [
            "connection",
            "http2-settings",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "transfer-encoding",
        ] {
            assert_eq!(found(name), hop_by_hop, "{name}");
        }
        assert_eq!(found("te"), HeaderScan { te: true, ..hop_by_hop });
        assert_eq!(found("upgrade"), HeaderScan { upgrade: true, ..hop_by_hop });
        assert_eq!(found("expect"), HeaderScan { expect: true, ..HeaderScan::default() });
        assert_eq!(found("via"), HeaderScan { via: true, ..HeaderScan::default() });
        // Every name that the one who decides knows must come to it.
        for name in
            (0..40).flat_map(forwarding::others).copied().chain(["x-forwarded-for", "x-forwarded-port"])
        {
            assert_eq!(found(name).forwarding, Some(Spelling::Plain), "{name}");
            if name.contains('-') {
                let name = name.replace('-', "_");
                assert_eq!(found(&name).forwarding, Some(Spelling::Disguised), "{name}");
            }
        }
        for name in [
            "cookie",
            "content-length",
            "trailer",
            "te2",
            "from",
            "upgrade-insecure-requests",
            "x-a",
            "c",
            "x",
        ] {
            assert_eq!(found(name), HeaderScan::default(), "{name}");
        }
    }

    #[test]
    fn a_response_is_looked_at_for_what_responses_have() {
        let found = |name: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static("x"));
            HeaderScan::of_response(&headers)
        };
        for name in
            ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "transfer-encoding"]
        {
            assert_eq!(found(name), HeaderScan { hop_by_hop: true, ..HeaderScan::default() }, "{name}");
        }
        assert_eq!(found("upgrade"), HeaderScan { hop_by_hop: true, upgrade: true, ..HeaderScan::default() });
        assert_eq!(found("x-pointsman-error"), HeaderScan { label: true, ..HeaderScan::default() });
        for name in ["x-pointsman-errors", "x-pointsman-label", "content-length", "via", "x-forwarded-for"] {
            assert_eq!(found(name), HeaderScan::default(), "{name}");
        }
    }
}
