//! Lines of files, for messages.

use std::ops::Range;

/// The line of a place in a text, from 1.
pub(crate) fn line_at(text: &str, place: usize) -> usize {
    text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}

/// The line of a key in a section, or of the section if it isn't there; in the whole text without a section.
pub(crate) fn line_of(text: &str, section: Option<Range<usize>>, key: &str) -> usize {
    let begin = section.as_ref().map_or(0, |span| span.start);
    let end = section.as_ref().map_or(text.len(), |span| span.end.max(begin));
    // What a section spans may be its heading alone: its keys follow, up to the next heading.
    let rest = text.get(end..).unwrap_or_default();
    let keys = rest.find("\n[").map_or(text.len(), |next| end + next);
    let within = text.get(begin..keys).unwrap_or_default();
    let has_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let offset = within.lines().position(has_key).filter(|_| !key.is_empty()).unwrap_or(0);
    line_at(text, begin) + offset
}
