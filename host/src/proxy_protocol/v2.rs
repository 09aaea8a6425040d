//! Version 2: binary.

use std::net::{IpAddr, SocketAddr};

use super::failure::{HeaderError, HeaderFailure};
use super::header::{Addresses, Header, More, Parsed};
use super::tlv;

/// What each header begins with.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes up to the addresses.
const FIXED: usize = 16;

/// Most bytes of addresses and fields.
const LONGEST: usize = 4 << 10;

/// Version 2, and the connection is the sender's own.
const LOCAL: u8 = 0x20;

/// Version 2, and the connection is a client's.
const PROXY: u8 = 0x21;

const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// What stands where the addresses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    Unix,
    Unspecified,
}

impl Family {
    /// Of a family and a transport that go together.
    fn of(byte: u8) -> Option<Self> {
        match byte {
            0x00 => Some(Self::Unspecified),
            0x11 | 0x12 => Some(Self::V4),
            0x21 | 0x22 => Some(Self::V6),
            0x31 | 0x32 => Some(Self::Unix),
            _ => None,
        }
    }

    /// Bytes of its addresses and ports.
    fn length(self) -> usize {
        match self {
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Unix => 216,
            Self::Unspecified => 0,
        }
    }
}

/// Reads what agrees with the signature.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let Some((fixed, block)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Parsed::Incomplete(More::Bytes(FIXED - bytes.len())));
    };
    let &[.., command, family, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(HeaderError::new(HeaderFailure::TooLong, "the header has more than 4 KiB"));
    }
    let family = match command {
        PROXY => Some(Family::of(family).ok_or_else(|| HeaderError::malformed("the family isn't known"))?),
        // Whatever stands there is to be ignored.
        LOCAL => None,
        _ => return Err(HeaderError::malformed("the version or the command isn't known")),
    };
    if family.is_some_and(|family| length < family.length()) {
        return Err(HeaderError::malformed("the length is less than that of the addresses"));
    }
    let missing = length.saturating_sub(block.len());
    if missing > 0 {
        return Ok(Parsed::Incomplete(More::Bytes(missing)));
    }
    let header = &bytes[..FIXED + length];
    let fields = FIXED + family.map_or(0, Family::length);
    let checked = tlv::check(header, fields);
    let Some(addresses) = family.and_then(|family| addresses(family, block)) else {
        // What isn't known well enough to be used may hold anything but a wrong checksum.
        return match checked {
            Err(error) if error.failure == HeaderFailure::Checksum => Err(error),
            _ => Ok(Parsed::Complete(Header::Socket)),
        };
    };
    checked.map(|()| Parsed::Complete(Header::Client(addresses)))
}

fn addresses(family: Family, block: &[u8]) -> Option<Addresses> {
    let (source, destination, ports) = match family {
        Family::V4 => {
            let (source, rest) = block.split_first_chunk::<4>()?;
            let (destination, ports) = rest.split_first_chunk::<4>()?;
            (IpAddr::from(*source), IpAddr::from(*destination), ports)
        }
        Family::V6 => {
            let (source, rest) = block.split_first_chunk::<16>()?;
            let (destination, ports) = rest.split_first_chunk::<16>()?;
            (IpAddr::from(*source), IpAddr::from(*destination), ports)
        }
        Family::Unix | Family::Unspecified => return None,
    };
    let &[a, b, c, d] = ports.first_chunk()?;
    Some(Addresses {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    })
}

/// The header of a connection between these addresses.
pub(super) fn write(addresses: Addresses) -> Vec<u8> {
    let Addresses { source, destination } = addresses;
    let (family, mut block) = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            (TCP4, [source.octets(), destination.octets()].concat())
        }
        (source, destination) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            (TCP6, [octets(source), octets(destination)].concat())
        }
    };
    block.extend(source.port().to_be_bytes());
    block.extend(destination.port().to_be_bytes());
    header(PROXY, family, &block)
}

/// The header of a connection that is the proxy's own.
pub(super) fn write_local() -> Vec<u8> {
    header(LOCAL, 0, &[])
}

