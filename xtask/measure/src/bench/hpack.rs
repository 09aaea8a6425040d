//! Reading header blocks of HTTP/2 (RFC 7541), of contenders that write them as they like.

use std::collections::VecDeque;

/// Bytes that the table of a connection may take.
const TABLE: usize = 4096;

/// What an entry takes beside its text (section 4.1).
const ENTRY: usize = 32;

/// Bits of the longest code.
const LONGEST_CODE: usize = 30;

/// Lengths of the codes of all bytes, bits; the code is canonical (appendix B).
#[rustfmt::skip]
const CODE_LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The code, by the lengths of its codes.
static CODE: Code = Code::of(&CODE_LENGTHS);

/// How many fields are in everybody's table.
const STATIC_FIELDS: usize = 61;

/// The fields that are in everybody's table, from 1 on (appendix A); a value follows after a space.
const STATIC: &str = "\
:authority\n\
:method GET\n\
:method POST\n\
:path /\n\
:path /index.html\n\
:scheme http\n\
:scheme https\n\
:status 200\n\
:status 204\n\
:status 206\n\
:status 304\n\
:status 400\n\
:status 404\n\
:status 500\n\
accept-charset\n\
accept-encoding gzip, deflate\n\
accept-language\n\
accept-ranges\n\
accept\n\
access-control-allow-origin\n\
age\n\
allow\n\
authorization\n\
cache-control\n\
content-disposition\n\
content-encoding\n\
content-language\n\
content-length\n\
content-location\n\
content-range\n\
content-type\n\
cookie\n\
date\n\
etag\n\
expect\n\
expires\n\
from\n\
host\n\
if-match\n\
if-modified-since\n\
if-none-match\n\
if-range\n\
if-unmodified-since\n\
last-modified\n\
link\n\
location\n\
max-forwards\n\
proxy-authenticate\n\
proxy-authorization\n\
range\n\
referer\n\
refresh\n\
retry-after\n\
server\n\
set-cookie\n\
strict-transport-security\n\
transfer-encoding\n\
user-agent\n\
vary\n\
via\n\
www-authenticate";

pub(super) type Field = (Vec<u8>, Vec<u8>);

/// A block that isn't understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fields that a connection has had, the last one first.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: VecDeque<Field>,
    size: usize,
}

impl Table {
    /// The fields of a block; without `keep` none, but what they do to the table is done.
    pub(super) fn read(&mut self, mut block: &[u8], keep: bool) -> Result<Vec<Field>, Malformed> {
        let mut fields = Vec::new();
        while let Some(&first) = block.first() {
            match first {
                0x80.. => {
                    let index = number(&mut block, 7)?;
                    if keep {
                        fields.push(self.entry(index)?);
                    }
                }
                0x40.. => {
                    let field = self.literal(&mut block, 6)?;
                    fields.extend(keep.then(|| field.clone()));
                    self.insert(field);
                }
                0x20.. => self.shrink(number(&mut block, 5)?.min(TABLE)),
                _ if keep => fields.push(self.literal(&mut block, 4)?),
                _ => {
                    if number(&mut block, 4)? == 0 {
                        raw_text(&mut block)?;
                    }
                    raw_text(&mut block)?;
                }
            }
        }
        Ok(fields)
    }

    fn literal(&self, block: &mut &[u8], prefix: u32) -> Result<Field, Malformed> {
        let name = match number(block, prefix)? {
            0 => text(block)?,
            index => self.entry(index)?.0,
        };
        Ok((name, text(block)?))
    }

    fn entry(&self, index: usize) -> Result<Field, Malformed> {
        let index = index.checked_sub(1).ok_or(Malformed)?;
        if let Some(index) = index.checked_sub(STATIC_FIELDS) {
            return self.entries.get(index).cloned().ok_or(Malformed);
        }
        let line = STATIC.lines().nth(index).ok_or(Malformed)?;
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        Ok((name.into(), value.into()))
    }

    fn insert(&mut self, field: Field) {
        self.size += field.0.len() + field.1.len() + ENTRY;
        self.entries.push_front(field);
        self.shrink(TABLE);
    }

    fn shrink(&mut self, most: usize) {
        while self.size > most
            && let Some((name, value)) = self.entries.pop_back()
        {
            self.size -= name.len() + value.len() + ENTRY;
        }
    }
}

