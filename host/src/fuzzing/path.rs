//! Forms of a path.

use pointsman_core::route::PathPattern;
use pointsman_core::route::normal_path::{compared, is_odd, pattern, rewritten};

/// A path has one form to compare and one to send, and what has such a form keeps it.
pub(super) fn has_one_form(input: &[u8]) {
    let path = [b"/", input].concat();
    let (to_compare, to_send) = (compared(&path), rewritten(&path));
    for form in [&to_compare, &to_send] {
        assert!(form.starts_with(b"/"));
        let segments: Vec<&[u8]> = form[1..].split(|&byte| byte == b'/').collect();
        let (_, others) = segments.split_last().expect("one segment at least");
        assert!(!others.contains(&&b""[..]), "an empty segment is left");
        assert!(!segments.iter().any(|segment| matches!(*segment, b"." | b"..")), "a dot segment is left");
    }
    assert_eq!(compared(&to_compare), to_compare, "compared twice");
    assert_eq!(rewritten(&to_send), to_send, "rewritten twice");
    assert!(to_compare.is_ascii());
    if !is_odd(&path) {
        assert!(to_send.eq_ignore_ascii_case(&path), "what isn't odd goes on as it came");
    }
    let Ok(text) = std::str::from_utf8(&path) else { return };
    let segments = PathPattern::Segments(text.trim_end_matches('/').into());
    let suffix = PathPattern::Suffix(text.into());
    for written in [PathPattern::Start(text.into()), PathPattern::Exact(text.into()), segments, suffix] {
        let normal = pattern(&written);
        assert_eq!(pattern(&normal), normal, "a pattern's form twice");
    }
}
