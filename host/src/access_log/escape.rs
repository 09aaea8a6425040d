//! Texts of strangers, within a line of the log.

/// Longest text of a client, bytes in the line, so that a line's length has a bound.
pub(super) const TEXT: usize = 2 << 10;

/// Follows a text that was cut.
const CUT: &str = "…";
/// The same in a line that is ASCII.
const CUT_ASCII: &str = "\\xE2\\x80\\xA6";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The first byte that can't stand in a string of JSON as it is, but for what is UTF-8.
const JSON_END: u8 = 0x80;
/// The first byte that can't stand in a line of text as it is.
const TEXT_END: u8 = 0x7f;

/// Whether a byte below this end can stand in a line as it is.
const fn is_plain(byte: u8, end: u8) -> bool {
    (byte >= b' ') & (byte < end) & (byte != b'"') & (byte != b'\\')
}

/// Whether all bytes are plain. Looks at eight of them at a time, as most texts are short; the last eight may have been looked at before.
fn are_plain(text: &[u8], end: u8) -> bool {
    let Some(last) = text.last_chunk() else {
        return text.iter().fold(true, |plain, &byte| plain & is_plain(byte, end));
    };
    let (eights, _) = text.as_chunks();
    eights.iter().fold(eight_are_plain(last, end), |plain, eight| plain & eight_are_plain(eight, end))
}

/// Whether eight bytes are plain, without a look at each: the highest bit of each byte says what is true of it.
fn eight_are_plain(bytes: &[u8; 8], end: u8) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let bytes = u64::from_le_bytes(*bytes);
    // Right unless a byte before it is below, in which case the answer is the same.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let is = |byte: u8| below(bytes ^ (ONES * u64::from(byte)), 1);
    let beyond = if end < JSON_END { bytes | is(TEXT_END) } else { bytes };
    (below(bytes, b' ') | is(b'"') | is(b'\\') | beyond) & HIGHEST == 0
}

/// Adds the inside of a string of JSON: UTF-8 as it is, any other byte as the character of its number. At most [`TEXT`] bytes, and a
/// mark if that, or who kept the text, has cut it.
pub(super) fn json(line: &mut Vec<u8>, text: &[u8], is_cut: bool) {
    if text.len() <= TEXT && are_plain(text, JSON_END) {
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
pub(super) fn text(line: &mut Vec<u8>, text: &[u8], is_cut: bool) {
    if text.len() <= TEXT && are_plain(text, TEXT_END) {
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
        json(&mut line, bytes, false);
        String::from_utf8(line).expect("UTF-8")
    }

    fn as_text(bytes: &[u8]) -> String {
        let mut line = Vec::new();
        text(&mut line, bytes, false);
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
        json(&mut line, b"gr\xc3", true);
        assert_eq!(line, "gr…".as_bytes());
        let mut line = Vec::new();
        text(&mut line, b"gr", true);
        assert_eq!(line, br"gr\xE2\x80\xA6");
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_are_as_plain_as_one(bytes in prop::collection::vec(any::<u8>(), 0..40), at in 0..40usize, odd in any::<u8>()) {
            let mut text: Vec<u8> = bytes.iter().map(|byte| b' ' + byte % 95).filter(|byte| !b"\"\\".contains(byte)).collect();
            for text in [bytes, text.clone(), { if let Some(byte) = text.get_mut(at) { *byte = odd; } text }] {
                for end in [JSON_END, TEXT_END] {
                    prop_assert_eq!(are_plain(&text, end), text.iter().all(|&byte| is_plain(byte, end)));
                }
            }
        }

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
