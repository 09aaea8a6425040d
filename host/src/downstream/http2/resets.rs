//! Finds the resets of streams among the frames of one direction.

/// Length of a frame's head (RFC 9113 section 4.1).
const HEAD: usize = 9;

/// A RST_STREAM frame as a whole: its head, and a code of four bytes.
const RESET: usize = HEAD + 4;

/// The kind of frame that resets a stream (RFC 9113 section 6.4).
const RST_STREAM: u8 = 3;

/// Follows the frames of one direction, and looks at nothing but resets.
#[derive(Debug)]
pub(super) struct Resets {
    /// The beginning of the frame in progress, of which so many bytes have come.
    begun: [u8; RESET],
    filled: usize,
    /// As many bytes are to be passed over.
    skipped: usize,
}

impl Resets {
    /// Of a direction that begins with this many bytes that are no frame.
    pub(super) fn after(skipped: usize) -> Self {
        Self { begun: [0; RESET], filled: 0, skipped }
    }

    /// Reads on; each reset is told with its code.
    pub(super) fn advance(&mut self, mut input: &[u8], mut found: impl FnMut(u32)) {
        loop {
            let step = input.len().min(self.skipped);
            (self.skipped, input) = (self.skipped - step, &input[step..]);
            if input.is_empty() {
                return;
            }
            let wanted = if self.filled < HEAD { HEAD } else { RESET };
            let step = input.len().min(wanted - self.filled);
            self.begun[self.filled..self.filled + step].copy_from_slice(&input[..step]);
            (self.filled, input) = (self.filled + step, &input[step..]);
            if self.filled < wanted {
                return;
            }
            let [high, middle, low, kind, _, _, _, _, _, code @ ..] = self.begun;
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if kind != RST_STREAM || length != RESET - HEAD {
                (self.skipped, self.filled) = (length, 0);
            } else if wanted == RESET {
                found(u32::from_be_bytes(code));
                self.filled = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_found_however_the_bytes_are_cut() {
        let frames: &[&[u8]] = &[
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            // SETTINGS, RST_STREAM(8), DATA that looks like one, RST_STREAM of a wrong length, RST_STREAM(0x1020304).
            b"\0\0\0\x04\0\0\0\0\0",
            b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
            b"\0\0\x0d\0\0\0\0\0\x03\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07",
            b"\0\0\x05\x03\0\0\0\0\x01\0\0\0\x06\0",
            b"\0\0\x04\x03\0\0\0\0\x05\x01\x02\x03\x04",
            b"\0\0\0\x04\x01\0\0\0\0",
        ];
        let bytes = frames.concat();
        for size in 1..=bytes.len() {
            let (mut resets, mut codes) = (Resets::after(24), Vec::new());
            bytes.chunks(size).for_each(|chunk| resets.advance(chunk, |code| codes.push(code)));
            assert_eq!(codes, [8, 0x0102_0304], "{size}");
        }
    }
}
