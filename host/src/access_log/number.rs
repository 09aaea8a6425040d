//! Numbers and addresses in a line, without the machinery of `fmt` where they are many.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Adds a number.
pub(super) fn number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Adds an IP address.
pub(super) fn ip(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    line.push(b'.');
                }
                number(line, u64::from(octet));
            }
        }
        // Writing into memory doesn't fail.
        IpAddr::V6(address) => drop(write!(line, "{address}")),
    }
}

/// Adds an address with its port.
pub(super) fn address(line: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(_) => {
            ip(line, address.ip());
            line.push(b':');
            number(line, u64::from(address.port()));
        }
        SocketAddr::V6(address) => drop(write!(line, "{address}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_elsewhere() {
        for text in ["0.0.0.0:0", "192.0.2.10:8080", "[::1]:80", "[2001:db8::ff]:65535"] {
            let (mut line, known) = (Vec::new(), text.parse::<SocketAddr>().unwrap());
            address(&mut line, known);
            assert_eq!(line, text.as_bytes());
            line.clear();
            ip(&mut line, known.ip());
            assert_eq!(line, known.ip().to_string().as_bytes());
        }
    }
}
