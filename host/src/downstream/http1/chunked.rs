//! Strict reading of the chunked framing of a request body (RFC 9112 section 7.1).
//!
//! The content is skipped, not kept: hyper decodes it again. What counts here is that both see the same message end,
//! and so does the backend.

use crate::downstream::Refusal;

/// Longest line of a chunk size with its extension, bytes.
const MAX_SIZE_LINE: usize = 1024;
/// All extensions of a body together, bytes. hyper takes fewer than 16 KiB, and what it refuses would look like a client
/// that has left.
const MAX_EXTENSIONS: usize = 15 * 1024;
/// Largest trailer section, bytes.
const MAX_TRAILERS: usize = 8 * 1024;
/// Most trailer fields; hyper takes no more.
const MAX_FIELDS: usize = 100;

/// Where in the chunked framing the next byte stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunked {
    state: ChunkState,
    /// Size of the chunk whose size line is being read, then what is left of its data.
    size: u64,
    /// Bytes of the line or trailer section being read.
    length: usize,
    /// Bytes of extensions so far.
    extensions: usize,
    /// Trailer fields so far.
    fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    /// Before the first hexadecimal digit.
    SizeStart,
    Size,
    /// White space after the size: allowed before an extension (RFC 9112 section 7.1.1), and taken at the end of the line, as
    /// some clients pad the number.
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: ChunkState::SizeStart, size: 0, length: 0, extensions: 0, fields: 0 }
    }
}

impl Chunked {
    /// Reads on. The answer is how many bytes belong to the body and whether it ended with them.
    ///
    /// # Errors
    ///
    /// The first byte that breaks the framing.
    pub fn advance(&mut self, input: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut at = 0;
        while at < input.len() {
            if self.state == ChunkState::Data {
                let step = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - at);
                at += step;
                self.size -= step as u64;
                if self.size == 0 {
                    self.state = ChunkState::DataCr;
                }
                continue;
            }
            if self.step(input[at])? {
                return Ok((at + 1, true));
            }
            at += 1;
        }
        Ok((at, false))
    }

    /// Takes one byte outside the data; says whether it was the body's last.
    fn step(&mut self, byte: u8) -> Result<bool, Refusal> {
        self.length += 1;
        let limit = match self.state {
            ChunkState::TrailerStart
            | ChunkState::TrailerName
            | ChunkState::TrailerValue
            | ChunkState::TrailerLf
            | ChunkState::EndLf => MAX_TRAILERS,
            _ => MAX_SIZE_LINE,
        };
        if self.length > limit {
            return Err(Refusal::Chunk);
        }
        self.state = match (self.state, byte) {
            (ChunkState::SizeStart | ChunkState::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.size = self
                    .size
                    .checked_mul(16)
                    .and_then(|size| size.checked_add(hex(byte)))
                    .ok_or(Refusal::Chunk)?;
                ChunkState::Size
            }
            (ChunkState::Size | ChunkState::SizeSpace, b' ' | b'\t') => ChunkState::SizeSpace,
            (ChunkState::Size | ChunkState::SizeSpace, b';') => ChunkState::Extension,
            (ChunkState::Size | ChunkState::SizeSpace | ChunkState::Extension, b'\r') => ChunkState::SizeLf,
            (ChunkState::Extension, b'\t' | b' '..=b'~' | 0x80..) if self.extensions < MAX_EXTENSIONS => {
                self.extensions += 1;
                ChunkState::Extension
            }
            (ChunkState::SizeLf, b'\n') => {
                self.length = 0;
                if self.size == 0 { ChunkState::TrailerStart } else { ChunkState::Data }
            }
            (ChunkState::DataCr, b'\r') => ChunkState::DataLf,
            (ChunkState::DataLf, b'\n') => {
                self.length = 0;
                ChunkState::SizeStart
            }
            (ChunkState::TrailerStart, b'\r') => ChunkState::EndLf,
            (ChunkState::TrailerStart, byte) if is_token(byte) && self.fields < MAX_FIELDS => {
                self.fields += 1;
                ChunkState::TrailerName
            }
            (ChunkState::TrailerName, b':') => ChunkState::TrailerValue,
            (ChunkState::TrailerName, byte) if is_token(byte) => ChunkState::TrailerName,
            (ChunkState::TrailerValue, b'\r') => ChunkState::TrailerLf,
            (ChunkState::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => ChunkState::TrailerValue,
            (ChunkState::TrailerLf, b'\n') => ChunkState::TrailerStart,
            (ChunkState::EndLf, b'\n') => return Ok(true),
            _ => return Err(Refusal::Chunk),
        };
        Ok(false)
    }
}

