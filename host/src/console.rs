//! What commands say on the terminal.
//!
//! The reader may leave before the end, as `head` does: that is no failure. Everything is escaped, as names of files and errors may
//! hold control sequences from others.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write};

use pointsman_core::printable::Escape;

/// Says one line on standard output.
///
/// # Errors
///
/// It can't be written, and not because the reader has left.
pub fn say(line: impl Display) -> io::Result<()> {
    print(Escape::new(String::new(), usize::MAX), line)
}

/// Says a text that may have several lines.
///
/// # Errors
///
/// It can't be written, and not because the reader has left.
pub fn say_text(text: impl Display) -> io::Result<()> {
    print(Escape::new(String::new(), usize::MAX).with_line_feeds(), text)
}

/// Says a text like [`say_text`], for whom it makes no difference whether it can be written.
macro_rules! show {
    ($($text:tt)*) => { $crate::console::show_text(format_args!($($text)*)) };
}
pub(crate) use show;

/// [`say_text`] for whom it makes no difference whether it can be written.
pub(crate) fn show_text(text: impl Display) {
    let _ = say_text(text);
}

/// Writes one line to standard error. If that fails, there is no way left to report it.
pub fn complain(line: impl Display) {
    let _ = io::stderr().lock().write_all(escaped(Escape::new(String::new(), usize::MAX), line).as_bytes());
}

/// Puts bytes on standard output as they are, for a program to read.
///
/// # Errors
///
/// They can't be written, and not because the reader has left.
pub fn put(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

fn print(escape: Escape<String>, text: impl Display) -> io::Result<()> {
    put(escaped(escape, text).as_bytes())
}

fn escaped(mut escape: Escape<String>, text: impl Display) -> String {
    // Writing into a string doesn't fail.
    let _ = write!(escape, "{text}");
    let mut text = escape.into_inner();
    text.push('\n');
    text
}
