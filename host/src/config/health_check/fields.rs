//! The host that a check asks for, and its header fields.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::read::{Value, excerpt};

/// What the check itself sends.
const OWN_HEADERS: [HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// The host, perhaps with a port.
pub(super) fn host(value: &Value<'_>) -> Option<HeaderValue> {
    let text = value.string()?;
    let host = text.parse::<http::uri::Authority>().ok().filter(|host| !host.as_str().contains('@'));
    if host.is_none() {
        value.fail(format!("`{}` is no host", excerpt(text)), "write one such as `\"api.example.com\"`");
    }
    HeaderValue::from_str(host?.as_str()).ok()
}

/// Header fields, which may be neither those of every check nor these.
pub(super) fn headers(value: &Value<'_>, others: &[HeaderName]) -> Option<HeaderMap> {
    let entries = value.entries("write `headers = { name = \"value\" }`")?;
    let header = |(name, value): &(&str, Value<'_>)| {
        let text = value.string()?;
        let (Ok(name), Ok(content)) = (name.parse::<HeaderName>(), text.parse::<HeaderValue>()) else {
            value.fail("is no header", "use a name and a text that can stand in a request");
            return None;
        };
        if OWN_HEADERS.contains(&name) || others.contains(&name) {
            value.fail("is set by the check itself", "remove it; the host has a key of its own, `host`");
            return None;
        }
        Some((name, content))
    };
    let headers: Vec<_> = entries.iter().map(header).collect();
    headers.into_iter().collect()
}
