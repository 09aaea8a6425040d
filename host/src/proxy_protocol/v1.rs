//! Version 1: a line of text.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::failure::{HeaderError, HeaderFailure};
use super::header::{Addresses, Header, More, Parsed};

/// What each line begins with.
pub(super) const BEGINNING: &[u8] = b"PROXY ";

/// Bytes of the shortest header of any version, `PROXY UNKNOWN` and its line end: nothing that follows a header is among the first 15.
pub(super) const SHORTEST: usize = 15;

/// Most bytes of a line, its end included.
const LONGEST: usize = 107;

/// Reads what agrees with the beginning of a line.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return match LONGEST.checked_sub(bytes.len()) {
            _ if bytes.len() < SHORTEST => Ok(Parsed::Incomplete(More::Bytes(SHORTEST - bytes.len()))),
            None | Some(0) => {
                Err(HeaderError::new(HeaderFailure::TooLong, "the line has more than 107 bytes"))
            }
            Some(left) => Ok(Parsed::Incomplete(More::Line(left))),
        };
    };
    let Some(line) = bytes[..end].strip_suffix(b"\r") else {
        return Err(HeaderError::malformed("the line doesn't end in CRLF"));
    };
    let said = line.strip_prefix(BEGINNING).and_then(|said| std::str::from_utf8(said).ok());
    let Some(said) = said.filter(|said| !said.contains('\r')) else {
        return Err(HeaderError::malformed("the line isn't text"));
    };
    if said == "UNKNOWN" || said.starts_with("UNKNOWN ") {
        return Ok(Parsed::Complete(Header::Socket));
    }
    addresses(said).map(|addresses| Parsed::Complete(Header::Client(addresses)))
}

fn addresses(said: &str) -> Result<Addresses, HeaderError> {
    let words: Vec<&str> = said.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = words[..] else {
        return Err(HeaderError::malformed("the line doesn't have six words"));
    };
    let is_v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return Err(HeaderError::malformed("the family is none of TCP4, TCP6, UNKNOWN")),
    };
    let ip = |word| IpAddr::from_str(word).ok().filter(|ip| ip.is_ipv4() == is_v4);
    let end = |address, word| Some(SocketAddr::new(ip(address)?, port(word)?));
    match (end(source, source_port), end(destination, destination_port)) {
        (Some(source), Some(destination)) => Ok(Addresses { source, destination }),
        _ => Err(HeaderError::malformed("an address isn't one of its family")),
    }
}

/// A port in decimal, without a sign and leading zeros.
fn port(word: &str) -> Option<u16> {
    let port = word.parse().ok()?;
    (word == "0" || word.starts_with(|sign: char| ('1'..='9').contains(&sign))).then_some(port)
}

/// The line of a connection between these addresses.
pub(super) fn write(addresses: Addresses) -> Vec<u8> {
    let Addresses { source, destination } = addresses;
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> Header {
        match parse(line.as_bytes()) {
            Ok(Parsed::Complete(header)) => header,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn a_line_names_the_client() {
        for (line, source, destination) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1:56324", "198.51.100.7:443"),
            ("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0:0", "255.255.255.255:65535"),
            ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "[2001:db8::1]:1", "[::1]:2"),
            ("PROXY TCP6 2001:DB8::A ::ffff:1.2.3.4 1 2\r\n", "[2001:db8::a]:1", "[::ffff:1.2.3.4]:2"),
        ] {
            let addresses =
                Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() };
            assert_eq!(complete(line), Header::Client(addresses), "{line}");
        }
        for line in
            ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN \r\n", "PROXY UNKNOWN whatever it says 1 2 3 4 5\r\n"]
        {
            assert_eq!(complete(line), Header::Socket, "{line}");
        }
        let longest = format!("PROXY TCP6 {0} {0} 65535 65535\r\n", ["ffff"; 8].join(":"));
        assert!(matches!(complete(&longest), Header::Client(_)));
        let unknown = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST - 16));
        assert_eq!((unknown.len(), complete(&unknown)), (LONGEST, Header::Socket));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY TCP4 192.0.2.01 198.51.100.7 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 +6324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 ::1 56324 443\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY tcp4 192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY UNKNOWN a\rb\r\n",
            "PROXY \r\n",
            "PROXY \n",
        ] {
            let error = parse(line.as_bytes()).expect_err(line);
            assert_eq!(error.failure, HeaderFailure::Malformed, "{line:?}: {error}");
        }
    }

    #[test]
    fn a_line_is_asked_for_to_its_end_and_no_further() {
        assert_eq!(parse(b"P"), Ok(Parsed::Incomplete(More::Bytes(14))));
        assert_eq!(parse(b"PROXY TCP4 1.2."), Ok(Parsed::Incomplete(More::Line(92))));
        let endless = [b"PROXY UNKNOWN ", &[b'x'; LONGEST][..]].concat();
        assert_eq!(parse(&endless[..LONGEST - 1]), Ok(Parsed::Incomplete(More::Line(1))));
        let error = parse(&endless[..LONGEST]).expect_err("too long");
        assert_eq!(error.failure, HeaderFailure::TooLong);
    }
}
