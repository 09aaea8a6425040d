//! Heads, as HTTP/2 has them.

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version};
use pointsman_core::address::Address;
use pointsman_core::pool::UpstreamLimits;
use pointsman_core::printable::percent_encode;
use pointsman_core::request::ExactTarget;

use crate::upstream::Error;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What a field takes in HTTP/1 beside its name and value: limits mean the same in both versions.
const FIELD_ENDS: usize = 4;

/// How large the head of a response may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadRoom {
    bytes: usize,
    fields: usize,
}

impl HeadRoom {
    pub(super) fn new(limits: &UpstreamLimits) -> Self {
        Self { bytes: limits.max_response_header_bytes, fields: limits.max_response_headers }
    }

    /// Whether these fields fit.
    pub(super) fn check(self, headers: &HeaderMap) -> Result<(), Error> {
        if headers.len() > self.fields {
            return Err(Error::ManyFields);
        }
        let size =
            |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + FIELD_ENDS;
        let bytes: usize = headers.iter().map(size).sum();
        if bytes > self.bytes { Err(Error::LargeHead) } else { Ok(()) }
    }
}

/// The head of a request as it goes to the backend at this address: its target is whole, and what concerns one connection of HTTP/1 isn't in
/// it.
pub(super) fn request(mut head: Parts, scheme: &Scheme, address: &Address) -> Request<()> {
    let path = path(&head);
    let headers = &mut head.headers;
    for name in [&CONNECTION, &UPGRADE, &TRANSFER_ENCODING, &KEEP_ALIVE, &PROXY_CONNECTION] {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if host.is_some() {
        headers.remove(HOST);
    }
    // Without a host it is the backend's own: every host that passes the checks of requests can be an authority.
    let authority = host.or_else(|| Authority::try_from(address.authority()).ok());
    let mut uri = http::uri::Parts::default();
    (uri.scheme, uri.authority, uri.path_and_query) = (Some(scheme.clone()), authority, Some(path));
    head.uri = Uri::from_parts(uri).unwrap_or_default();
    head.version = Version::HTTP_2;
    Request::from_parts(head, ())
}

/// Path and query. Bytes that [`Uri`] can't hold, and HTTP/2 neither, are percent-encoded.
fn path(head: &Parts) -> PathAndQuery {
    let exact = head.extensions.get::<ExactTarget>().map(|target| encoded(target.bytes()));
    let exact = exact.and_then(|target| PathAndQuery::try_from(target).ok());
    exact.or_else(|| head.uri.path_and_query().cloned()).unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn encoded(target: &[u8]) -> String {
    let mut text = String::with_capacity(target.len() + 16);
    percent_encode(target, &mut text, |byte| !matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x7f));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(target: &str, exact: Option<&[u8]>, fields: &[(&str, &str)]) -> (String, Vec<String>) {
        let mut parts = Request::builder().uri(target).body(()).unwrap().into_parts().0;
        if let Some(exact) = exact {
            parts.extensions.insert(ExactTarget::new(exact));
        }
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            parts.headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let request = request(parts, &Scheme::HTTPS, &"127.0.0.1:9".parse().unwrap());
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut fields: Vec<_> = request.headers().iter().map(field).collect();
        fields.sort();
        (request.uri().to_string(), fields)
    }

    #[test]
    fn a_target_is_whole_and_its_host_is_named_once() {
        let (uri, fields) =
            sent("/a?b=%20", None, &[("host", "h.test:81"), ("x-a", "1"), ("content-length", "3")]);
        assert_eq!(uri, "https://h.test:81/a?b=%20");
        assert_eq!(fields, ["content-length: 3", "x-a: 1"]);
        assert_eq!(sent("/", None, &[]).0, "https://127.0.0.1:9/");
    }

    #[test]
    fn the_asterisk_stays() {
        let mut parts = Request::new(()).into_parts().0;
        parts.uri = Uri::from_static("*");
        let request = request(parts, &Scheme::HTTP, &"127.0.0.1:9".parse().unwrap());
        assert_eq!(request.uri().path_and_query().unwrap().as_str(), "*");
    }

    #[test]
    fn what_uri_cannot_hold_is_percent_encoded() {
        let (uri, _) = sent("/_a_?_", Some(b"/<a\xff?`%2f"), &[("host", "h")]);
        assert_eq!(uri, "https://h/%3Ca%FF?%60%2f");
    }

    #[test]
    fn what_concerns_one_connection_ends_here() {
        let fields = [
            ("host", "h"),
            ("connection", "te, upgrade"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("keep-alive", "1"),
            ("proxy-connection", "x"),
            ("transfer-encoding", "chunked"),
        ];
        assert_eq!(sent("/", None, &fields).1, ["te: trailers"]);
        assert!(sent("/", None, &[("host", "h"), ("te", "gzip")]).1.is_empty());
    }

    #[test]
    fn heads_have_the_limits_of_http1() {
        let room = HeadRoom { bytes: 20, fields: 2 };
        let headers = |fields: &[(&'static str, &'static str)]| {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect()
        };
        assert!(room.check(&headers(&[("a", "12345"), ("b", "12345")])).is_ok());
        assert!(matches!(room.check(&headers(&[("a", "123456"), ("b", "12345")])), Err(Error::LargeHead)));
        assert!(matches!(room.check(&headers(&[("a", ""), ("b", ""), ("c", "")])), Err(Error::ManyFields)));
    }
}
