//! Texts from guests, made fit for logs.

use pointsman_core::printable::Printable;
use pointsman_sdk::abi::limit::TEXT_BYTES;

/// The text cut to the contract's limit, with what isn't UTF-8 replaced.
pub(super) fn printable(bytes: &[u8]) -> Printable {
    Printable::text(String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_harmless() {
        let shown = |bytes: &[u8]| printable(bytes).to_string();
        assert_eq!(shown("grün".as_bytes()), "grün");
        assert_eq!(shown(b"a\nb\x1b[31m\0"), "a\\nb\\u{1b}[31m\\u{0}");
        assert_eq!(shown(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(shown("ü".repeat(2000).as_bytes()).chars().count(), TEXT_BYTES / 2);
    }
}
