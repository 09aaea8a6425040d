//! Paths that many servers take for the same, and their one form (RFC 3986 section 6.2.2, and empty segments merged).

use std::borrow::Cow;

use super::path_pattern::PathPattern;
use crate::percent::{Piece, pieces, push_escape};

/// A path as it is compared: decoded, without dot segments and empty ones, as nginx does.
///
/// An escaped slash separates segments like any other: there are backends that see it so. What isn't ASCII stays escaped, and a
/// percent sign that isn't part of an escape, or is one itself, becomes `%25`: so this is text, and equal for two paths if and
/// only if what they decode to is.
#[must_use]
pub fn compared(path: &[u8]) -> Cow<'_, [u8]> {
    if is_surely_normal(path) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(resolved(&decoded(path), Last::Whole))
}

/// The same for the path of a route.
#[must_use]
pub fn pattern(pattern: &PathPattern) -> PathPattern {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    match pattern {
        PathPattern::Start(start) if is_surely_normal(start.as_bytes()) => pattern.clone(),
        PathPattern::Start(start) => {
            PathPattern::Start(text(&resolved(&decoded(start.as_bytes()), Last::Begun)))
        }
        PathPattern::Segments(whole) => {
            let whole = compared(whole.as_bytes());
            PathPattern::Segments(text(whole.strip_suffix(b"/").unwrap_or(&whole)))
        }
        PathPattern::Exact(path) => PathPattern::Exact(text(&compared(path.as_bytes()))),
        PathPattern::Suffix(end) => PathPattern::Suffix(text(&decoded(end.as_bytes()))),
        PathPattern::Regex(_) => pattern.clone(),
    }
}

/// A path as it is sent on in the place of an odd one: what needs no escape has none, a percent sign that stands for itself has
/// one, and there are no dot segments and no empty ones. It means the same to every server that follows RFC 3986; an escaped
/// slash stays one.
#[must_use]
pub fn rewritten(path: &[u8]) -> Cow<'_, [u8]> {
    if is_surely_normal(path) {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    for piece in pieces(path) {
        match piece {
            Piece::Escape(byte) if is_unreserved(byte) => plain.push(byte),
            Piece::Escape(byte) => push_escape(&mut plain, byte),
            // Left alone it could make an escape of what follows.
            Piece::BadEscape => push_escape(&mut plain, b'%'),
            Piece::Text(text) => plain.extend_from_slice(text),
        }
    }
    Cow::Owned(resolved(&plain, Last::Whole))
}

/// Whether servers differ over what a path means, or over which of their rules it escapes: dot segments, also with
/// parameters, empty segments likewise, backslashes, and escapes of what needs none, of separators, of controls, or of nothing.
#[must_use]
pub fn is_odd(path: &[u8]) -> bool {
    if is_surely_normal(path) && !path.iter().any(|byte| matches!(byte, b'\\' | b';')) {
        return false;
    }
    let mut segments = segments(path).peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        let is_empty = name.is_empty() && segments.peek().is_some();
        if is_empty || matches!(name, b"." | b"..") {
            return true;
        }
    }
    pieces(path).any(|piece| match piece {
        Piece::Escape(byte) => is_unreserved(byte) || matches!(byte, b'/' | b'\\') || byte.is_ascii_control(),
        Piece::BadEscape => true,
        Piece::Text(text) => text.contains(&b'\\'),
    })
}

/// Whether a path has segments that are steps, `.` or `..`, once it is decoded.
#[must_use]
pub fn has_dot_segments(path: &[u8]) -> bool {
    segments(&decoded(path)).any(|segment| matches!(segment, b"." | b".."))
}

/// What nearly every path is: without escapes, empty segments, and segments that begin with a dot.
fn is_surely_normal(path: &[u8]) -> bool {
    path.is_ascii()
        && !path.contains(&b'%')
        && !path.windows(2).any(|pair| pair[0] == b'/' && matches!(pair[1], b'/' | b'.'))
}

/// The segments of a path that begins with a slash.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').skip(1)
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    for piece in pieces(path) {
        match piece {
            Piece::Escape(byte) if byte.is_ascii() && byte != b'%' => decoded.push(byte),
            Piece::Escape(byte) => push_escape(&mut decoded, byte),
            Piece::BadEscape => push_escape(&mut decoded, b'%'),
            Piece::Text(text) => {
                for &byte in text {
                    if byte.is_ascii() { decoded.push(byte) } else { push_escape(&mut decoded, byte) }
                }
            }
        }
    }
    decoded
}

/// What means the same escaped or not (RFC 3986 section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What the last segment is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A segment like the others.
    Whole,
    /// The beginning of one, which may continue: no dot segment yet.
    Begun,
}

