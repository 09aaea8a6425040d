//! Which texts can stand in a line as they are.

/// The first byte that can't stand in a string of JSON as it is, but for what is UTF-8.
pub(super) const JSON_END: u8 = 0x80;
/// The first byte that can't stand in a line of text as it is.
pub(super) const TEXT_END: u8 = 0x7f;

/// Whether a byte below this end can stand in a line as it is.
pub(super) const fn is_plain(byte: u8, end: u8) -> bool {
    (byte >= b' ') & (byte < end) & (byte != b'"') & (byte != b'\\')
}

/// Whether all bytes are printable ASCII below `end`, without quotes and backslashes. Looks at eight of them at a time, as most texts are short; the last eight may have been looked at before.
pub(super) fn are_plain(text: &[u8], end: u8) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    }
}
