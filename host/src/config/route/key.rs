//! Parts of a request that clients are told apart by, as they are written.

use std::time::Duration;

use http::header::HeaderName;
use pointsman_core::request_key::RequestKey;

use super::super::read::{Value, excerpt};

/// `"client"`, `"header:NAME"`, `"cookie:NAME"` or `"query:NAME"`; `others` are the choices beside these, with a comma each.
pub(super) fn key(value: &Value<'_>, others: &str) -> Option<RequestKey> {
    let text = value.string()?;
    if text == "client" {
        return Some(RequestKey::Client);
    }
    match text.split_once(':') {
        Some(("header", name)) => header_name(value, name).map(RequestKey::Header),
        Some(("cookie", name)) => cookie_name(value, name).map(RequestKey::Cookie),
        Some(("query", name)) if !name.is_empty() => Some(RequestKey::Query(name.to_owned())),
        _ => {
            let hint = format!("write one of {others}`client`, `header:NAME`, `cookie:NAME`, `query:NAME`");
            value.fail(format!("`{}` is no part of a request", excerpt(text)), hint);
            None
        }
    }
}

/// The name of a header field.
pub(super) fn header_name(value: &Value<'_>, name: &str) -> Option<HeaderName> {
    let read = HeaderName::from_bytes(name.as_bytes()).ok();
    if read.is_none() {
        let message = format!("`{}` is no name of a header field", excerpt(name));
        value.fail(message, "write one such as `x-api-version`");
    }
    read
}

/// How long a cookie may last: browsers keep none for longer.
pub(in crate::config) const COOKIE_AGE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(24 * 400);

/// The name of a cookie (RFC 6265 section 4.1.1).
pub(in crate::config) fn cookie_name(value: &Value<'_>, name: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        value.fail(format!("`{}` is no name of a cookie", excerpt(name)), "write one such as `session`");
        return None;
    }
    Some(name.to_owned())
}
