//! The request that a backend is picked for.

use std::net::IpAddr;

use http::Version;
use pointsman_core::backend::BackendIndex;
use pointsman_core::parameters;
use pointsman_core::request::RequestHead;
use pointsman_sdk::abi::{ABSENT, MODULE, hash_source, import, request_field};
use siphasher::sip::SipHasher13;
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::given;
use super::memory::open;
use super::text;
use super::unknown;
use crate::guest::{GuestState, with_current_request};

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, import::REQUEST_TEXT, request_text)?
        .func_wrap(MODULE, import::HEADER, header)?
        .func_wrap(MODULE, import::CLIENT_IP, |mut caller: Caller<'_, GuestState>, buf: i32| {
            let (mut memory, state) = open(&mut caller)?;
            let client = with_current_request(|head| head.map(|head| head.client));
            given::fact(state, || "the client's address", None);
            let octets = client.map(octets);
            let written =
                memory.write(import::CLIENT_IP, buf, 16, octets.as_ref().map(<[u8; 16]>::as_slice))?;
            Ok(match client {
                Some(client) if client.to_canonical().is_ipv4() => 4,
                Some(_) => 6,
                None => written,
            })
        })?
        .func_wrap(MODULE, import::HASH, hash)?
        .func_wrap(MODULE, import::ATTEMPT, |mut caller: Caller<'_, GuestState>| {
            given::fact(enter(&mut caller), || "the number of the attempt", None);
            with_current_request(|head| head.map_or(ABSENT, |head| head.tried.attempt.cast_signed()))
        })?
        .func_wrap(MODULE, import::TRIED, |mut caller: Caller<'_, GuestState>, index: i32| {
            unknown::check_backend(enter(&mut caller), import::TRIED, index);
            // What was tried is kept anyway.
            let index = BackendIndex(index.cast_unsigned());
            with_current_request(|head| head.map_or(ABSENT, |head| i32::from(head.tried.contains(index))))
        })?;
    Ok(())
}

fn request_text(mut caller: Caller<'_, GuestState>, field: i32, buf: i32, cap: i32) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut caller)?;
    given::fact(state, || field_name(field), None);
    if !(request_field::METHOD..=request_field::ROUTE).contains(&field) {
        unknown::tell(state, import::REQUEST_TEXT, "field", field);
    }
    with_current_request(|head| {
        let text = head.and_then(|head| match field {
            request_field::METHOD => Some(head.parts.method.as_str().as_bytes()),
            request_field::SCHEME => Some(if head.tls { b"https".as_slice() } else { b"http" }),
            request_field::AUTHORITY => head.authority(),
            request_field::PATH => Some(head.path()),
            request_field::QUERY => head.query(),
            request_field::PROTOCOL => Some(protocol(head.protocol)),
            request_field::ROUTE => head.route.as_deref().map(str::as_bytes),
            _ => None,
        });
        memory.write(import::REQUEST_TEXT, buf, cap, text)
    })
}

/// The version of HTTP, as the contract names it.
fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2",
        _ => b"HTTP/1.1",
    }
}

fn header(
    mut caller: Caller<'_, GuestState>,
    name_ptr: i32,
    name_len: i32,
    buf: i32,
    cap: i32,
) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut caller)?;
    with_current_request(|head| {
        let name = memory.read_name(import::HEADER, name_ptr, name_len)?;
        given::fact(state, || of_name("the header field", name), None);
        let value = name.and_then(|name| header_value(head?, name));
        memory.write(import::HEADER, buf, cap, value)
    })
}

fn hash(
    mut caller: Caller<'_, GuestState>,
    source: i32,
    name_ptr: i32,
    name_len: i32,
) -> wasmtime::Result<i64> {
    let seed = caller.data().context.pool.hash_seed;
    let hash = |part: &[u8]| stable_hash(seed, part);
    let mut what = None;
    let hashed = match source {
        hash_source::CLIENT_IP => {
            enter(&mut caller);
            with_current_request(|head| Some(hash(&octets(head?.client))))
        }
        hash_source::PATH => {
            // As long as the client wants it to be.
            caller.data_mut().watch.host_call()?;
            with_current_request(|head| Some(hash(head?.path())))
        }
        _ => {
            let (memory, state) = open(&mut caller)?;
            if !(hash_source::CLIENT_IP..=hash_source::QUERY).contains(&source) {
                unknown::tell(state, import::HASH, "source", source);
            }
            let name = memory.read_name(import::HASH, name_ptr, name_len)?;
            what = state.call.keeps.is_some().then(|| of_name(source_name(source), name));
            with_current_request(|head| {
                let (head, name) = (head?, name?);
                let part = match source {
                    hash_source::HEADER => header_value(head, name),
                    hash_source::COOKIE => cookie(head, name.as_bytes()),
                    hash_source::QUERY => query_value(head.query()?, name.as_bytes()),
                    _ => None,
                };
                part.map(hash)
            })
        }
    };
    let hashed = hashed.unwrap_or(0).cast_signed();
    let what = || format!("hash of {}", what.as_deref().unwrap_or_else(|| source_name(source)));
    given::fact(caller.data(), what, Some(hashed));
    Ok(hashed)
}

