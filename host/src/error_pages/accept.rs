//! How well a client likes a media type (RFC 9110 section 12.5.1).

use http::HeaderValue;

use crate::weighted;

/// The weight of a media type, in lower case and without parameters, for a client with this `Accept`: from 0, which it doesn't take, to
/// 1000. Who says nothing takes everything.
pub(super) fn weight(accept: Option<&HeaderValue>, media_type: &str) -> u16 {
    let line = accept.map_or(&b""[..], |accept| accept.as_bytes());
    let mut members = weighted::members(line).filter(|(range, _)| !range.is_empty()).peekable();
    if members.peek().is_none() {
        return weighted::FULL;
    }
    // The most specific range decides, whatever others say.
    members
        .filter_map(|(range, weight)| Some((specificity(range, media_type)?, weight)))
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0, |(_, weight)| weight)
}

/// How specific a range is, if the media type is within it.
fn specificity(range: &[u8], media_type: &str) -> Option<u8> {
    let kind = media_type.split('/').next().unwrap_or_default();
    match range {
        b"*/*" | b"*" => Some(0),
        [beginning @ .., b'/', b'*'] if beginning.eq_ignore_ascii_case(kind.as_bytes()) => Some(1),
        exact if exact.eq_ignore_ascii_case(media_type.as_bytes()) => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let check = |accept: &str, expected: [u16; 3]| {
            let accept = HeaderValue::from_str(accept).unwrap();
            let weights = ["text/html", "application/json", "text/plain"]
                .map(|media_type| weight(Some(&accept), media_type));
            assert_eq!(weights, expected, "{accept:?}");
        };
        assert_eq!(weight(None, "text/html"), 1000);
        check("", [1000; 3]);
        check(" , ", [1000; 3]);
        check("*/*", [1000; 3]);
        // As Firefox and Chrome ask for a page, and scripts of theirs for data.
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", [1000, 800, 800]);
        check("application/json, text/plain, */*", [1000; 3]);
        check("application/json", [0, 1000, 0]);
        check("text/*;q=0.5, text/html;q=0", [0, 0, 500]);
        check("*/*;q=0.1, TEXT/HTML;level=1;Q=0.7", [700, 100, 100]);
        check("*", [1000; 3]);
        check("image/avif,image/webp", [0; 3]);
        check("text/html;q=2", [0; 3]);
        check("text/html;q=1., application/json;q=0.001", [1000, 1, 0]);
    }
}
