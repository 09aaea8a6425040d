//! What changes in a message on its way through (RFC 9110 section 7.6).

use std::net::IpAddr;

use http::header::{CONNECTION, FORWARDED, HOST, UPGRADE, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri, Version};
use hyper::body::Incoming;
use ipnet::IpNet;

use super::Failure;
use super::hop_by_hop::{self, Found, tokens};
use crate::downstream::head::is_idempotent as is_idempotent_method;
use crate::downstream::{Client, Refusal};
use crate::request::RequestHead;
use crate::upstream::Upload;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// How this proxy names itself in `Via` (RFC 9110 section 7.6.3).
const VIA_1_1: HeaderValue = HeaderValue::from_static("1.1 pointsman");
const VIA_1_0: HeaderValue = HeaderValue::from_static("1.0 pointsman");

/// Takes the authority out of an absolute-form target: it counts, and `Host` doesn't (RFC 9112 section 3.2.2).
pub(super) fn adopt_absolute_target(parts: &mut Parts) -> Result<(), Failure> {
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let host =
        HeaderValue::from_str(authority.as_str()).map_err(|_| Failure::Refused(Refusal::MalformedTarget))?;
    parts.headers.insert(HOST, host);
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok(())
}

/// The protocol that a request wants to change to, if this proxy goes along.
///
/// Not with h2c: the client would speak HTTP/2 to the backend past everything that is checked here.
/// Several lines are one list (RFC 9110 section 5.3).
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

/// The body on its way to the backend; its first `keep` bytes are kept if the request may be sent twice.
pub(super) fn upload(parts: &Parts, body: Incoming, keep: usize, expects_continue: bool) -> Upload {
    let keep = if is_idempotent(parts) { keep } else { 0 };
    Upload::new(body, keep, expects_continue)
}

/// Makes a head what goes to the backend, and finds out who the client is.
pub(super) fn request_head(
    head: &mut RequestHead,
    client: &Client,
    upgrade: Option<&HeaderValue>,
    found: Found,
) {
    let parts = &mut head.parts;
    let via = if parts.version == Version::HTTP_10 { VIA_1_0 } else { VIA_1_1 };
    parts.version = Version::HTTP_11;
    let headers = &mut parts.headers;
    if found.hop_by_hop {
        hop_by_hop::strip(headers);
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    head.client = forwarded_for(headers, client, found);
    headers.append(VIA, via);
}

/// Writes the `X-Forwarded-*` fields and returns the client's address.
///
/// What a trusted proxy says is kept and added to. From anyone else such fields are lies at worst: they are replaced.
fn forwarded_for(headers: &mut HeaderMap, client: &Client, found: Found) -> IpAddr {
    let peer = client.peer.ip().to_canonical();
    if !is_trusted(peer, &client.trusted_proxies) {
        headers.insert(&X_FORWARDED_FOR, client.forwarded_for.clone());
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        if let Some(host) = headers.get(HOST) {
            let host = host.clone();
            headers.insert(&X_FORWARDED_HOST, host);
        } else {
            headers.remove(&X_FORWARDED_HOST);
        }
        if found.forwarding {
            headers.remove(FORWARDED);
            headers.remove(&X_REAL_IP);
        }
        return peer;
    }
    let address = client_behind(headers, peer, &client.trusted_proxies);
    headers.append(&X_FORWARDED_FOR, client.forwarded_for.clone());
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    }
    if !headers.contains_key(&X_FORWARDED_HOST)
        && let Some(host) = headers.get(HOST)
    {
        let host = host.clone();
        headers.insert(&X_FORWARDED_HOST, host);
    }
    address
}

/// The client behind trusted proxies: the last address in `X-Forwarded-For` that isn't one of them.
///
/// Whatever stands before it, that address itself could have made up. An entry that isn't an address ends the search.
fn client_behind(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    let lines: Vec<&HeaderValue> = headers.get_all(&X_FORWARDED_FOR).iter().collect();
    for entry in lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b',')) {
        let Some(address) = parse_address(entry) else { return client };
        client = address;
        if !is_trusted(client, trusted) {
            return client;
        }
    }
    client
}

/// An address as it stands in `X-Forwarded-For`: plain, in brackets, or with a port.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let address: IpAddr = text
        .parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// The response head as it goes to the client.
pub(super) fn response_headers<B>(response: &mut Response<B>) {
    let via = if response.version() == Version::HTTP_10 { VIA_1_0 } else { VIA_1_1 };
    *response.version_mut() = Version::HTTP_11;
    if Found::among(response.headers()).hop_by_hop {
        hop_by_hop::strip(response.headers_mut());
    }
    response.headers_mut().append(VIA, via);
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
    headers.append(VIA, VIA_1_1);
    headers
}

#[cfg(test)]
mod tests;