fn header(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap_or_default().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, block].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.1:56324 to 198.51.100.7:443.
    const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];

    fn complete(command: u8, family: u8, block: &[u8]) -> Header {
        match parse(&header(command, family, block)) {
            Ok(Parsed::Complete(header)) => header,
            other => panic!("{command:#x} {family:#x}: {other:?}"),
        }
    }

    fn refused(command: u8, family: u8, block: &[u8]) -> HeaderFailure {
        parse(&header(command, family, block)).expect_err("no header").failure
    }

    /// With a field of this type and length behind the addresses.
    fn with_field(block: &[u8], kind: u8, length: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        [block, &[kind, high, low], &vec![0; length]].concat()
    }

    #[test]
    fn a_header_names_the_client() {
        let v4 = Addresses::new("192.0.2.1:56324".parse().unwrap(), "198.51.100.7:443".parse().unwrap());
        let v6 = Addresses::new("[2001:db8::1]:1".parse().unwrap(), "[::1]:2".parse().unwrap());
        assert_eq!(write(v4), header(PROXY, TCP4, V4));
        assert_eq!(parse(&write(v4)), Ok(Parsed::Complete(Header::Client(v4))));
        assert_eq!(parse(&write(v6)), Ok(Parsed::Complete(Header::Client(v6))));
        assert_eq!(complete(PROXY, 0x12, V4), Header::Client(v4), "a client over UDP");
        assert_eq!(complete(PROXY, TCP4, &with_field(V4, 4, 2048)), Header::Client(v4));
        assert_eq!(complete(PROXY, TCP4, &with_field(V4, 4, LONGEST - 15)), Header::Client(v4));
    }

    #[test]
    fn what_names_no_client_leaves_the_address_of_the_socket() {
        assert_eq!(write_local(), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
        for (command, family, block) in [
            (LOCAL, 0, &[][..]),
            (LOCAL, TCP4, V4),
            (LOCAL, TCP4, &[][..]),
            (LOCAL, 0xff, &[1; 100]),
            (PROXY, 0, &[]),
            (PROXY, 0, &[4, 0, 1, 0]),
            (PROXY, 0, &[9; 40]),
            (PROXY, 0x31, &[0; 216]),
            (PROXY, 0x32, &[0; 216]),
        ] {
            assert_eq!(complete(command, family, block), Header::Socket, "{command:#x} {family:#x}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (command, family, block) in [
            (0x11, TCP4, V4),
            (0x31, TCP4, V4),
            (0x22, TCP4, V4),
            (PROXY, 0x10, V4),
            (PROXY, 0x13, V4),
            (PROXY, 0x41, V4),
            (PROXY, TCP4, &V4[..11]),
            (PROXY, TCP6, V4),
            (PROXY, 0x31, V4),
            (PROXY, TCP4, &[V4, &[4, 0][..]].concat()),
            (PROXY, TCP4, &[V4, &[4, 0, 2, 0][..]].concat()),
            (PROXY, TCP4, &with_field(V4, 3, 3)),
        ] {
            assert_eq!(refused(command, family, block), HeaderFailure::Malformed, "{command:#x} {family:#x}");
        }
        let mut header = header(PROXY, TCP4, V4);
        header[14..16].copy_from_slice(&[0x10, 0x01]);
        assert_eq!(parse(&header[..FIXED]).expect_err("too long").failure, HeaderFailure::TooLong);
        header[14..16].copy_from_slice(&[0x10, 0x00]);
        assert_eq!(parse(&header[..FIXED]), Ok(Parsed::Incomplete(More::Bytes(LONGEST))));
    }

    #[test]
    fn a_checksum_is_checked_wherever_it_stands() {
        for (command, family, addresses) in [(PROXY, TCP4, V4), (PROXY, 0, &[][..]), (LOCAL, 0, &[])] {
            let before = with_field(addresses, 4, 5);
            let value = FIXED + before.len() + 3;
            let mut bytes = header(command, family, &with_field(&with_field(&before, 3, 4), 0xe0, 7));
            tlv::correct(&mut bytes, value);
            assert!(parse(&bytes).is_ok());
            for place in [value, value + 3, bytes.len() - 1, FIXED + addresses.len() + 4] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1;
                let error = parse(&wrong).expect_err("another checksum");
                assert_eq!(error.failure, HeaderFailure::Checksum, "{place}");
            }
        }
        let twice = with_field(&with_field(V4, 3, 4), 3, 4);
        assert_eq!(refused(PROXY, TCP4, &twice), HeaderFailure::Malformed);
    }

    #[test]
    fn a_header_is_asked_for_to_its_end_and_no_further() {
        let bytes = header(PROXY, TCP4, V4);
        for (length, missing) in [(1, 15), (12, 4), (15, 1), (16, 12), (27, 1)] {
            assert_eq!(parse(&bytes[..length]), Ok(Parsed::Incomplete(More::Bytes(missing))), "{length}");
        }
    }
}
