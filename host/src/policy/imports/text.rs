//! Texts from guests, made fit for logs.

use pointsman_sdk::abi::limit::TEXT_BYTES;

/// The text cut to the contract's limit, with what isn't UTF-8 replaced and control characters escaped: a guest must
/// not be able to forge log lines or drive a terminal.
pub(super) fn printable(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(TEXT_BYTES)];
    let mut text = String::with_capacity(cut.len());
    for char in String::from_utf8_lossy(cut).chars() {
        if char.is_control() {
            text.extend(char.escape_default());
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_harmless() {
        assert_eq!(printable("grün".as_bytes()), "grün");
        assert_eq!(printable(b"a\nb\x1b[31m\0"), "a\\nb\\u{1b}[31m\\u{0}");
        assert_eq!(printable(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(printable("ü".repeat(2000).as_bytes()).chars().count(), TEXT_BYTES / 2);
    }
}
