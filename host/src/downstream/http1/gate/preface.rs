//! Telling HTTP/2 from HTTP/1 on a port in clear (RFC 9113 section 3.3).

use super::{Gate, State};
use crate::stream::Stream;

/// What a connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// It is HTTP/1.
    Http1,
    /// It is HTTP/2.
    Http2,
    /// More has to come.
    Unknown,
}

impl Beginning {
    fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(PREFACE) {
            Self::Http2
        } else if PREFACE.starts_with(bytes) {
            Self::Unknown
        } else {
            Self::Http1
        }
    }
}

impl Gate {
    /// The socket of a connection of HTTP/2, and what was read from it.
    #[must_use]
    pub fn into_http2(self) -> (Stream, Vec<u8>) {
        (self.stream, self.pending)
    }

    /// Whether what was read is held until it is known to be HTTP/1.
    pub(super) fn is_held(&mut self, input: &[u8]) -> bool {
        match Beginning::of(input) {
            Beginning::Unknown => true,
            Beginning::Http1 => {
                self.state = State::Open;
                false
            }
            Beginning::Http2 => {
                self.state = State::Http2;
                self.intake.queue.turn_to_http2();
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_with_the_first_byte_that_differs_and_with_the_last() {
        for split in 0..PREFACE.len() {
            assert_eq!(Beginning::of(&PREFACE[..split]), Beginning::Unknown, "{split}");
            let other = [&PREFACE[..split], b"x"].concat();
            assert_eq!(Beginning::of(&other), Beginning::Http1, "{split}");
        }
        assert_eq!(Beginning::of(PREFACE), Beginning::Http2);
        assert_eq!(Beginning::of(&[PREFACE, b"\0"].concat()), Beginning::Http2);
        assert_eq!(Beginning::of(b"P\n"), Beginning::Http1);
    }
}
