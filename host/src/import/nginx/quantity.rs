//! Times and sizes as nginx writes them.

/// A time in milliseconds: `1m30s`, `800ms`; a bare number is seconds.
pub(super) fn time(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let factor = match &rest[..letters] {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "M" => 30 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

/// A size in bytes: `25m`, `16k`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_sizes() {
        for (text, expected) in [
            ("1m30s", Some(90_000)),
            ("800ms", Some(800)),
            ("20", Some(20_000)),
            ("1h 30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            ("", None),
            ("x", None),
            ("5x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        for (text, expected) in
            [("25m", Some(25 << 20)), ("8192", Some(8192)), ("1G", Some(1 << 30)), ("m", None), ("", None)]
        {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
