//! Which fields may be changed by rules.

use http::HeaderName;

use super::super::read::{Value, excerpt};

/// What kind of message a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What goes to a backend.
    Request,
    /// What goes to a client.
    Response,
}

/// What concerns one connection, or how a message is cut out of it. The proxy writes these itself.
const OF_CONNECTION: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The name of a field that rules of this kind may change.
pub(super) fn field(value: &Value<'_>, written: &str, direction: Direction) -> Option<HeaderName> {
    let Ok(name) = HeaderName::from_bytes(written.as_bytes()) else {
        let hint = match written {
            ":authority" => "the host that a backend sees is `host_header`",
            _ if written.starts_with(':') => {
                "what begins with a colon is no field; see `rewrite` for the target"
            }
            _ => "write one such as `x-real-ip`: letters, digits and dashes",
        };
        value.fail(format!("`{}` is no name of a header field", excerpt(written)), hint);
        return None;
    };
    match protection(name.as_str(), direction) {
        None => Some(name),
        Some((why, hint)) => {
            value.fail(format!("`{name}` can't be changed by a rule: {why}"), hint);
            None
        }
    }
}

/// Whether a rule of this kind may change a field, whose name is in lower case.
#[must_use]
pub fn may_change(name: &str, direction: Direction) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && protection(name, direction).is_none()
}

/// Why a field is no rule's business, and what to do.
fn protection(name: &str, direction: Direction) -> Option<(&'static str, &'static str)> {
    const REMOVE: &str = "remove the rule";
    let is_request = direction == Direction::Request;
    match name {
        _ if OF_CONNECTION.contains(&name) => {
            Some(("it concerns a single connection or the framing, which the proxy does itself", REMOVE))
        }
        "host" if is_request => Some((
            "requests have exactly one",
            "write `host_header = \"backend\"` or `host_header = \"api.example.com\"` in the route or the pool",
        )),
        "via" if is_request => Some(("it ends requests that go round in a loop", REMOVE)),
        "sec-websocket-key" if is_request => Some(("the client and the backend agree by it", REMOVE)),
        "sec-websocket-accept" if !is_request => Some(("the client and the backend agree by it", REMOVE)),
        "content-encoding" if !is_request => {
            Some(("it says how the body is to be read, which a rule doesn't change", REMOVE))
        }
        "grpc-status" | "grpc-message" if !is_request => Some(("it says how a call has ended", REMOVE)),
        _ if name.starts_with("x-pointsman-") => Some(("it is the proxy's own", "choose another name")),
        _ => None,
    }
}
