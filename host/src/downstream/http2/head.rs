//! Strict reading of a request head that `h2` has decoded.
//!
//! Refuses what the [head of HTTP/1](crate::downstream::http1::head) refuses, with the same reasons, and brings the rest into the form
//! that everything behind it knows. `h2` itself has refused broken field names and values, pseudo-header fields out of place, a missing
//! method or scheme, and paths that [`http::Uri`] can't hold.

use bytes::{BufMut, BytesMut};
use h2::ext::Protocol;
use http::header::COOKIE;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};

use crate::config::DownstreamLimits;
use crate::downstream::{Refusal, target, validate};

/// What a field counts beside its name and value (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// What the four pseudo-header fields of a request count beside their values.
const PSEUDO_OVERHEAD: usize = 4 * FIELD_OVERHEAD + ":method:scheme:authority:path".len();

/// What the protocol needs to know of a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadFacts {
    /// The method is idempotent (RFC 9110 section 9.2.2), so the request may be sent twice.
    pub idempotent: bool,
    /// The length of its body, if it says so.
    pub content_length: Option<u64>,
    /// It waits for the permission to send its body (RFC 9110 section 10.1.1).
    pub expects: bool,
    /// It is an extended CONNECT (RFC 8441) that asks for a WebSocket.
    pub websocket: bool,
}

/// Checks a head, and joins the pieces of its cookie. The authority stays in the URI, where it counts and `Host` doesn't; if there is
/// none, `Host` does.
///
/// # Errors
///
/// What is wrong with it.
pub fn admit(parts: &mut Parts, limits: &DownstreamLimits) -> Result<HeadFacts, Refusal> {
    if parts.headers.len() > limits.max_headers && fields(&parts.headers) > limits.max_headers {
        return Err(Refusal::TooManyHeaders);
    }
    let path = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    if path.len() > limits.max_uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    let method = parts.method.as_str();
    let websocket = asks_websocket(parts)?;
    check_target(path, method)?;
    let fields = Fields::read(&parts.headers)?;
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    check_host(authority, fields.host)?;
    if websocket && fields.content_length.is_some() {
        // What follows is no content, so it has no length (RFC 9110 section 9.3.6).
        return Err(Refusal::ContentLength);
    }
    let size = fields.size + PSEUDO_OVERHEAD + method.len() + path.len() + authority.map_or(0, <[u8]>::len);
    if size > limits.max_header_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    let facts = HeadFacts {
        idempotent: validate::is_idempotent(method),
        content_length: fields.content_length,
        expects: fields.expects,
        websocket,
    };
    if fields.crumbs > 1 {
        join_cookie(&mut parts.headers);
    }
    Ok(facts)
}

/// Whether trailers are within the limits of a head.
///
/// # Errors
///
/// The limit that they are over.
pub fn trailers_fit(trailers: &HeaderMap, limits: &DownstreamLimits) -> Result<(), Refusal> {
    if trailers.len() > limits.max_headers {
        return Err(Refusal::TooManyHeaders);
    }
    let size: usize = trailers.iter().map(|(name, value)| field_size(name.as_str(), value)).sum();
    if size > limits.max_header_bytes { Err(Refusal::HeadTooLarge) } else { Ok(()) }
}

/// How many fields a head has. A cookie in pieces is one of them.
fn fields(headers: &HeaderMap) -> usize {
    headers.len() - headers.get_all(COOKIE).iter().count().saturating_sub(1)
}

fn field_size(name: &str, value: &HeaderValue) -> usize {
    name.len() + value.len() + FIELD_OVERHEAD
}

/// Whether a request asks for a WebSocket. It is the only reason for a CONNECT.
fn asks_websocket(parts: &Parts) -> Result<bool, Refusal> {
    if parts.method != Method::CONNECT {
        return Ok(false);
    }
    match parts.extensions.get::<Protocol>() {
        Some(protocol) if protocol.as_str() == "websocket" => Ok(true),
        _ => Err(Refusal::Method),
    }
}

/// A path, or the asterisk of OPTIONS: `:path` is never an absolute form (RFC 9113 section 8.3.1). What [`http::Uri`] holds of it is all
/// of it, so nothing has to be kept beside that.
fn check_target(path: &str, method: &str) -> Result<(), Refusal> {
    if !path.starts_with('/') && path != "*" {
        return Err(Refusal::MalformedTarget);
    }
    target::check(path, method).map(|_| ())
}

/// One host, in whichever of the two places: different ones would let each reader choose (RFC 9113 section 8.3.1).
fn check_host(authority: Option<&[u8]>, host: Option<&[u8]>) -> Result<(), Refusal> {
    let is_plain = match (authority, host) {
        (Some(authority), Some(host)) => {
            validate::is_authority(authority) && authority.eq_ignore_ascii_case(host)
        }
        (Some(authority), None) => validate::is_authority(authority),
        // Looked at with the other fields.
        (None, Some(_)) => true,
        (None, None) => false,
    };
    if is_plain { Ok(()) } else { Err(Refusal::Host) }
}

/// What the fields say, after one look at all of them.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<u64>,
    expects: bool,
    /// Pieces of the cookie.
    crumbs: usize,
    /// What they count together.
    size: usize,
}

impl<'a> Fields<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            read.size += field_size(name, value);
            let value = value.as_bytes();
            if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value {
                // RFC 9113 section 8.2.1. HTTP/1 doesn't count it to the value.
                return Err(Refusal::MalformedHead);
            }
            // Lengths first: almost every field is told apart by that alone.
            match name.len() {
                4 if name == "host" => {
                    if read.host.is_some() || !validate::is_authority(value) {
                        return Err(Refusal::Host);
                    }
                    read.host = Some(value);
                }
                6 if name == "cookie" => read.crumbs += 1,
                6 if name == "expect" => {
                    validate::expectation(value)?;
                    read.expects = true;
                }
                14 if name == "content-length" => {
                    if read.content_length.is_some() {
                        return Err(Refusal::ContentLength);
                    }
                    read.content_length = Some(validate::content_length(value)?);
                }
                2 | 7 | 10 | 14 | 16 | 17 if is_of_connection(name, value) => {
                    return Err(Refusal::MalformedHead);
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// Whether a field concerns one connection only, of which there are none here (RFC 9113 section 8.2.2). `h2` refuses all but
/// `HTTP2-Settings`, and it must stay so whatever `h2` does.
fn is_of_connection(name: &str, value: &[u8]) -> bool {
    match name {
        "te" => value != b"trailers",
        "connection" | "http2-settings" | "keep-alive" | "proxy-connection" | "transfer-encoding"
        | "upgrade" => true,
        _ => false,
    }
}

/// Makes one field of a cookie in pieces (RFC 9113 section 8.2.3).
fn join_cookie(headers: &mut HeaderMap) {
    let crumbs = headers.get_all(COOKIE);
    let length = crumbs.iter().map(|crumb| crumb.len() + 2).sum();
    let (mut joined, mut is_sensitive) = (BytesMut::with_capacity(length), false);
    for crumb in crumbs {
        if !joined.is_empty() {
            joined.put_slice(b"; ");
        }
        joined.put_slice(crumb.as_bytes());
        is_sensitive |= crumb.is_sensitive();
    }
    // Made of values, so it is one.
    if let Ok(mut cookie) = HeaderValue::from_maybe_shared(joined.freeze()) {
        cookie.set_sensitive(is_sensitive);
        headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests;
