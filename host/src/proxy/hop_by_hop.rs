//! Header fields that concern one connection only (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that `Connection` may not name away: a client could else strip what others rely on.
const PROTECTED: [&str; 13] = [
    "host",
    "content-length",
    "content-type",
    "authorization",
    "cookie",
    "set-cookie",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "trailer",
];

/// What one look at the names of a message's fields has found. An ordinary message has none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Fields that end here.
    pub(super) hop_by_hop: bool,
    /// `Upgrade`.
    pub(super) upgrade: bool,
    /// `Expect`.
    pub(super) expect: bool,
    /// `Forwarded` or `X-Real-IP`.
    pub(super) forwarding: bool,
}

impl Found {
    /// Looks at all names, once.
    pub(super) fn among(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection"
                | "transfer-encoding"
                | "te"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "keep-alive"
                | "proxy-connection" => found.hop_by_hop = true,
                "upgrade" => (found.hop_by_hop, found.upgrade) = (true, true),
                "expect" => found.expect = true,
                "forwarded" | "x-real-ip" => found.forwarding = true,
                _ => {}
            }
        }
        found
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
    ] {
        headers.remove(name);
    }
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
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
}
