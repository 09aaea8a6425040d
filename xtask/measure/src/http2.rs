//! HTTP/2 as clients and backends of measurements write it: frames by hand, fields that a table has after their first use.

use anyhow::Result;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// What a client begins with, before its settings.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const SETTINGS_ACK: &[u8] = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00";

/// Bytes of a frame before its payload.
pub(crate) const FRAME_HEAD: usize = 9;

/// A frame as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of these bytes; `None` if its end isn't there yet.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s1, s2, s3, s4, rest @ ..] = bytes else { return None };
        let payload = rest.get(..u32::from_be_bytes([0, *a, *b, *c]) as usize)?;
        let stream = u32::from_be_bytes([*s1, *s2, *s3, *s4]);
        Some(Self { kind: *kind, flags: *flags, stream, payload })
    }

    /// Its block of fields, without what may stand around it (RFC 9113 section 6.2); `None` if that isn't as it should be.
    pub(crate) fn block(&self) -> Option<&'a [u8]> {
        let mut block = self.payload;
        let mut padding = 0;
        if self.flags & PADDED != 0 {
            let (length, rest) = block.split_first()?;
            (padding, block) = (usize::from(*length), rest);
        }
        if self.flags & PRIORITY != 0 {
            block = block.get(5..)?;
        }
        block.get(..block.len().checked_sub(padding)?)
    }

    /// Its bytes, head and payload.
    pub(crate) fn length(&self) -> usize {
        FRAME_HEAD + self.payload.len()
    }
}

/// Appends a frame, whose payload is shorter than 16 MiB.
pub(crate) fn put_frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    to.extend_from_slice(&[a, b, c, kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

/// Name and value of a field.
pub(crate) type Field = (&'static str, &'static str);

/// Fields as literals that go into the table (RFC 7541 section 6.2.1).
pub(crate) fn first_block(fields: &[(&str, &str)]) -> Result<Vec<u8>> {
    literals(0x40, fields)
}

/// Fields as literals that don't (RFC 7541 section 6.2.2).
pub(crate) fn plain_block(fields: &[(&str, &str)]) -> Result<Vec<u8>> {
    literals(0, fields)
}

fn literals(kind: u8, fields: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(kind);
        for text in [name, value] {
            block.push(u8::try_from(text.len())?);
            block.extend_from_slice(text.as_bytes());
        }
    }
    Ok(block)
}

/// The same fields, so many of them, from the table, whose last entry comes first, behind the 61 that are always there.
pub(crate) fn next_block(fields: usize) -> Result<Vec<u8>> {
    (0..fields).rev().map(|age| Ok(0x80 | u8::try_from(62 + age)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_is_between_priority_and_padding() {
        let frame = |flags, payload| Frame { kind: HEADERS, flags, stream: 1, payload };
        assert_eq!(frame(END_HEADERS, b"\x88").block(), Some(&b"\x88"[..]));
        assert_eq!(frame(PADDED, b"\x02\x88\0\0").block(), Some(&b"\x88"[..]));
        assert_eq!(frame(PADDED | PRIORITY, b"\x01\0\0\0\0\x10\x88\0").block(), Some(&b"\x88"[..]));
        assert_eq!(frame(PADDED, b"\x04\x88\0\0").block(), None);
        assert_eq!(frame(PRIORITY, b"\0\0").block(), None);
    }
}
