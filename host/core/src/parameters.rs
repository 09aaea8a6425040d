//! Values with names in a request: header fields, cookies, parameters of the query.

use std::borrow::Cow;

use http::header::{COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::percent::{Piece, pieces};

/// The lines of a header field.
pub fn of_field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}

/// The values of the cookies of this name, as they were sent.
pub fn of_cookies<'a>(headers: &'a HeaderMap, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    of_field(headers, &COOKIE).flat_map(move |line| in_line(line, name))
}

/// The values of a query's parameters with this name, decoded as forms are (a plus sign is a space). A parameter without `=` is
/// empty.
pub fn of_query<'a>(query: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let parameters = query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty());
    parameters.filter_map(move |parameter| {
        let (key, value) = split_at(parameter, b'=').unwrap_or((parameter, b""));
        (*decoded(key) == *name).then(|| decoded(value))
    })
}

/// The values of cookies with this name in a line of `Cookie`.
fn in_line<'a>(line: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
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
    for piece in pieces(text) {
        match piece {
            Piece::Escape(byte) => decoded.push(byte),
            Piece::BadEscape => decoded.push(b'%'),
            Piece::Text(text) => {
                decoded.extend(text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }));
            }
        }
    }
    Cow::Owned(decoded)
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
            let values = in_line(line.as_bytes(), name.as_bytes());
            values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
        };
        assert_eq!(found("a=1; b=\"2\";a=%20 ; =x; c", "a"), ["1", "%20"]);
        assert_eq!(found("a=1; b=\"2\"", "b"), ["\"2\""]);
        assert_eq!(found("c", "c"), Vec::<String>::new());
    }
}