fn hex(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    })
}

/// A character of a field name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the body at once and byte by byte; both must agree.
    fn check(body: &[u8], expect: Result<(usize, bool), Refusal>) {
        assert_eq!(
            Chunked::default().advance(body),
            expect,
            "at once: {:?}",
            body.escape_ascii().to_string()
        );
        let mut chunked = Chunked::default();
        let mut at = 0;
        let piecewise = loop {
            if at == body.len() {
                break Ok((at, false));
            }
            match chunked.advance(&body[at..=at]) {
                Ok((n, true)) => break Ok((at + n, true)),
                Ok((n, false)) => at += n,
                Err(refusal) => break Err(refusal),
            }
        };
        assert_eq!(piecewise, expect, "byte by byte: {:?}", body.escape_ascii().to_string());
    }

    #[test]
    fn plain_bodies_end_where_they_should() {
        check(b"0\r\n\r\n", Ok((5, true)));
        check(b"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1", Ok((13, true)));
        check(b"a;name=value\r\n0123456789\r\n00\r\n\r\n", Ok((32, true)));
        check(b"1\r\na\r\n0\r\nx-sum: 1\r\nx-b:\r\n\r\n", Ok((27, true)));
        check(b"FF\r\nabc", Ok((7, false)));
        check(b"3 ;a=b\r\nabc\r\n0\r\n\r\n", Ok((18, true)));
        check(b"3\t;a=b\r\nabc\r\n0 \t ;\r\n\r\n", Ok((22, true)));
        check(b"3 \r\nabc\r\n0   \r\n\r\n", Ok((17, true)));
    }

    #[test]
    fn odd_framing_is_refused() {
        for body in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"1 1\r\na\r\n",
            b"1 \n",
            b"1 \r\r\n",
            b"1 x\r\n",
            b"1 \x0b\r\n",
            b" ;a\r\n",
            b"0x1\r\na",
            b"1\na\r\n",
            b"1\rxa",
            b"1;a\nb\r\n",
            b"1;\0\r\na\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            b"11111111111111111\r\n",
            b"0\r\n x: folded\r\n\r\n",
            b"0\r\nx : 1\r\n\r\n",
            b"0\r\nx\r\n\r\n",
            b"0\r\nx: \0\r\n\r\n",
            b"0\r\nx: 1\n\r\n",
            b"0\r\n\rx",
        ] {
            check(body, Err(Refusal::Chunk));
        }
        check(&[b"1;".as_slice(), &[b'x'; MAX_SIZE_LINE]].concat(), Err(Refusal::Chunk));
        check(&[b"1".as_slice(), &[b' '; MAX_SIZE_LINE]].concat(), Err(Refusal::Chunk));
        check(&[b"0\r\nx: ".as_slice(), &[b'x'; MAX_TRAILERS]].concat(), Err(Refusal::Chunk));
        check(&[b"0\r\n".as_slice(), &b"x:\r\n".repeat(MAX_FIELDS + 1)].concat(), Err(Refusal::Chunk));
        let extended = [b"1;".as_slice(), &[b'x'; 512], b"\r\na\r\n"].concat();
        check(&extended.repeat(MAX_EXTENSIONS / 512 + 1), Err(Refusal::Chunk));
    }

    #[test]
    fn what_is_just_within_the_limits_passes() {
        let extended = [b"1;".as_slice(), &[b'x'; 512], b"\r\na\r\n"].concat();
        let fields = b"x:\r\n".repeat(MAX_FIELDS);
        let body = [&extended.repeat(MAX_EXTENSIONS / 512)[..], b"0\r\n", &fields, b"\r\n"].concat();
        check(&body, Ok((body.len(), true)));
    }
}
