//! Times as HAProxy writes them.

/// A time in milliseconds, which a bare number is.
pub(super) fn time(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match &text[digits..] {
        "" | "ms" => 1,
        "us" => return Some(number.div_ceil(1_000)),
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, expected) in [
            ("4000", Some(4_000)),
            ("60s", Some(60_000)),
            ("1d", Some(86_400_000)),
            ("500us", Some(1)),
            ("", None),
            ("s", None),
            ("1w", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }
}