/// A part of the request with a name of its own, as explanations describe it. The name is the guest's, and may be anything.
#[cold]
fn of_name(kind: &str, name: Option<&str>) -> String {
    let name = name.map(|name| text::printable(name.as_bytes()));
    name.map_or_else(|| format!("{kind} of a name that can't be one"), |name| format!("{kind} `{name}`"))
}

/// A text of the request, as explanations describe it.
const fn field_name(field: i32) -> &'static str {
    match field {
        request_field::METHOD => "the method",
        request_field::SCHEME => "the scheme",
        request_field::AUTHORITY => "host and port",
        request_field::PATH => "the path",
        request_field::QUERY => "the query",
        request_field::PROTOCOL => "the protocol",
        request_field::ROUTE => "the route's name",
        _ => "an unknown field of the request",
    }
}

/// What is hashed, as explanations describe it.
const fn source_name(source: i32) -> &'static str {
    match source {
        hash_source::CLIENT_IP => "the client's address",
        hash_source::PATH => "the path",
        hash_source::HEADER => "the header field",
        hash_source::COOKIE => "the cookie",
        hash_source::QUERY => "the query parameter",
        _ => "an unknown part of the request",
    }
}

/// SipHash-1-3 of the bytes with the keys (`seed`, 0), and 1 in place of 0.
///
/// Part of the contract: proxies of a fleet, and versions of this proxy, send a client to the same backend only as
/// long as this doesn't change.
fn stable_hash(seed: u64, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(seed, 0).hash(bytes).max(1)
}

/// An address as 16 bytes: IPv4 mapped into IPv6.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn header_value<'a>(head: &'a RequestHead, name: &str) -> Option<&'a [u8]> {
    head.parts.headers.get(name).map(|value| value.as_bytes())
}

/// The value of a cookie: the first of that name, as it was sent.
fn cookie<'a>(head: &'a RequestHead, name: &[u8]) -> Option<&'a [u8]> {
    parameters::of_cookies(&head.parts.headers, name).next()
}

/// The value of a query parameter: the first of that name, as it was sent. A parameter without `=` is empty.
fn query_value<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut pairs = query.split(|&byte| byte == b'&').map(|pair| {
        let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        (&pair[..end], pair.get(end + 1..).unwrap_or_default())
    });
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn hashes_never_change() {
        // Computed once; a change here moves every client of every fleet.
        assert_eq!(stable_hash(0, b""), 0xd1fb_a762_150c_532c);
        assert_eq!(stable_hash(7, b"10.0.0.1"), 0x65ab09edcf0e3809);
    }

    #[test]
    fn cookies_are_found_in_all_lines() {
        let mut head = RequestHead::default();
        for line in ["a=1; b=2;c=3", "  b=other; d=x=y ; e=; =nameless; f"] {
            head.parts.headers.append(COOKIE, line.parse().unwrap());
        }
        let found = |name: &str| cookie(&head, name.as_bytes()).map(|value| String::from_utf8_lossy(value));
        let expected = [
            ("a", Some("1")),
            ("b", Some("2")),
            ("c", Some("3")),
            ("d", Some("x=y")),
            ("e", Some("")),
            ("f", None),
            ("A", None),
        ];
        for (name, value) in expected {
            assert_eq!(found(name).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn query_values_are_found_as_sent() {
        let query = "a=1&b=%20x&a=2&flag&=nameless&c=x=y";
        let expected =
            [("a", Some("1")), ("b", Some("%20x")), ("flag", Some("")), ("c", Some("x=y")), ("d", None)];
        for (name, value) in expected {
            assert_eq!(query_value(query.as_bytes(), name.as_bytes()), value.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn ipv4_and_its_mapped_form_are_one_client() {
        let v4: IpAddr = "10.1.2.3".parse().unwrap();
        let mapped: IpAddr = "::ffff:10.1.2.3".parse().unwrap();
        assert_eq!(octets(v4), octets(mapped));
    }
}
