//! `Via`: which proxies a message has passed (RFC 9110 section 7.6.3).

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};

use super::hop_by_hop::tokens;

/// How this proxy names itself, and every other one like it. So a loop over several of them is found as well, and by each.
const NAME: &str = "pointsman";
const RECEIVED_2: HeaderValue = HeaderValue::from_static("2 pointsman");
const RECEIVED_1_1: HeaderValue = HeaderValue::from_static("1.1 pointsman");
const RECEIVED_1_0: HeaderValue = HeaderValue::from_static("1.0 pointsman");

/// What this proxy adds to a message that it received in this version.
pub(super) fn received(version: Version) -> HeaderValue {
    match version {
        Version::HTTP_2 => RECEIVED_2,
        Version::HTTP_10 => RECEIVED_1_0,
        _ => RECEIVED_1_1,
    }
}

/// How many proxies of this kind a message has passed.
pub(super) fn hops(headers: &HeaderMap) -> usize {
    let names = tokens(headers, VIA).filter_map(|hop| hop.split_ascii_whitespace().nth(1));
    names.filter(|name| name.eq_ignore_ascii_case(NAME)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_this_kind_are_counted() {
        for (lines, expected) in [
            (&["1.1 pointsman"][..], 1),
            (&["1.0 edge, 1.1 Pointsman (x), HTTP/1.1 pointsman", "1.1 x", "1.1\tpointsman"], 3),
            (&["1.1 pointsmen", "pointsman", "1.1 pointsman.example.com", "1.1 x (1.1 pointsman)", ""], 0),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(VIA, HeaderValue::from_static(line));
            }
            assert_eq!(hops(&headers), expected, "{lines:?}");
        }
        let versions = [Version::HTTP_2, Version::HTTP_11, Version::HTTP_10];
        assert_eq!(versions.map(received), [RECEIVED_2, RECEIVED_1_1, RECEIVED_1_0]);
    }
}
