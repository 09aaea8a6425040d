//! A text that is formatted without allocating.

use std::fmt;

/// A text of at most `N` bytes on the stack. What does not fit is cut off between characters.
pub(crate) struct Line<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Line<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only whole characters are ever written, so this is never the default.
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Line<N> {
    // Once, as last words and lines of the log are rare.
    #[inline(never)]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        // As `str::floor_char_boundary`, which authors have with Rust 1.91 only.
        let mut fitting = text.len().min(room.len());
        while !text.is_char_boundary(fitting) {
            fitting -= 1;
        }
        if let (Some(to), Some(from)) = (room.get_mut(..fitting), text.as_bytes().get(..fitting)) {
            to.copy_from_slice(from);
            self.len += fitting;
        }
        // Stops the formatting, so that nothing is added behind a cut.
        if fitting == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn a_line_is_cut_off_between_characters() {
        let cases = [("", ""), ("abcde", "abcde"), ("abcdef", "abcde"), ("abcdé", "abcd"), ("ééé", "éé")];
        for (text, expected) in cases {
            let mut line = Line::<5>::new();
            assert_eq!(line.write_str(text).is_ok(), text == expected, "{text:?}");
            assert_eq!(line.as_str(), expected, "{text:?}");
        }
    }
}
