//! Media types (RFC 6838 section 4.2).

use std::path::Path;

use http::HeaderValue;

use super::read::{Value, excerpt};

const TYPE: &str = "write one such as `\"text/html; charset=utf-8\"`";

/// Whether this is one of the two names of a media type.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

/// Whether this is a media type without parameters.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, rest)| is_name(kind) && is_name(rest))
}

/// A media type with its parameters, as it stands in `Content-Type`.
pub(super) fn content_type(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    if !is_media_type(essence) || !text.is_ascii() || HeaderValue::from_str(text).is_err() {
        value.fail(format!("`{}` is no media type", excerpt(text)), TYPE);
        return None;
    }
    Some(text.to_owned())
}

/// The media type that the name of a file shows; otherwise that is a fault.
pub(super) fn type_of_file(value: &Value<'_>) -> Option<String> {
    let path = value.path()?;
    let known = type_of_name(&path);
    if known.is_none() {
        let shown = excerpt(&path.display().to_string());
        value.fail(
            format!("the name of `{shown}` doesn't show its media type"),
            "write `type = \"…\"` beside it",
        );
    }
    known.map(str::to_owned)
}

/// The media type that the name of a file shows.
#[must_use]
pub fn type_of_name(path: &Path) -> Option<&'static str> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    Some(match &*extension.to_ascii_lowercase() {
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        _ => return None,
    })
}
