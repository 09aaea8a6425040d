//! Which request targets pass, and how those that `http::Uri` can't hold get past it.

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use pointsman_core::request::ExactTarget;

use super::Refusal;
use super::validate::is_authority;

/// A byte of a path or query, as far as it matters here.
type Kind = u8;
/// `Uri` takes it, in a path and in a query, and writes it as it is.
const PLAIN: Kind = 0;
/// Clients send it without encoding it, and backends get it as it is. `Uri` refuses it in one place or the other, so
/// [`take_exact`] puts [`MASK`] in its place.
const EXACT: Kind = 1;
/// Control characters, space and DEL; `#`, as a fragment isn't part of a target (RFC 9112 section 3.2).
const REFUSED: Kind = 2;

/// The one place that says which bytes a path or query may hold.
const KINDS: [Kind; 256] = {
    let mut kinds = [REFUSED; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            // RFC 3986 section 2, and what browsers send beside it.
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~' => PLAIN,
            b'"' | b'<' | b'>' | b'`' | 0x80.. => EXACT,
            _ => REFUSED,
        };
        byte += 1;
    }
    kinds
};

/// What `Uri` sees in place of a byte that it can't hold. Nobody else sees it: see [`ExactTarget`].
const MASK: u8 = b'_';

/// Checks a target: origin form, absolute form, or the asterisk of OPTIONS (RFC 9112 section 3.2). Answers whether its exact
/// bytes must be kept beside the `Uri`.
pub(super) fn check(target: &str, method: &str) -> Result<bool, Refusal> {
    if target == "*" && method == "OPTIONS" {
        return Ok(false);
    }
    let bytes = target.as_bytes();
    let start = path_start(bytes).ok_or(Refusal::MalformedTarget)?;
    let kinds = bytes[start..].iter().fold(PLAIN, |kinds, &byte| kinds | KINDS[usize::from(byte)]);
    if kinds & REFUSED != 0 || (start > 0 && !is_origin(&target[..start])) {
        return Err(Refusal::MalformedTarget);
    }
    // The asterisk in its absolute form, which `Uri` takes for a slash.
    let asterisk = start == bytes.len() && method == "OPTIONS";
    Ok(kinds & EXACT != 0 || asterisk)
}

/// Scheme and authority of an absolute form.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && is_authority(authority.as_bytes())
        // Last of all, hyper must be able to read it: it would answer in its own way.
        && Uri::try_from(origin).is_ok()
}

/// Where path and query begin.
fn path_start(target: &[u8]) -> Option<usize> {
    if target.first() == Some(&b'/') {
        return Some(0);
    }
    let authority = memchr::memmem::find(target, b"://")? + 3;
    let length = target[authority..].iter().position(|byte| matches!(byte, b'/' | b'?'));
    Some(length.map_or(target.len(), |length| authority + length))
}

/// The place of a target in its head: between the first two spaces of the first line.
fn place(head: &[u8]) -> Option<std::ops::Range<usize>> {
    let line = &head[..memchr::memchr2(b'\r', b'\n', head).unwrap_or(head.len())];
    let start = memchr::memchr(b' ', line)? + 1;
    Some(start..start + memchr::memchr(b' ', &line[start..])?)
}

/// A copy of a head that httparse refuses for a target that isn't UTF-8, with such bytes masked. `None` if there are none.
pub(super) fn masked(input: &[u8]) -> Option<Vec<u8>> {
    let target = place(input)?;
    let path = target.start + path_start(&input[target.clone()])?..target.end;
    if input[path.clone()].is_ascii() {
        return None;
    }
    let end = memchr::memmem::find(input, b"\r\n\r\n").map_or(input.len(), |end| end + 4);
    let mut head = input[..end].to_vec();
    mask(&mut head[path]);
    Some(head)
}

/// Takes the exact path and query out of a checked head, and masks in it what `Uri` can't hold.
pub(super) fn take_exact(head: &mut [u8]) -> Option<ExactTarget> {
    let target = place(head)?;
    let path = target.start + path_start(&head[target.clone()])?..target.end;
    let exact = match &head[path.clone()] {
        [] if head.starts_with(b"OPTIONS ") => b"*".to_vec(),
        // A path is never empty on the wire.
        path @ ([] | [b'?', ..]) => [b"/", path].concat(),
        path => path.to_vec(),
    };
    mask(&mut head[path]);
    Some(ExactTarget::new(&exact))
}

