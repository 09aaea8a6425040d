//! What changes in a message on its way through (RFC 9110 section 7.6).

use std::rc::Rc;

use http::header::{AUTHORIZATION, CONNECTION, EXPECT, TE, UPGRADE, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::body::Incoming;
use pointsman_core::clock::Clock;
use pointsman_core::request::RequestHead;

use super::failure::ERROR_HEADER;
use super::forwarding;
use super::hop_by_hop::{self, Found, tokens};
use super::max_forwards;
use super::via;
use crate::downstream::Client;
use crate::downstream::head::is_idempotent as is_idempotent_method;
use crate::upstream::{Upload, names_connection_scheme};

/// The protocol that a request wants to change to, if this proxy goes along.
///
/// Not with h2c: the client would speak HTTP/2 to the backend past everything that is checked here. Several lines are one list
/// (RFC 9110 section 5.3).
pub(super) fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = tokens(headers, CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let h2c = tokens(headers, UPGRADE).any(|token| token.eq_ignore_ascii_case("h2c"));
    if !asked || h2c {
        return None;
    }
    let protocols: Vec<&str> = tokens(headers, UPGRADE).collect();
    if protocols.is_empty() { None } else { HeaderValue::from_str(&protocols.join(", ")).ok() }
}

/// Whether a request may be sent twice, as far as its method says (RFC 9110 section 9.2.2).
pub(super) fn is_idempotent(parts: &Parts) -> bool {
    is_idempotent_method(parts.method.as_str())
}

/// Whether a request carries credentials that authenticate its connection.
#[cold]
pub(super) fn authenticates_connection(parts: &Parts) -> bool {
    parts.headers.get_all(AUTHORIZATION).iter().any(names_connection_scheme)
}

/// The body on its way to the backend; its first `keep` bytes are kept if the request may be sent twice.
pub(super) fn upload(
    parts: &Parts,
    body: Incoming,
    keep: usize,
    expectation: Option<(Rc<Client>, u64)>,
    clock: Clock,
) -> Upload {
    let keep = if is_idempotent(parts) { keep } else { 0 };
    // No proxy says there whom a request is for.
    let clean = |trailers: &mut HeaderMap| {
        hop_by_hop::strip_trailers(trailers);
        forwarding::remove(trailers, |_| true);
    };
    Upload::new(body, keep, expectation, clean, clock)
}

/// Makes a head what goes to the backend, and finds out who the client is.
pub(super) fn request_head(
    head: &mut RequestHead,
    client: &Client,
    upgrade: Option<&HeaderValue>,
    found: Found,
) {
    let parts = &mut head.parts;
    let via = via::received(parts.version);
    if found.expect && parts.version == Version::HTTP_10 {
        // An old client waits for nothing (RFC 9110 section 10.1.1).
        parts.headers.remove(EXPECT);
    }
    parts.version = Version::HTTP_11;
    max_forwards::count(parts);
    let headers = &mut parts.headers;
    if found.hop_by_hop {
        hop_by_hop::strip(headers);
        if headers.contains_key(TE) {
            // Whoever sends it has to name it (RFC 9110 section 10.1.4).
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
    }
    if let Some(protocol) = upgrade {
        headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    head.client = forwarding::rewrite(headers, client, found.forwarding);
    headers.append(VIA, via);
}

/// The response head as it goes to the client.
pub(super) fn response_headers<B>(response: &mut Response<B>) {
    let via = via::received(response.version());
    *response.version_mut() = Version::HTTP_11;
    let found = Found::in_response(response.headers());
    if found.hop_by_hop {
        let required = if found.upgrade { required_upgrade(response) } else { Vec::new() };
        let headers = response.headers_mut();
        hop_by_hop::strip(headers);
        for protocol in required {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.append(UPGRADE, protocol);
        }
    }
    if found.label {
        response.headers_mut().remove(&ERROR_HEADER);
    }
    response.headers_mut().append(VIA, via);
}

/// What a client is told to upgrade to: a 426 without it says nothing (RFC 9110 section 15.5.22). In any other response
/// `Upgrade` is an offer that concerns the connection to the backend.
fn required_upgrade<B>(response: &Response<B>) -> Vec<HeaderValue> {
    if response.status() != StatusCode::UPGRADE_REQUIRED {
        return Vec::new();
    }
    response.headers().get_all(UPGRADE).iter().cloned().collect()
}

/// The headers of a 101: stripped like any, but for the two that announce the change.
pub(super) fn upgrade_response(headers: &mut HeaderMap) -> HeaderMap {
    let mut headers = std::mem::take(headers);
    let protocol = headers.get(UPGRADE).cloned();
    hop_by_hop::strip(&mut headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
    }
    headers.remove(&ERROR_HEADER);
    headers.append(VIA, via::received(Version::HTTP_11));
    headers
}

#[cfg(test)]
mod tests;
