//! Strict reading of a request head.

use std::mem::MaybeUninit;
use std::net::Ipv6Addr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use super::{Refusal, target};
use crate::config::DownstreamLimits;

/// Most header fields that can be allowed; hyper takes no more without allocating.
pub const MAX_HEADERS: usize = 100;

/// How the body after a head is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// No body, or an empty one.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunked.
    Chunked,
}

/// What the framing needs to know of a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadFacts {
    /// Bytes of the head, with the empty line.
    pub length: usize,
    /// How its body is framed.
    pub body: BodyFraming,
    /// The client wants to speak another protocol afterwards: what follows may not be HTTP.
    pub upgrade: bool,
    /// The method is idempotent (RFC 9110 section 9.2.2), so the request may be sent twice.
    pub idempotent: bool,
    /// hyper can't hold the exact bytes of its target.
    pub exact_target: bool,
}

/// Reads the head at the start of `input`; `None` if it isn't complete yet.
///
/// # Errors
///
/// What is wrong with it, as soon as that can be told.
pub fn read(input: &[u8], limits: &DownstreamLimits) -> Result<Option<HeadFacts>, Refusal> {
    let read = read_utf8(input, limits);
    if read == Err(Refusal::MalformedHead)
        && let Some(masked) = target::masked(input)
    {
        let facts = read_utf8(&masked, limits)?;
        return Ok(facts.map(|facts| HeadFacts { exact_target: true, ..facts }));
    }
    read
}

/// The same for a head whose target is UTF-8, as httparse demands.
fn read_utf8(input: &[u8], limits: &DownstreamLimits) -> Result<Option<HeadFacts>, Refusal> {
    let mut space = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let space = &mut space[..limits.max_headers.min(MAX_HEADERS)];
    let status = request.parse_with_uninit_headers(input, space).map_err(|error| malformed(error, input))?;
    // The target is checked before the head is complete: a long one is refused for what it is.
    if let Some(target) = request.path
        && target.len() > limits.max_uri_bytes
    {
        return Err(Refusal::UriTooLong);
    }
    let length = match status {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if input.len() >= limits.max_header_bytes => {
            return Err(too_large(input, limits));
        }
        httparse::Status::Partial => return Ok(None),
    };
    if length > limits.max_header_bytes {
        return Err(too_large(input, limits));
    }
    if has_bare_line_feed(&input[..length]) {
        return Err(Refusal::BareLineFeed);
    }
    let method = request.method.unwrap_or_default();
    if method == "CONNECT" {
        return Err(Refusal::Method);
    }
    let exact_target = target::check(request.path.unwrap_or_default(), method)?;
    let fields = Fields::read(request.headers, request.version == Some(1))?;
    if limits.max_body > 0 && matches!(fields.body, BodyFraming::Length(length) if length > limits.max_body) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(Some(HeadFacts {
        length,
        body: fields.body,
        upgrade: fields.upgrade,
        idempotent: is_idempotent(method),
        exact_target,
    }))
}

/// Whether a request of this method may be sent twice (RFC 9110 section 9.2.2).
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

/// Builds the request of a head that [`read`] has accepted once before.
///
/// `None` if it doesn't parse, which for such a head can't happen.
#[must_use]
pub fn rebuild(head: &[u8]) -> Option<http::request::Parts> {
    let mut space = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    request.parse_with_uninit_headers(head, &mut space).ok()?;
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = Method::from_bytes(request.method?.as_bytes()).ok()?;
    parts.uri = Uri::try_from(request.path?).ok()?;
    parts.version = if request.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        headers.append(
            HeaderName::from_bytes(header.name.as_bytes()).ok()?,
            HeaderValue::from_bytes(header.value).ok()?,
        );
    }
    parts.headers = headers;
    Some(parts)
}

/// The fields that decide where a message ends and whom it is for.
struct Fields {
    body: BodyFraming,
    upgrade: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>], http11: bool) -> Result<Self, Refusal> {
        let mut length = None;
        let mut chunked = false;
        let mut host = false;
        let mut upgrade = false;
        for header in headers {
            // Lengths first: almost every field is told apart by that alone.
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            match header.name.len() {
                4 if is("host") => {
                    if host || !is_authority(header.value) {
                        return Err(Refusal::Host);
                    }
                    host = true;
                }
                14 if is("content-length") => {
                    if length.is_some() {
                        return Err(Refusal::ContentLength);
                    }
                    length = Some(parse_length(header.value).ok_or(Refusal::ContentLength)?);
                }
                17 if is("transfer-encoding") => {
                    if chunked || !http11 || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Refusal::TransferEncoding);
                    }
                    chunked = true;
                }
                6 if is("expect") && !header.value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(Refusal::Expectation);
                }
                7 if is("upgrade") => upgrade = http11,
                _ => {}
            }
        }
        if http11 && !host {
            return Err(Refusal::Host);
        }
        let body = match (length, chunked) {
            (Some(_), true) => return Err(Refusal::ConflictingLength),
            (None, true) => BodyFraming::Chunked,
            (None | Some(0), false) => BodyFraming::None,
            (Some(length), false) => BodyFraming::Length(length),
        };
        Ok(Self { body, upgrade })
    }
}

fn malformed(error: httparse::Error, input: &[u8]) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::TooManyHeaders,
        httparse::Error::Version if names_a_version(input) => Refusal::Version,
        _ => Refusal::MalformedHead,
    }
}

/// Whether the request line is in order but for the version.
fn names_a_version(input: &[u8]) -> bool {
    let line = input.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    words.next().is_some_and(|version| version.starts_with(b"HTTP/")) && words.next().is_none()
}

/// A head over the limit: of its target, or of its fields?
fn too_large(input: &[u8], limits: &DownstreamLimits) -> Refusal {
    let line = memchr::memchr(b'\n', input).unwrap_or(input.len());
    if line > limits.max_uri_bytes { Refusal::UriTooLong } else { Refusal::HeadTooLarge }
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    // Without a way out of the loop, so that it looks at 16 bytes at once.
    let after_any_other =
        head.windows(2).fold(false, |found, pair| found | (pair[1] == b'\n') & (pair[0] != b'\r'));
    head.first() == Some(&b'\n') || after_any_other
}

/// What a registered name may hold, and an IPv4 address (RFC 3986 section 3.2.2).
const IN_HOST: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'('..=b'+'
                | b';' | b'='
        );
        byte += 1;
    }
    allowed
};

/// One host with an optional port (RFC 3986 section 3.2.2), without user information.
pub(super) fn is_authority(value: &[u8]) -> bool {
    let (host_is_plain, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            (is_ipv6(&rest[..end]), &rest[end + 1..])
        }
        _ => {
            let (host, port) = value.split_at(memchr::memchr(b':', value).unwrap_or(value.len()));
            ((1..=255).contains(&host.len()) && host.iter().all(|&byte| IN_HOST[usize::from(byte)]), port)
        }
    };
    host_is_plain && is_port(port)
}

/// Nothing, or a colon and what may be a number up to 65535.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => parse_length(digits).is_some_and(|port| port <= u64::from(u16::MAX)),
        _ => false,
    }
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// A plain decimal number: no sign, no list, no white space (RFC 9110 section 8.6).
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The two greatest numbers mean "chunked" and "until close" to hyper.
    std::str::from_utf8(value).ok()?.parse().ok().filter(|&length| length <= u64::MAX - 2)
}

#[cfg(test)]
mod tests;
