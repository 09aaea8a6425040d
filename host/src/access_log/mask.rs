//! What is left of what tells of people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::texts::Kept;

/// The network of an address: what the first 24 bits of IPv4 say, and the first 48 of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

/// A query with each value replaced by an asterisk. What has no name is taken for a value.
pub(super) fn values(query: Kept<'_>, into: &mut Vec<u8>) {
    into.clear();
    for pair in query.text.split(|&byte| byte == b'&') {
        if !into.is_empty() {
            into.push(b'&');
        }
        match memchr::memchr(b'=', pair) {
            Some(end) => {
                into.extend_from_slice(&pair[..=end]);
                into.push(b'*');
            }
            None if pair.is_empty() => {}
            None => into.push(b'*'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_its_network() {
        for (address, expected) in [
            ("192.0.2.77", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::ffff:192.0.2.77", "192.0.2.0"),
            ("::1", "::"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn a_query_keeps_its_names() {
        for (query, expected) in [
            ("a=1&b=2", "a=*&b=*"),
            ("a=1=2", "a=*"),
            ("token", "*"),
            ("a=&=b", "a=*&=*"),
            ("", ""),
            ("a=1;b=2", "a=*"),
        ] {
            let mut masked = b"before".to_vec();
            values(Kept::whole(query.as_bytes()), &mut masked);
            assert_eq!(String::from_utf8(masked).unwrap(), expected, "{query}");
        }
    }
}