/// A number whose first bits are in a byte with others (section 5.1).
fn number(block: &mut &[u8], prefix: u32) -> Result<usize, Malformed> {
    let (&first, rest) = block.split_first().ok_or(Malformed)?;
    *block = rest;
    let most = (1 << prefix) - 1;
    let mut number = usize::from(first) & most;
    if number < most {
        return Ok(number);
    }
    for shift in [0, 7, 14, 21] {
        let (&next, rest) = block.split_first().ok_or(Malformed)?;
        *block = rest;
        number += usize::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

fn text(block: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let (text, is_coded) = raw_text(block)?;
    if is_coded { decode(text) } else { Ok(text.to_vec()) }
}

/// Text as it is written, and whether that is in Huffman's code.
fn raw_text<'a>(block: &mut &'a [u8]) -> Result<(&'a [u8], bool), Malformed> {
    let is_coded = block.first().is_some_and(|first| *first >= 0x80);
    let length = number(block, 7)?;
    let (text, rest) = block.split_at_checked(length).ok_or(Malformed)?;
    *block = rest;
    Ok((text, is_coded))
}

/// Text in Huffman's code (section 5.2).
fn decode(coded: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::new();
    let (mut code, mut length) = (0_u32, 0_u8);
    for byte in coded {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            if usize::from(length) > LONGEST_CODE {
                return Err(Malformed);
            }
            if let Some(found) = CODE.byte(code, length) {
                text.push(found);
                (code, length) = (0, 0);
            }
        }
    }
    // What is left pads the last byte with ones.
    if length < 8 && code == (1 << length) - 1 { Ok(text) } else { Err(Malformed) }
}

/// A canonical code: codes of one length follow each other by their bytes, and longer ones follow shorter ones.
#[derive(Debug)]
struct Code {
    /// The first code of each length.
    first: [u32; LONGEST_CODE + 1],
    /// Where the bytes with codes of each length begin.
    start: [usize; LONGEST_CODE + 2],
    /// All bytes, by their codes.
    bytes: [u8; 256],
}

impl Code {
    const fn of(lengths: &[u8; 256]) -> Self {
        let mut all = Self { first: [0; LONGEST_CODE + 1], start: [0; LONGEST_CODE + 2], bytes: [0; 256] };
        let (mut length, mut code, mut place) = (0, 0_u32, 0);
        while length <= LONGEST_CODE {
            all.first[length] = code;
            all.start[length] = place;
            let mut byte = 0;
            while byte < lengths.len() {
                if lengths[byte] as usize == length {
                    all.bytes[place] = byte as u8;
                    place += 1;
                    code += 1;
                }
                byte += 1;
            }
            code <<= 1;
            length += 1;
        }
        all.start[length] = place;
        all
    }

    /// The byte with this code.
    fn byte(&self, code: u32, length: u8) -> Option<u8> {
        let length = usize::from(length);
        let place = code.checked_sub(self.first[length])? as usize;
        self.bytes[self.start[length]..self.start[length + 1]].get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digits: &str) -> Vec<u8> {
        let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn the_requests_of_the_specification_are_read() {
        // RFC 7541 appendix C.4: in Huffman's code, with entries of the table that are used again.
        let mut table = Table::default();
        for (block, last) in [
            ("828684418cf1e3c2e5f23a6ba0ab90f4ff", (":authority", "www.example.com")),
            ("828684be5886a8eb10649cbf", ("cache-control", "no-cache")),
            ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", ("custom-key", "custom-value")),
        ] {
            let fields = table.read(&hex(block), true).unwrap();
            assert_eq!(fields[0], (b":method".to_vec(), b"GET".to_vec()));
            assert_eq!(fields.last(), Some(&(last.0.into(), last.1.into())));
        }
        assert_eq!(table.size, 164);
    }

    #[test]
    fn what_is_not_kept_is_in_the_table_all_the_same() {
        let mut table = Table::default();
        assert_eq!(table.read(&hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"), false), Ok(Vec::new()));
        let fields = table.read(&hex("be"), true).unwrap();
        assert_eq!(fields, [(b":authority".to_vec(), b"www.example.com".to_vec())]);
        assert_eq!(table.read(&hex("ff"), true), Err(Malformed));
    }

    #[test]
    fn every_byte_has_the_code_of_the_specification() {
        // RFC 7541 appendix B: the first and the last codes, and some between them.
        for (code, length, byte) in [
            (0x0, 5, b'0'),
            (0x5, 5, b'e'),
            (0x14, 6, b' '),
            (0x5c, 7, b':'),
            (0xfc, 8, b'X'),
            (0x1ff8, 13, 0),
            (0x3ff_ffee, 26, 0xff),
            (0x3fff_fffe, 30, 22),
        ] {
            assert_eq!(CODE.byte(code, length), Some(byte), "{code:x}");
        }
        assert_eq!(STATIC.lines().count(), STATIC_FIELDS);
        // The code that ends a text must not be in it (section 5.2).
        assert_eq!(decode(&[0xff; 4]), Err(Malformed));
    }
}
