//! Reading a header of either version, and writing one.

use pointsman_core::pool::ProxyProtocol;

use super::failure::{HeaderError, HeaderFailure};
use super::header::{Addresses, More, Parsed};
use super::{v1, v2};

/// Reads a header from the bytes that a connection begins with. To read no further than it goes, ask for no more than is said to be
/// missing.
///
/// # Errors
///
/// What these bytes begin with is no header, however it goes on.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let agrees = |beginning: &[u8]| bytes.iter().zip(beginning).all(|(byte, known)| byte == known);
    if bytes.is_empty() {
        Ok(Parsed::Incomplete(More::Bytes(v1::SHORTEST)))
    } else if agrees(v1::BEGINNING) {
        v1::parse(bytes)
    } else if agrees(v2::SIGNATURE) {
        v2::parse(bytes)
    } else {
        Err(HeaderError::new(HeaderFailure::Missing, "the connection begins with something else"))
    }
}

/// The header of a connection that is a client's.
#[must_use]
pub fn naming(version: ProxyProtocol, client: Addresses) -> Vec<u8> {
    match version {
        ProxyProtocol::V1 => v1::write(client),
        ProxyProtocol::V2 => v2::write(client),
    }
}

/// The header of a connection that is the proxy's own, between these addresses. Version 1 has no other way to say so.
#[must_use]
pub fn local(version: ProxyProtocol, own: Addresses) -> Vec<u8> {
    match version {
        ProxyProtocol::V1 => v1::write(own),
        ProxyProtocol::V2 => v2::write_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(source: &str, destination: &str) -> Addresses {
        Addresses::new(source.parse().unwrap(), destination.parse().unwrap())
    }

    #[test]
    fn both_ends_have_one_family() {
        for (source, destination, text) in [
            ("192.0.2.1:5", "198.51.100.2:80", "PROXY TCP4 192.0.2.1 198.51.100.2 5 80\r\n"),
            ("[::ffff:192.0.2.1]:5", "198.51.100.2:80", "PROXY TCP4 192.0.2.1 198.51.100.2 5 80\r\n"),
            ("[2001:db8::1]:5", "[2001:db8::2]:80", "PROXY TCP6 2001:db8::1 2001:db8::2 5 80\r\n"),
            ("192.0.2.1:5", "[2001:db8::2]:80", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 5 80\r\n"),
            ("[2001:db8::1]:5", "[::ffff:10.0.0.1]:80", "PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 5 80\r\n"),
        ] {
            let written = naming(ProxyProtocol::V1, addresses(source, destination));
            assert_eq!(written, text.as_bytes(), "{source} {destination}");
        }
    }

    #[test]
    fn what_begins_otherwise_is_no_header() {
        for bytes in [
            &b"G"[..],
            b"GET / HTTP/1.1\r\n",
            b"PROXX",
            b"proxy TCP4",
            b"\r\n\r\n\0\r\nQUIX",
            b"\x16\x03\x01",
        ] {
            let error = parse(bytes).unwrap_err();
            assert_eq!(error.failure, HeaderFailure::Missing, "{bytes:?}");
        }
        assert_eq!(parse(b""), Ok(Parsed::Incomplete(More::Bytes(v1::SHORTEST))));
    }
}
