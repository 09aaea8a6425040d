//! Lines for the host's log.
//!
//! A line is anything that can be displayed, and is formatted without allocating: pass a text or
//! `format_args!(…)`. The host names the pool and the policy, cuts lines off at
//! [`TEXT_BYTES`](crate::abi::limit::TEXT_BYTES) and limits their rate, so a line per pick is a bad idea.
//!
//! ```
//! use pointsman_sdk::log;
//! use pointsman_sdk::testing::TestHost;
//!
//! let host = TestHost::new();
//! host.run(|_| {
//!     log::info("ready");
//!     log::warn(format_args!("{} of {} backends have no label", 2, 3));
//! });
//! assert_eq!(host.logs(), ["info: ready", "warn: 2 of 3 backends have no label"]);
//! ```

use crate::abi::{limit, log_level};
use crate::imports::host;
use std::fmt::{self, Display, Write as _};

/// For whoever develops the policy; off unless the operator asks for it.
pub fn debug(line: impl Display) {
    write(log_level::DEBUG, &line);
}

/// Worth knowing.
pub fn info(line: impl Display) {
    write(log_level::INFO, &line);
}

/// Somebody should look.
pub fn warn(line: impl Display) {
    write(log_level::WARN, &line);
}

/// Something does not work.
pub fn error(line: impl Display) {
    write(log_level::ERROR, &line);
}

fn write(level: i32, line: &dyn Display) {
    let mut text = Line::<{ limit::TEXT_BYTES }>::new();
    // It fails when the line is full; what fits is told.
    let _ = write!(text, "{line}");
    host().log(level, text.as_str());
}

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
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fitting = &text.as_bytes()[..text.floor_char_boundary(N - self.len)];
        self.bytes[self.len..self.len + fitting.len()].copy_from_slice(fitting);
        self.len += fitting.len();
        // Stops whoever is formatting, so that nothing is added behind a cut.
        if fitting.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
