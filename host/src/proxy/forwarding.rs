//! The fields in which proxies tell each other who the client is and what it asked for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use pointsman_core::request::host;

use crate::downstream::{ClientConnection, Scheme};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What names of forwarding fields begin with: `X-Forwarded-For` and all that was named after it.
const FAMILY: &str = "x-forwarded";

/// The other forwarding fields of this length, in lower case: frameworks believe each of them, and only a proxy has a reason
/// to send one.
pub(super) const fn others(length: usize) -> &'static [&'static str] {
    match length {
        8 => &["x-scheme"],
        9 => &["forwarded", "x-real-ip", "client-ip"],
        11 => &["x-client-ip", "client-cert"],
        12 => &["x-url-scheme"],
        13 => &["x-rewrite-url"],
        14 => &["true-client-ip", "x-original-uri", "x-original-url"],
        15 => &["x-original-host", "front-end-https"],
        16 => &["cf-connecting-ip", "fastly-client-ip"],
        17 => &["client-cert-chain"],
        18 => &["cf-connecting-ipv6", "x-pointsman-mirror"],
        19 => &["x-cluster-client-ip"],
        24 => &["x-original-forwarded-for", "x-envoy-external-address"],
        _ => &[],
    }
}

/// How the name of a forwarding field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelling {
    /// With dashes.
    Plain,
    /// With something else in place of a dash, such as `X_Forwarded_For`. Backends that hand fields on as variables (CGI,
    /// WSGI, PHP) can't tell it from the real one.
    Disguised,
}

/// Whether a field of this name, in lower case, is a forwarding field.
pub(super) fn spelling(name: &str) -> Option<Spelling> {
    // What proxies send, and so the only ones that ordinary requests have.
    if matches!(
        name,
        "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-real-ip"
            | "forwarded"
    ) {
        return Some(Spelling::Plain);
    }
    let name = name.as_bytes();
    let starts = name.get(..FAMILY.len()).is_some_and(|start| reads_as(start, FAMILY));
    if !starts && !others(name.len()).iter().any(|other| reads_as(name, other)) {
        return None;
    }
    let disguised = name.iter().any(|&byte| byte != b'-' && !byte.is_ascii_alphanumeric());
    Some(if disguised { Spelling::Disguised } else { Spelling::Plain })
}

/// Whether both, of the same length, are the same variable to a backend, to which everything but letters and digits is one
/// sign.
fn reads_as(name: &[u8], known: &str) -> bool {
    let same = |(&name, known): (&u8, u8)| name == known || (known == b'-' && !name.is_ascii_alphanumeric());
    name.iter().zip(known.bytes()).all(same)
}

/// Writes the `X-Forwarded-*` fields and returns the client's address.
///
/// What a trusted proxy says is kept and added to, but for names in disguise, which no proxy writes. Its own certificate isn't its
/// client's, and is told to nobody. From anyone else such
/// fields are lies at worst: they are replaced. `found` is what there is of them.
pub(super) fn rewrite(headers: &mut HeaderMap, client: &ClientConnection, found: Option<Spelling>) -> IpAddr {
    let peer = client.peer.ip().to_canonical();
    if !is_trusted(peer, &client.trusted_proxies) {
        if found.is_some() {
            remove(headers, |_| true);
        }
        headers.insert(&X_FORWARDED_FOR, client.forwarded_for.clone());
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.name()));
        if let Some(host) = host(headers).cloned() {
            headers.insert(&X_FORWARDED_HOST, host);
        }
        if let Some(identity) = &client.tls.client.identity
            && let Some((name, value)) = &identity.field
        {
            headers.insert(name, value.clone());
        }
        return peer;
    }
    if found == Some(Spelling::Disguised) {
        remove(headers, |spelling| spelling == Spelling::Disguised);
    }
    let address = client_behind(headers, peer, &client.trusted_proxies);
    let addresses = with_all_before(headers, &client.forwarded_for);
    headers.insert(&X_FORWARDED_FOR, addresses);
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.name()));
    }
    if !headers.contains_key(&X_FORWARDED_HOST)
        && let Some(host) = host(headers).cloned()
    {
        headers.insert(&X_FORWARDED_HOST, host);
    }
    address
}

/// The scheme that the client speaks, as far as that is known: to this proxy, or to a trusted one before it. The fields are rewritten.
pub(super) fn scheme(headers: &HeaderMap, client: &ClientConnection) -> Scheme {
    if client.trusted_proxies.is_empty() {
        return client.scheme;
    }
    match headers.get(&X_FORWARDED_PROTO).map(HeaderValue::as_bytes) {
        Some(said) if said.eq_ignore_ascii_case(b"https") => Scheme::Https,
        Some(said) if said.eq_ignore_ascii_case(b"http") => Scheme::Http,
        _ => client.scheme,
    }
}

/// Removes the forwarding fields with such a spelling.
pub(super) fn remove(headers: &mut HeaderMap, unwanted: impl Fn(Spelling) -> bool) {
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| spelling(name.as_str()).is_some_and(&unwanted)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// All addresses that are there and then this one, in one line: many backends read but the first line, or the last.
fn with_all_before(headers: &HeaderMap, last: &HeaderValue) -> HeaderValue {
    let mut all = Vec::new();
    for line in headers.get_all(&X_FORWARDED_FOR) {
        let line = line.as_bytes().trim_ascii();
        if !line.is_empty() {
            all.extend_from_slice(line);
            all.extend_from_slice(b", ");
        }
    }
    if all.is_empty() {
        return last.clone();
    }
    all.extend_from_slice(last.as_bytes());
    // What several values are made of makes one.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(all)).unwrap_or_else(|_| last.clone())
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

pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests;
