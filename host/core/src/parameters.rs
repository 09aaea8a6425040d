//! Values with names in queries and cookies.

use std::borrow::Cow;

/// The values of a query's parameters with this name, decoded as forms are (a plus sign is a space). A parameter without `=` is
/// empty.
pub(crate) fn of_query<'a>(query: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let parameters = query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty());
    parameters.filter_map(move |parameter| {
        let (key, value) = split_at(parameter, b'=').unwrap_or((parameter, b""));
        (*decoded(key) == *name).then(|| decoded(value))
    })
}

/// The values of cookies with this name in a line of `Cookie`, as they were sent.
pub(crate) fn of_cookies<'a>(line: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let pairs = line.split(|&byte| byte == b';').filter_map(|pair| split_at(pair.trim_ascii(), b'='));
    pairs.filter_map(move |(key, value)| (key == name).then_some(value))
}

fn split_at(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A text of a form, decoded. A percent sign without two digits stands for itself.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digit = |place: usize| char::from(*after.get(place)?).to_digit(16);
        let escaped = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        (decoded, rest) = match (first, escaped) {
            (b'%', Some(byte)) => (pushed(decoded, byte), &after[2..]),
            (b'+', _) => (pushed(decoded, b' '), after),
            _ => (pushed(decoded, *first), after),
        };
    }
    Cow::Owned(decoded)
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_query_are_decoded() {
        let found = |query: &str, name: &str| -> Vec<String> {
            let values = of_query(query.as_bytes(), name.as_bytes());
            values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
        };
        assert_eq!(found("a=1&b=2&a=3&", "a"), ["1", "3"]);
        assert_eq!(found("%61=x%20y+z%", "a"), ["x y z%"]);
        assert_eq!(found("a&&a=&A=1", "a"), ["", ""]);
        assert_eq!(found("", "a"), Vec::<String>::new());
        assert_eq!(found("a=b=c&a=%zz", "a"), ["b=c", "%zz"]);
    }

    #[test]
    fn cookies_are_found_as_sent() {
        let found = |line: &str, name: &str| -> Vec<String> {
            let values = of_cookies(line.as_bytes(), name.as_bytes());
            values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
        };
        assert_eq!(found("a=1; b=\"2\";a=%20 ; =x; c", "a"), ["1", "%20"]);
        assert_eq!(found("a=1; b=\"2\"", "b"), ["\"2\""]);
        assert_eq!(found("c", "c"), Vec::<String>::new());
    }
}
