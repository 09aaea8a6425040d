//! What follows the addresses of version 2: fields of a type, a length and a value; and the checksum among them.

use crc::{CRC_32_ISCSI, Crc};

use super::failure::{HeaderError, HeaderFailure};

/// Type of the checksum.
const CHECKSUM: u8 = 3;

/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;

/// Bytes of a type and a length.
const HEAD: usize = 3;

/// CRC32C (RFC 4960 appendix B).
static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Checks the fields that begin at `start` of a whole header, and its checksum if it has one.
pub(super) fn check(header: &[u8], start: usize) -> Result<(), HeaderError> {
    let mut at = start;
    let mut checksum = None;
    while at < header.len() {
        let Some((kind, end)) = field(header, at) else {
            return Err(HeaderError::malformed("a field is longer than the header"));
        };
        if kind == CHECKSUM {
            let value = at + HEAD;
            if end - value != CHECKSUM_BYTES || checksum.replace(value).is_some() {
                return Err(HeaderError::malformed("the checksum doesn't have four bytes, or there are two"));
            }
        }
        at = end;
    }
    match checksum {
        Some(value) if !is_right(header, value) => {
            Err(HeaderError::new(HeaderFailure::Checksum, "the header has another checksum"))
        }
        _ => Ok(()),
    }
}

/// The type of the field that begins at a place, and where it ends.
fn field(header: &[u8], at: usize) -> Option<(u8, usize)> {
    let &[kind, high, low] = header.get(at..at + HEAD)? else { return None };
    let end = at + HEAD + usize::from(u16::from_be_bytes([high, low]));
    (end <= header.len()).then_some((kind, end))
}

/// Whether the checksum at a place is that of the header with zeros in its stead.
fn is_right(header: &[u8], value: usize) -> bool {
    let mut digest = CRC32C.digest();
    digest.update(&header[..value]);
    digest.update(&[0; CHECKSUM_BYTES]);
    digest.update(&header[value + CHECKSUM_BYTES..]);
    header[value..value + CHECKSUM_BYTES] == digest.finalize().to_be_bytes()
}

/// Writes the right checksum to its place, for tests that make headers.
#[cfg(test)]
pub(super) fn correct(header: &mut [u8], value: usize) {
    let place = value..value + CHECKSUM_BYTES;
    header[place.clone()].fill(0);
    let checksum = CRC32C.checksum(header).to_be_bytes();
    header[place].copy_from_slice(&checksum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc32c() {
        // The check value of the algorithm, and the 32 zeros of RFC 3720 appendix B.4.
        assert_eq!(CRC32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(CRC32C.checksum(&[0; 32]), 0x8a91_36aa);
    }
}