/// The path without dot segments and empty segments. Above the root is the root.
fn resolved(path: &[u8], last: Last) -> Vec<u8> {
    let mut resolved = Vec::with_capacity(path.len());
    let mut segments = segments(path).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let is_plain = !matches!(segment, b"" | b"." | b"..") || (is_last && last == Last::Begun);
        if segment == b".." && !is_plain {
            resolved.truncate(memchr::memrchr(b'/', &resolved).unwrap_or_default());
        }
        if is_plain || is_last {
            resolved.push(b'/');
        }
        if is_plain {
            resolved.extend_from_slice(segment);
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_has_one_form_to_compare_and_one_to_send() {
        for (path, to_compare, to_send) in [
            ("/admin", "/admin", "/admin"),
            ("//admin", "/admin", "/admin"),
            ("/%61dmin", "/admin", "/admin"),
            ("/./admin", "/admin", "/admin"),
            ("/x/../admin", "/admin", "/admin"),
            ("/../admin", "/admin", "/admin"),
            ("/x//../admin", "/admin", "/admin"),
            ("/%2e%2E/admin", "/admin", "/admin"),
            ("/admin/.", "/admin/", "/admin/"),
            ("/admin/..", "/", "/"),
            ("/admin/../", "/", "/"),
            ("/admin//", "/admin/", "/admin/"),
            ("/", "/", "/"),
            ("//", "/", "/"),
            ("/..", "/", "/"),
            ("/....//admin", "/..../admin", "/..../admin"),
            ("/.well-known/x", "/.well-known/x", "/.well-known/x"),
            ("/..;/admin", "/..;/admin", "/..;/admin"),
            ("/x%2f..%2fadmin", "/admin", "/x%2F..%2Fadmin"),
            ("/x/..%2fadmin", "/admin", "/x/..%2Fadmin"),
            ("/%2561dmin", "/%2561dmin", "/%2561dmin"),
            ("/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a"),
            ("/a%20b", "/a b", "/a%20b"),
            ("/%40a@", "/@a@", "/%40a@"),
            ("/%c3%a9", "/%C3%A9", "/%C3%A9"),
            ("/\u{e9}", "/%C3%A9", "/\u{e9}"),
            ("/%zz", "/%25zz", "/%25zz"),
            ("/%", "/%25", "/%25"),
            ("/%4", "/%254", "/%254"),
            ("/%2%66", "/%252f", "/%252f"),
            ("/a;x=1/b", "/a;x=1/b", "/a;x=1/b"),
        ] {
            let text = |path: Cow<'_, [u8]>| String::from_utf8(path.into_owned()).expect("text");
            assert_eq!(text(compared(path.as_bytes())), to_compare, "{path}");
            assert_eq!(text(rewritten(path.as_bytes())), to_send, "{path}");
            assert_eq!(text(rewritten(to_send.as_bytes())), to_send, "{path} twice");
        }
    }

    #[test]
    fn what_servers_differ_over_is_odd() {
        for path in [
            "//",
            "//a",
            "/a//b",
            "/.",
            "/a/./b",
            "/..",
            "/a/..",
            "/a/../b",
            "/..;/a",
            "/a/.;x/b",
            "/%61",
            "/%2e%2e/a",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/%00",
            "/%0d%0a",
            "/%7f",
            "/%",
            "/%zz",
            "/a%4",
            "/%7Ea",
            "/;/a",
            "/a/;x=1/b",
        ] {
            assert!(is_odd(path.as_bytes()), "{path}");
        }
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/.well-known/x",
            "/...",
            "/a..b/..c",
            "/a;b=c/d",
            "/;x",
            "/%20",
            "/%C3%a9",
            "/%25",
            "/%252f",
            "/\u{e9}",
            "/a:b@c",
            "/%3b",
            "*",
        ] {
            assert!(!is_odd(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn the_beginning_of_a_segment_is_no_dot_segment() {
        let start = |path: &str| pattern(&PathPattern::Start(path.into())).start().to_owned();
        assert_eq!(start("/."), "/.");
        assert_eq!(start("/a/.."), "/a/..");
        assert_eq!(start("/a/../"), "/");
        assert_eq!(start("//a//"), "/a/");
        assert_eq!(start("/%7Ea"), "/~a");
        let whole = |path: &str| pattern(&PathPattern::Segments(path.into()));
        assert_eq!(whole("/a/."), PathPattern::Segments("/a".into()));
        assert_eq!(whole("/a%20b"), PathPattern::Segments("/a b".into()));
        assert_eq!(whole(""), PathPattern::Segments(String::new()));
    }

    proptest! {
        /// Paths of what they differ in.
        #[test]
        fn what_has_its_form_keeps_it(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12),
        ) {
            let path = ["/", &pieces.concat()].concat();
            let path = path.as_bytes();
            let (to_compare, to_send) = (compared(path), rewritten(path));
            for form in [&to_compare, &to_send] {
                prop_assert!(form.starts_with(b"/"));
                let segments: Vec<_> = segments(form).collect();
                let (last, others) = segments.split_last().expect("one segment at least");
                let dots: [&[u8]; 2] = [b".", b".."];
                prop_assert!(!others.contains(&&b""[..]) && !segments.iter().any(|segment| dots.contains(segment)));
                prop_assert!(last.is_empty() || !form.ends_with(b"/"));
            }
            prop_assert_eq!(&rewritten(&to_send), &to_send);
            prop_assert!(!to_compare.windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2f")));
            if !is_odd(path) {
                prop_assert!(to_send.eq_ignore_ascii_case(path), "what isn't odd is sent on as it came");
            }
        }
    }

    const PIECES: &[&str] = &[
        "/", "/", "a", "b", ".", "..", "/../", "/./", "//", "%2e", "%2E", "%2f", "%5c", "%61", "%20", "%c3",
        "%25", "%", "%4", ";x", "~", "\\",
    ];
}
