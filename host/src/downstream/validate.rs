//! Checks of a parsed request head that hold for every version of HTTP.

use std::net::Ipv6Addr;

use super::Refusal;

/// A method that a reverse proxy serves.
pub(super) fn method(method: &str) -> Result<(), Refusal> {
    if method == "CONNECT" { Err(Refusal::Method) } else { Ok(()) }
}

/// Whether a request of this method may be sent twice (RFC 9110 section 9.2.2).
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

/// `Content-Length`: one plain number (RFC 9110 section 8.6).
pub(super) fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    parse_length(value).ok_or(Refusal::ContentLength)
}

/// `Expect`: the one expectation that there is (RFC 9110 section 10.1.1).
pub(super) fn expectation(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err(Refusal::Expectation) }
}

/// What a registered name may hold, and an IPv4 address (RFC 3986 section 3.2.2), but for escapes: no client that reads a URL sends one in
/// a host, readers differ in whether they decode it, and `:authority` can't hold it in [`http::Uri`].
const IN_HOST: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'('..=b'+'
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
mod tests {
    use http::uri::Authority;

    use super::*;

    #[test]
    fn every_host_that_passes_can_be_an_authority() {
        let mut passed = 0;
        for byte in 0..=u8::MAX {
            for value in [vec![byte], vec![b'a', byte], vec![b'a', byte, b'b'], vec![b'a', b':', byte]] {
                if is_authority(&value) {
                    passed += 1;
                    assert!(
                        Authority::try_from(&value[..]).is_ok(),
                        "{:?}",
                        value.escape_ascii().to_string()
                    );
                }
            }
        }
        // 76 bytes of names in three places, ten digits of a port, and the port left empty.
        assert_eq!(passed, 3 * 76 + 10 + 1);
        for value in [&b"[::1]"[..], b"[::1]:65535", b"[::ffff:1.2.3.4]:", b"a.b-c_d~!$&'()*+;=:0"] {
            assert!(is_authority(value) && Authority::try_from(value).is_ok(), "{}", value.escape_ascii());
        }
        for value in [&b"a%zz"[..], b"a%", b"%", b"a%62c", b"[fe80::1%25eth0]", b"a:1%30", b"u%40@a", b""] {
            assert!(!is_authority(value), "{}", value.escape_ascii());
        }
    }
}
