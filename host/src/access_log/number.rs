//! Numbers and addresses in a line, without the machinery of `fmt` where they are many.

use std::io::Write;
use std::net::IpAddr;

use pointsman_core::address::{Address, UNIX};

use super::escape;
use super::texts::Kept;

/// An octet's digits, a dot behind them, and the length of both.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (digits, length) = &mut octets[octet];
        let mut divisor = if octet >= 100 {
            100
        } else if octet >= 10 {
            10
        } else {
            1
        };
        while divisor > 0 {
            digits[*length as usize] = b'0' + (octet / divisor % 10) as u8;
            *length += 1;
            divisor /= 10;
        }
        *length += 1;
        octet += 1;
    }
    octets
};

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
            // Four bytes of each octet, of which the next one overwrites what is beyond its dot.
            let (mut text, mut end) = ([0; 16], 0);
            for octet in address.octets() {
                let (digits, length) = OCTETS[usize::from(octet)];
                // At most four bytes come from each of the three before.
                if let Some(place) = text.get_mut(end..end + 4) {
                    place.copy_from_slice(&digits);
                }
                end += usize::from(length);
            }
            // But for the last dot.
            line.extend_from_slice(&text[..end - 1]);
        }
        // Writing into memory doesn't fail.
        IpAddr::V6(address) => drop(write!(line, "{address}")),
    }
}

/// Adds an address with its port, or a Unix socket as the inside of a string of JSON.
pub(super) fn address(line: &mut Vec<u8>, address: &Address) {
    match address {
        Address::Tcp(address) if address.is_ipv4() => {
            ip(line, address.ip());
            line.push(b':');
            number(line, u64::from(address.port()));
        }
        Address::Tcp(address) => drop(write!(line, "{address}")),
        Address::Unix(path) => {
            line.extend_from_slice(UNIX.as_bytes());
            escape::json(line, Kept::whole(path.name().as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_unix_socket_is_written_as_it_stands_in_json() {
        for (socket, written) in [
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:@app", "unix:@app"),
            ("unix:/a \"b\\c", "unix:/a \\\"b\\\\c"),
        ] {
            let mut line = Vec::new();
            address(&mut line, &socket.parse().unwrap());
            assert_eq!(String::from_utf8(line).unwrap(), written);
        }
    }

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
            address(&mut line, &known.into());
            assert_eq!(line, text.as_bytes());
            line.clear();
            ip(&mut line, known.ip());
            assert_eq!(line, known.ip().to_string().as_bytes());
        }
    }
}
