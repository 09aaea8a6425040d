//! Lists with weights, as the fields of `Accept` have them (RFC 9110 section 12.4.2).

/// The greatest weight, in thousandths: that of a member that says none.
pub const FULL: u16 = 1000;

/// The members of a field's line, without their parameters, each with its weight in thousandths. One whose weight can't be read promises nothing.
pub fn members(line: &[u8]) -> impl Iterator<Item = (&[u8], u16)> {
    line.split(|&byte| byte == b',').map(|member| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let mut weight = Some(FULL);
        for parameter in parts {
            if let [b'q' | b'Q', rest @ ..] = parameter
                && let [b'=', value @ ..] = rest.trim_ascii()
            {
                weight = parse(value.trim_ascii());
            }
        }
        (name, weight.unwrap_or(0))
    })
}

/// A weight: 0 or 1, and up to three digits after a point.
fn parse(value: &[u8]) -> Option<u16> {
    let (whole, digits) = match value {
        [whole] | [whole, b'.'] => (whole, &[][..]),
        [whole, b'.', digits @ ..] => (whole, digits),
        _ => return None,
    };
    let is_number = digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit);
    let thousandths =
        digits.iter().chain(b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        b'0' if is_number => Some(thousandths),
        b'1' if is_number && thousandths == 0 => Some(FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_their_weight() {
        let line = b"a;version=1;q=0.5, b ; Q = 1.0,c;q=0,d;q=0.1234, e;q=x,f;q=2,,g";
        let found: Vec<_> = members(line).collect();
        let expected = [
            (&b"a"[..], 500),
            (b"b", 1000),
            (b"c", 0),
            (b"d", 0),
            (b"e", 0),
            (b"f", 0),
            (b"", 1000),
            (b"g", 1000),
        ];
        assert_eq!(found, expected);
    }
}
