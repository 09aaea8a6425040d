//! Escapes of bytes by percent signs (RFC 3986 section 2.1).

/// A part of a text with escapes.
pub(crate) enum Piece<'a> {
    /// Of this byte.
    Escape(u8),
    /// A percent sign without two digits.
    BadEscape,
    /// As it stands.
    Text(&'a [u8]),
}

/// The parts of a text, in their order.
pub(crate) fn pieces(text: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let Some(after) = rest.strip_prefix(b"%") else {
            let (text, after) = rest.split_at(memchr::memchr(b'%', rest).unwrap_or(rest.len()));
            rest = after;
            return (!text.is_empty()).then_some(Piece::Text(text));
        };
        let digit = |place: usize| char::from(*after.get(place)?).to_digit(16);
        let byte = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        rest = if byte.is_some() { &after[2..] } else { after };
        Some(byte.map_or(Piece::BadEscape, Piece::Escape))
    })
}

/// Appends the escape of a byte.
pub(crate) fn push_escape(text: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}
