//! Media types as a configuration takes them.

/// Whether a text is one: `text/html`, `text/*`.
pub(super) fn is_one(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
    };
    text.len() < 100
        && text.split_once('/').is_some_and(|(kind, rest)| is_name(kind) && (rest == "*" || is_name(rest)))
}
