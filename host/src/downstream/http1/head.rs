//! Strict reading of a request head.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::config::DownstreamLimits;
use crate::downstream::{Refusal, target, validate};

/// Most header fields that can be allowed; hyper takes no more without allocating.
pub const MAX_HEADERS: usize = 100;

/// How the body after a head is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// No body, or an empty one.
    None,
    /// This many bytes.
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
    /// It is of HTTP/1.1, whose clients know interim responses.
    pub http11: bool,
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
    validate::method(method)?;
    let exact_target = target::check(request.path.unwrap_or_default(), method)?;
    let fields = Fields::read(request.headers, request.version == Some(1))?;
    Ok(Some(HeadFacts {
        length,
        body: fields.body,
        upgrade: fields.upgrade,
        http11: request.version == Some(1),
        idempotent: validate::is_idempotent(method),
        exact_target,
    }))
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
                    if host || !validate::is_authority(header.value) {
                        return Err(Refusal::Host);
                    }
                    host = true;
                }
                14 if is("content-length") => {
                    if length.is_some() {
                        return Err(Refusal::ContentLength);
                    }
                    length = Some(validate::content_length(header.value)?);
                }
                17 if is("transfer-encoding") => {
                    if chunked || !http11 || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Refusal::TransferEncoding);
                    }
                    chunked = true;
                }
                6 if is("expect") => validate::expectation(header.value)?,
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
        _ if is_proxy_header(input) => Refusal::ProxyHeader,
        _ => Refusal::MalformedHead,
    }
}

/// Whether it begins as a PROXY header of either version does. That of version 2 begins with two empty lines, which no head has.
#[cold]
fn is_proxy_header(input: &[u8]) -> bool {
    const VERSION_2: &[u8] = b"\0\r\nQUIT\n";
    [&b"PROXY TCP"[..], b"PROXY UNKNOWN", VERSION_2].iter().any(|begins| input.starts_with(begins))
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

#[cfg(test)]
mod tests;