/// Path and query as a head has them: the `Uri`, and the exact bytes if it can't hold them. `None` if they are no target.
#[must_use]
pub fn uri_and_exact(target: Vec<u8>) -> Option<(Uri, Option<ExactTarget>)> {
    let kinds = target.iter().fold(PLAIN, |kinds, &byte| kinds | KINDS[usize::from(byte)]);
    if target.first() != Some(&b'/') || kinds & REFUSED != 0 {
        return None;
    }
    let exact = (kinds & EXACT != 0).then(|| ExactTarget::new(&target));
    let mut plain = target;
    if exact.is_some() {
        mask(&mut plain);
    }
    let uri = PathAndQuery::from_maybe_shared(Bytes::from(plain)).ok()?;
    Some((uri.into(), exact))
}

fn mask(path: &mut [u8]) {
    for byte in path {
        if KINDS[usize::from(*byte)] == EXACT {
            *byte = MASK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_taken_as_it_is_or_refused() {
        for byte in 0..=255u8 {
            let target = [b"/a", &[byte][..], b"b?c", &[byte], b"d"].concat();
            let kind = KINDS[usize::from(byte)];
            if kind == PLAIN {
                let uri = Uri::try_from(&target[..]).unwrap_or_else(|_| panic!("{byte:#x} is no URI"));
                assert_eq!(uri.to_string().as_bytes(), target, "{byte:#x}");
            } else if kind == EXACT {
                let mut head = [b"GET ", &target[..], b" HTTP/1.1\r\n\r\n"].concat();
                let exact = take_exact(&mut head).unwrap();
                assert_eq!(exact.bytes(), target, "{byte:#x}");
                assert_eq!(head, b"GET /a_b?c_d HTTP/1.1\r\n\r\n", "{byte:#x}");
            }
            let is_odd = byte <= b' ' || byte == 0x7f || byte == b'#';
            assert_eq!(kind == REFUSED, is_odd, "{byte:#x}");
        }
    }

    #[test]
    fn only_a_target_in_its_place_is_masked() {
        let masked = |input: &[u8]| masked(input).map(|head| head.escape_ascii().to_string());
        let head = b"GET /\xff HTTP/1.1\r\nX: \xff\r\n\r\nGET /\xff HTTP/1.1";
        assert_eq!(masked(head).unwrap(), "GET /_ HTTP/1.1\\r\\nX: \\xff\\r\\n\\r\\n");
        for input in [
            &b"\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n"[..],
            b"x\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n",
            b"a\r\n\r\n \xff://\xff ",
            b" \xff://\xff",
            b"GET \xff HTTP/1.1",
            b"GET http://\xff/ HTTP/1.1",
            b"GET /\xff",
            b"GET /a HTTP/1.1\r\nX: \xff",
            b"\xff\xff",
            b"  ",
            b"",
        ] {
            assert_eq!(masked(input), None, "{:?}", input.escape_ascii().to_string());
        }
    }

    #[test]
    fn what_is_taken_is_what_is_written() {
        for (line, exact, seen) in [
            ("GET http://a/<?> HTTP/1.1", "/<?>", "GET http://a/_?_ HTTP/1.1"),
            ("GET http://a?<> HTTP/1.1", "/?<>", "GET http://a?__ HTTP/1.1"),
            ("GET http://a HTTP/1.1", "/", "GET http://a HTTP/1.1"),
            ("OPTIONS http://a HTTP/1.1", "*", "OPTIONS http://a HTTP/1.1"),
            ("OPTIONS http://a/ HTTP/1.1", "/", "OPTIONS http://a/ HTTP/1.1"),
            ("OPTIONS http://a?x HTTP/1.1", "/?x", "OPTIONS http://a?x HTTP/1.1"),
            ("GET /?a=http://b/`? HTTP/1.1", "/?a=http://b/`?", "GET /?a=http://b/_? HTTP/1.1"),
        ] {
            let mut head = line.as_bytes().to_vec();
            assert_eq!(take_exact(&mut head).unwrap().bytes(), exact.as_bytes(), "{line}");
            assert_eq!(head, seen.as_bytes(), "{line}");
        }
    }
}
