//! Untrusted texts, made safe for logs and terminals.
//!
//! Plugins, clients, backends, name servers and files must be able neither to forge a line of the log nor to drive the terminal
//! of its reader. So their texts are kept as [`Printable`], which is escaped and cut when it is made; and all that is written
//! passes an [`Escape`] once more.

use std::fmt::{self, Display, Write};

/// Longest untrusted text that is kept, bytes; names are a tenth of it.
pub const TEXT_BYTES: usize = 4 << 10;

/// Adds a text, with every byte that may not stand in it as it is percent-encoded (RFC 3986 section 2.1).
pub fn percent_encode(text: &[u8], into: &mut String, may_stand: impl Fn(u8) -> bool) {
    for &byte in text {
        if byte.is_ascii() && may_stand(byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a text doesn't fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// A name within the name or the value of a cookie, in which not all characters may stand (RFC 6265 section 4.1.1).
#[must_use]
pub fn cookie_encode(name: &str) -> String {
    let mut text = String::new();
    percent_encode(name.as_bytes(), &mut text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    });
    text
}

/// What follows a text that was cut.
const CUT: char = '…';

/// A text that holds nothing but printable characters, on one line, and not too many of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Printable(Box<str>);

impl Printable {
    /// At most [`TEXT_BYTES`] of what is displayed.
    #[must_use]
    pub fn text(text: impl Display) -> Self {
        Self::cut(text, TEXT_BYTES)
    }

    /// A name, of which there may be several in one message.
    #[must_use]
    pub fn name(name: impl Display) -> Self {
        Self::cut(name, TEXT_BYTES / 10)
    }

    fn cut(text: impl Display, most: usize) -> Self {
        let mut printable = String::new();
        // Writing into a string doesn't fail, and a text that says it can't be displayed is shown as far as it was.
        let _ = write!(Escape::new(&mut printable, most), "{text}");
        Self(printable.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Printable {
    fn from(text: T) -> Self {
        Self::text(text.as_ref())
    }
}

impl Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Writes what it is given with every unprintable character escaped, and not more than it has room for.
#[derive(Debug)]
pub struct Escape<W> {
    out: W,
    room: usize,
    is_cut: bool,
    line_feeds: bool,
}

impl<W: Write> Escape<W> {
    /// Escapes into `out`, at most `room` bytes.
    pub fn new(out: W, room: usize) -> Self {
        Self { out, room, is_cut: false, line_feeds: false }
    }

    /// Lets line feeds pass, for texts of several lines.
    #[must_use]
    pub fn with_line_feeds(self) -> Self {
        Self { line_feeds: true, ..self }
    }

    /// What it has written into.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn pass(&mut self, text: &str) -> fmt::Result {
        if let Some(room) = self.room.checked_sub(text.len()) {
            self.room = room;
            return self.out.write_str(text);
        }
        let whole = text.floor_char_boundary(self.room);
        self.room = 0;
        self.is_cut = true;
        self.out.write_str(&text[..whole])?;
        self.out.write_char(CUT)
    }
}

impl<W: Write> Write for Escape<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let shown = self.line_feeds;
        let is_bad = |c: char| is_unprintable(c) && !(shown && c == '\n');
        while !self.is_cut {
            let Some((place, bad)) = rest.char_indices().find(|(_, c)| is_bad(*c)) else {
                return self.pass(rest);
            };
            self.pass(&rest[..place])?;
            let mut escaped = [0; 10];
            self.pass(escape(bad, &mut escaped))?;
            rest = &rest[place + bad.len_utf8()..];
        }
        Ok(())
    }
}

/// `\n` and the like, or `\u{…}`; at most ten bytes, all of them ASCII.
fn escape(c: char, into: &mut [u8; 10]) -> &str {
    let mut length = 0;
    for (place, escaped) in into.iter_mut().zip(c.escape_default()) {
        *place = u8::try_from(escaped).unwrap_or(b'?');
        length += 1;
    }
    std::str::from_utf8(&into[..length]).unwrap_or_default()
}

/// Whether a character does something else than to be seen: control characters, what ends a line for some readers, and
/// what changes the direction of writing, so that a text looks like another one.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untrusted_text_is_one_harmless_line() {
        for (said, shown) in [
            ("grün, 緑, 🟢", "grün, 緑, 🟢"),
            ("", ""),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\x1b[31mred\x1b]0;title\x07", r"\u{1b}[31mred\u{1b}]0;title\u{7}"),
            ("\u{9b}2J\u{85}\0\x7f", r"\u{9b}2J\u{85}\u{0}\u{7f}"),
            ("\u{202e}gnp.exe\u{2066}\u{200f}\u{61c}", r"\u{202e}gnp.exe\u{2066}\u{200f}\u{61c}"),
            ("line\u{2028}paragraph\u{2029}\u{feff}", r"line\u{2028}paragraph\u{2029}\u{feff}"),
            (r"C:\n", r"C:\n"),
        ] {
            assert_eq!(Printable::text(said).as_str(), shown);
            assert_eq!(Printable::text(Printable::text(said)).as_str(), shown, "once is enough");
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        let long = Printable::name("ü".repeat(100_000));
        assert_eq!(long.as_str().len(), TEXT_BYTES / 10 / 2 * 2 + '…'.len_utf8());
        assert!(long.as_str().ends_with('…'));
        assert_eq!(Printable::text("\n".repeat(100_000)).as_str().len(), TEXT_BYTES + '…'.len_utf8());
        let exactly = "x".repeat(TEXT_BYTES);
        assert_eq!(Printable::text(&exactly).as_str(), exactly);
    }

    #[test]
    fn line_feeds_pass_where_they_are_meant_to() {
        let mut out = String::new();
        write!(Escape::new(&mut out, 100).with_line_feeds(), "one\ntwo\x1b\r\n").expect("room");
        assert_eq!(out, "one\ntwo\\u{1b}\\r\n");
    }
}
