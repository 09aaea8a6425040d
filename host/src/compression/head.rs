//! The heads of responses: which are suitable for compression, and what becomes of them.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    GetAll, TRAILER, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::config::{Coding, CompressionConfig};

static ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Fields that are about exactly these bytes. They may be trailers (RFC 9530 section 2).
static DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// What is never compressed, whatever is configured: events that are to arrive one by one, and calls.
const STREAMS: [&str; 3] = ["text/event-stream", "application/grpc", "multipart/x-mixed-replace"];

/// Longest media type that is looked at, in bytes.
const LONGEST_TYPE: usize = 127;

/// Whether a response could be compressed for a client that takes that.
pub(super) fn is_suitable(status: StatusCode, headers: &HeaderMap, config: &CompressionConfig) -> bool {
    let has_content =
        !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT)
            && !status.is_informational();
    has_content
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && headers.get(CONTENT_TYPE).is_some_and(|value| is_of_type(value, config))
        && headers.get(CONTENT_LENGTH).and_then(length).is_none_or(|length| length >= config.min_size.max(1))
        && !forbids_transforming(headers.get_all(CACHE_CONTROL))
        && !DIGESTS.iter().any(|name| {
            headers.contains_key(name) || has_member(headers.get_all(TRAILER), name.as_str().as_bytes())
        })
}

fn length(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

fn is_of_type(value: &HeaderValue, config: &CompressionConfig) -> bool {
    let value = value.as_bytes();
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let mut space = [0; LONGEST_TYPE];
    let media_type = value[..end].trim_ascii();
    let Some(lower) = space.get_mut(..media_type.len()) else { return false };
    lower.copy_from_slice(media_type);
    lower.make_ascii_lowercase();
    let Ok(media_type) = str::from_utf8(lower) else { return false };
    !STREAMS.iter().any(|stream| media_type.starts_with(stream))
        && config.types.iter().any(|pattern| pattern.matches(media_type))
}

/// Whether these fields forbid to transform what they are about (RFC 9111 sections 5.2.1.6 and 5.2.2.6).
pub(super) fn forbids_transforming(cache_control: GetAll<'_, HeaderValue>) -> bool {
    has_member(cache_control, b"no-transform")
}

fn has_member(fields: GetAll<'_, HeaderValue>, wanted: &[u8]) -> bool {
    let mut members = fields.iter().flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(wanted))
}

/// Says that the response depends on what the client takes: also where it isn't compressed, or a cache would give it to all.
pub(super) fn vary(headers: &mut HeaderMap) {
    if has_member(headers.get_all(VARY), b"*") || has_member(headers.get_all(VARY), b"accept-encoding") {
        return;
    }
    // In one line, as some caches read but one.
    let mut all = Vec::new();
    for field in headers.get_all(VARY) {
        all.extend_from_slice(field.as_bytes());
        all.extend_from_slice(b", ");
    }
    if all.is_empty() {
        headers.insert(VARY, ACCEPT_ENCODING.clone());
        return;
    }
    all.extend_from_slice(ACCEPT_ENCODING.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(all)) {
        headers.insert(VARY, value);
    }
}

/// Makes a strong validator a weak one (RFC 9110 section 8.8.1): several sequences of bytes have it now.
pub(super) fn weaken(headers: &mut HeaderMap) {
    if let Some(tag) = headers.get_mut(ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        *tag = weak;
    }
}

/// Makes trailers those of a response that is encoded: what is about the bytes as they came goes, announced or not.
pub(super) fn encode_trailers(trailers: &mut HeaderMap) {
    for name in &DIGESTS {
        trailers.remove(name);
    }
    weaken(trailers);
}

/// Makes the head that of a response in this coding.
pub(super) fn encode(headers: &mut HeaderMap, coding: Coding) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    weaken(headers);
}
