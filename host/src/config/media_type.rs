//! Media types (RFC 6838 section 4.2).

/// Whether this is one of the two names of a media type.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

/// Whether this is a media type without parameters.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, rest)| is_name(kind) && is_name(rest))
}
