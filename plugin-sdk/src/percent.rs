//! Percent-encoding, undone.

/// A text with its escapes decoded (RFC 3986 section 2.1), as a path has them. A percent sign without two digits stands for itself;
/// bytes that are not UTF-8 become replacement characters.
///
/// ```
/// use pointsman_sdk::percent_decoded;
///
/// assert_eq!(percent_decoded("caf%C3%A9%2f1+1"), "café/1+1");
/// assert_eq!(percent_decoded("100%, %4, %zz"), "100%, %4, %zz");
/// ```
#[must_use]
pub fn percent_decoded(text: &str) -> String {
    text_of(decoded(text.bytes()))
}

/// The first value of a parameter of a query. Names and values are decoded as those of forms: a plus sign is a space.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let of_form = |text: &str| decoded(text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }));
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let mut pairs = parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")));
    pairs.find(|(key, _)| of_form(key) == name.as_bytes()).map(|(_, value)| text_of(of_form(value)))
}

fn decoded(mut bytes: impl Iterator<Item = u8> + Clone) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let mut digit = || char::from(ahead.next()?).to_digit(16);
        match (byte, digit().zip(digit())) {
            (b'%', Some((high, low))) => {
                decoded.push((high << 4 | low) as u8);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (text, expected) in [
            ("", ""),
            ("%", "%"),
            ("%4", "%4"),
            ("%41", "A"),
            ("%%41", "%A"),
            ("%2541", "%41"),
            ("%+1", "%+1"),
            ("%c3%a4%ff", "ä\u{fffd}"),
            ("%é", "%é"),
        ] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_value_of_a_parameter_is_found_and_decoded() {
        for (query, expected) in [
            ("", None),
            ("&&", None),
            ("room", Some("")),
            ("room=", Some("")),
            ("rooms=a&room=b&room=c", Some("b")),
            ("r%6Fom=a+b%2Bc=d", Some("a b+c=d")),
            ("ROOM=a", None),
        ] {
            assert_eq!(parameter(query, "room").as_deref(), expected, "{query}");
        }
    }
}
