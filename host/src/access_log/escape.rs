//! Texts of strangers, within a line of the log.

use super::plain::{JSON_END, TEXT_END, are_plain, is_plain};
use super::texts::Kept;

/// Longest text of a client, bytes in the line, so that a line's length has a bound.
pub(super) const TEXT: usize = 2 << 10;

/// Follows a text that was cut.
const CUT: &str = "…";
/// The same in a line that is ASCII.
const CUT_ASCII: &str = "\\xE2\\x80\\xA6";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Adds the inside of a string of JSON: UTF-8 as it is, any other byte as the character of its number. At most [`TEXT`] bytes, and a
/// mark if that, or who kept the text, has cut it.
pub(super) fn json(line: &mut Vec<u8>, Kept { text, is_cut, is_plain }: Kept<'_>) {
    if is_plain || text.len() <= TEXT && are_plain(text, JSON_END) {
        line.extend_from_slice(text);
        if is_cut {
            line.extend_from_slice(CUT.as_bytes());
        }
        return;
    }
    json_slowly(line, text, is_cut);
}

#[cold]
fn json_slowly(line: &mut Vec<u8>, text: &[u8], is_cut: bool) {
    let most = line.len() + TEXT;
    let mut chunks = text.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        for character in chunk.valid().chars() {
            let mut space = [0; 4];
            let escaped = match character {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\0'..='\x1f' => {
                    let mut code = *b"\\u0000";
                    hex(&mut code[4..], character as u8);
                    if !append(line, &code, most) {
                        return;
                    }
                    continue;
                }
                character => character.encode_utf8(&mut space),
            };
            if !append(line, escaped.as_bytes(), most) {
                return;
            }
        }
        // What a cut has left of a last character isn't a byte that is wrong.
        let is_end = chunks.peek().is_none() && is_cut;
        for &byte in chunk.invalid().iter().take(if is_end { 0 } else { usize::MAX }) {
            let mut code = *b"\\u0000";
            hex(&mut code[4..], byte);
            if !append(line, &code, most) {
                return;
            }
        }
    }
    if is_cut {
        line.extend_from_slice(CUT.as_bytes());
    }
}

/// Adds a part of a text if there is room, or else the mark of a cut.
fn append(line: &mut Vec<u8>, part: &[u8], most: usize) -> bool {
    let fits = line.len() + part.len() <= most;
    line.extend_from_slice(if fits { part } else { CUT.as_bytes() });
    fits
}

/// Adds a text in a line of ASCII: quotes, backslashes, control characters and everything beyond ASCII as `\xHH`.
pub(super) fn text(line: &mut Vec<u8>, Kept { text, is_cut, is_plain }: Kept<'_>) {
    if is_plain || text.len() <= TEXT && are_plain(text, TEXT_END) {
        line.extend_from_slice(text);
    } else if !text_slowly(line, text) {
        return;
    }
    if is_cut {
        line.extend_from_slice(CUT_ASCII.as_bytes());
    }
}

/// Whether all of it found room.
#[cold]
fn text_slowly(line: &mut Vec<u8>, text: &[u8]) -> bool {
    let most = line.len() + TEXT;
    for &byte in text {
        let mut code = *b"\\x00";
        hex(&mut code[2..], byte);
        let part = if is_plain(byte, TEXT_END) { &[byte][..] } else { &code };
        if line.len() + part.len() > most {
            line.extend_from_slice(CUT_ASCII.as_bytes());
            return false;
        }
        line.extend_from_slice(part);
    }
    true
}

fn hex(digits: &mut [u8], byte: u8) {
    digits[0] = DIGITS[usize::from(byte >> 4)];
    digits[1] = DIGITS[usize::from(byte & 0xf)];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_json(bytes: &[u8]) -> String {
        let mut line = Vec::new();
        json(&mut line, Kept::whole(bytes));
        String::from_utf8(line).expect("UTF-8")
    }

    fn as_text(bytes: &[u8]) -> String {
        let mut line = Vec::new();
        text(&mut line, Kept::whole(bytes));
        String::from_utf8(line).expect("UTF-8")
    }

    #[test]
    fn odd_bytes_are_written_so_that_they_can_be_told() {
        for (bytes, in_json, in_text) in [
            (&b"plain /path?x=1"[..], "plain /path?x=1", "plain /path?x=1"),
            (b"\xff", r"\u00FF", r"\xFF"),
            (b"a\"b\\c", r#"a\"b\\c"#, r"a\x22b\x5Cc"),
            (b"\r\n\t\0\x1b", r"\r\n\t\u0000\u001B", r"\x0D\x0A\x09\x00\x1B"),
            (b"\x7f", "\x7f", r"\x7F"),
            ("grün".as_bytes(), "grün", r"gr\xC3\xBCn"),
            // Half a character, at the end and in the middle.
            (b"gr\xc3", r"gr\u00C3", r"gr\xC3"),
            (b"gr\xc3n", r"gr\u00C3n", r"gr\xC3n"),
            (b"\xe2\x80x\xc3\xbc", r"\u00E2\u0080xü", r"\xE2\x80x\xC3\xBC"),
        ] {
            assert_eq!(as_json(bytes), in_json, "{bytes:?}");
            assert_eq!(as_text(bytes), in_text, "{bytes:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for bytes in [vec![b'a'; 5000], "ü".repeat(3000).into_bytes(), vec![0xff; 3000], vec![b'"'; 3000]] {
            let (in_json, in_text) = (as_json(&bytes), as_text(&bytes));
            assert!(in_json.len() <= TEXT + CUT.len() && in_json.ends_with(CUT), "{in_json}");
            assert!(in_text.len() <= TEXT + CUT_ASCII.len() && in_text.ends_with(CUT_ASCII), "{in_text}");
            serde_json::from_str::<String>(&format!("\"{in_json}\"")).expect("a string");
        }
    }

    #[test]
    fn a_character_that_was_cut_before_is_left_out() {
        let mut line = Vec::new();
        json(&mut line, Kept { is_cut: true, ..Kept::whole(b"gr\xc3") });
        assert_eq!(line, "gr…".as_bytes());
        let mut line = Vec::new();
        text(&mut line, Kept { is_cut: true, ..Kept::whole(b"gr") });
        assert_eq!(line, br"gr\xE2\x80\xA6");
    }

    proptest! {
        #[test]
        fn any_bytes_are_one_string_on_one_line(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let in_json = as_json(&bytes);
            let read: String = serde_json::from_str(&format!("\"{in_json}\"")).expect("a string");
            if let Ok(text) = std::str::from_utf8(&bytes) && in_json.len() <= TEXT {
                prop_assert_eq!(read, text);
            }
            let in_text = as_text(&bytes);
            prop_assert!(in_text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"'));
        }
    }
}
