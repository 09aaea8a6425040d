//! Numbers and addresses in a line, without the machinery of `fmt` where they are many.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Adds a number.
pub(super) fn number(line: &mut Vec<u8>, number: u64) {
    if number < 10 {
        line.push(b'0' + number as u8);
    } else {
        line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Adds an IP address.
pub(super) fn ip(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let (mut text, mut end) = ([0; 16], 0);
            let mut push = |byte| {
                // Four times three digits and a dot fit.
                text[end & 15] = byte;
                end += 1;
            };
            for octet in address.octets() {
                if octet >= 100 {
                    push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    push(b'0' + octet / 10 % 10);
                }
                push(b'0' + octet % 10);
                push(b'.');
            }
            // But for the last dot.
            line.extend_from_slice(&text[..end - 1]);
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
        for text in [
            "0.0.0.0:0",
            "192.0.2.10:8080",
            "255.255.255.255:9",
            "1.10.99.100:10",
            "[::1]:80",
            "[2001:db8::ff]:65535",
        ] {
            let (mut line, known) = (Vec::new(), text.parse::<SocketAddr>().unwrap());
            address(&mut line, known);
            assert_eq!(line, text.as_bytes());
            line.clear();
            ip(&mut line, known.ip());
            assert_eq!(line, known.ip().to_string().as_bytes());
        }
    }
}
