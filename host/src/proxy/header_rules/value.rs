//! The value that a rule gives a field.

use std::io::Write as _;
use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderValue, Method, Uri};
use pointsman_core::request::{self, ExactTarget};

use crate::config::{NamedValue, Piece, Template};
use crate::downstream::RequestContext;

/// The value that a rule gives a field.
#[derive(Debug)]
pub(super) enum Value {
    /// It is always the same.
    Fixed(HeaderValue),
    /// It is one thing that is known of the request.
    One(NamedValue),
    /// It is put together.
    Pieces(Box<[Piece]>),
}

/// What is known of a request.
pub(super) struct Facts<'a> {
    pub(super) context: &'a RequestContext,
    pub(super) client: IpAddr,
    pub(super) asked: Asked<'a>,
    /// The name of its backend, once it has one.
    pub(super) backend: Option<&'a str>,
}

/// What the client has asked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    method: Option<&'a Method>,
    host: Option<&'a HeaderValue>,
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

/// The same for as long as it is needed: references only.
#[derive(Debug)]
pub(super) struct KeptAsked {
    method: Method,
    host: Option<HeaderValue>,
    uri: Uri,
    exact: Option<ExactTarget>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        method: &'a Method,
        host: Option<&'a HeaderValue>,
        uri: &'a Uri,
        exact: Option<&'a ExactTarget>,
    ) -> Self {
        let (path, query) = match exact {
            Some(exact) => exact.split(),
            None => (uri.path().as_bytes(), uri.query().map(str::as_bytes)),
        };
        Self { method: Some(method), host, path, query }
    }
}

impl KeptAsked {
    pub(super) fn of(parts: &Parts) -> Self {
        Self {
            method: parts.method.clone(),
            host: request::host(&parts.headers).cloned(),
            uri: parts.uri.clone(),
            exact: parts.extensions.get::<ExactTarget>().cloned(),
        }
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked::new(&self.method, self.host.as_ref(), &self.uri, self.exact.as_ref())
    }
}

impl Value {
    pub(super) fn new(template: &Template) -> Self {
        match &*template.0 {
            [Piece::Text(text)] => match HeaderValue::from_bytes(text.as_bytes()) {
                Ok(value) => Self::Fixed(value),
                Err(_) => Self::Pieces([].into()),
            },
            [Piece::Value(value)] => Self::One(*value),
            pieces => Self::Pieces(pieces.into()),
        }
    }

    /// The value for a request; `None` if it is empty. It holds nothing that could end the field: what a client wrote is percent-encoded
    /// where it isn't printable.
    pub(super) fn render(&self, facts: &Facts<'_>, scratch: &mut Vec<u8>) -> Option<HeaderValue> {
        scratch.clear();
        match self {
            Self::Fixed(value) => return Some(value.clone()),
            Self::One(value) => match facts.ready(*value) {
                Some(ready) => return Some(ready),
                None => facts.write(*value, scratch),
            },
            Self::Pieces(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => scratch.extend_from_slice(text.as_bytes()),
                        Piece::Value(value) => facts.write(*value, scratch),
                    }
                }
            }
        }
        // HTTP/2 takes no field with a space at an end (RFC 9113 section 8.2.1).
        let text = scratch.trim_ascii();
        if text.is_empty() { None } else { HeaderValue::from_bytes(text).ok() }
    }
}

impl Facts<'_> {
    /// A value that is there as a field's value already.
    fn ready(&self, value: NamedValue) -> Option<HeaderValue> {
        let connection = self.context.connection();
        match value {
            NamedValue::Peer => Some(connection.forwarded_for.clone()),
            NamedValue::Client if self.client == connection.peer.ip().to_canonical() => {
                Some(connection.forwarded_for.clone())
            }
            NamedValue::Host => self.asked.host.filter(|host| !host.is_empty()).cloned(),
            NamedValue::Scheme => Some(HeaderValue::from_static(connection.scheme.name())),
            NamedValue::RequestId => self.context.record().ids.request.clone(),
            NamedValue::TlsClientCert => {
                connection.tls.client.identity.as_ref().map(|identity| identity.certificate.clone())
            }
            _ => None,
        }
    }

    fn write(&self, value: NamedValue, text: &mut Vec<u8>) {
        let connection = self.context.connection();
        let host = || self.asked.host.map_or(&[][..], HeaderValue::as_bytes);
        match value {
            // Writing to memory doesn't fail.
            NamedValue::Client => {
                let _ = write!(text, "{}", self.client);
            }
            NamedValue::Peer => text.extend_from_slice(connection.forwarded_for.as_bytes()),
            NamedValue::Host => text.extend_from_slice(host()),
            NamedValue::Hostname => text.extend_from_slice(without_port(host())),
            NamedValue::Scheme => text.extend_from_slice(connection.scheme.name().as_bytes()),
            NamedValue::Port => {
                if let Some(port) = connection.local.port {
                    let _ = write!(text, "{port}");
                }
            }
            NamedValue::Method => {
                text.extend_from_slice(self.asked.method.map_or("", Method::as_str).as_bytes());
            }
            NamedValue::Path => encode(self.asked.path, text),
            NamedValue::Query => encode(self.asked.query.unwrap_or_default(), text),
            NamedValue::Uri => {
                encode(self.asked.path, text);
                if let Some(query) = self.asked.query {
                    text.push(b'?');
                    encode(query, text);
                }
            }
            NamedValue::RequestId => {
                if let Some(id) = &self.context.record().ids.request {
                    text.extend_from_slice(id.as_bytes());
                }
            }
            NamedValue::Backend => text.extend_from_slice(self.backend.unwrap_or_default().as_bytes()),
            NamedValue::TlsServerName => {
                text.extend_from_slice(
                    connection.tls.client.server_name.as_deref().unwrap_or_default().as_bytes(),
                );
            }
            NamedValue::TlsClientCert => {
                let identity = connection.tls.client.identity.as_ref();
                text.extend_from_slice(identity.map_or(&[], |identity| identity.certificate.as_bytes()));
            }
            // They are known before there is a request, and stand in the texts.
            NamedValue::Route | NamedValue::Pool => {}
        }
    }
}

/// A host without its port.
fn without_port(host: &[u8]) -> &[u8] {
    let after_address = host.iter().rposition(|&byte| byte == b']').map_or(0, |end| end + 1);
    match host[after_address..].iter().position(|&byte| byte == b':') {
        Some(colon) => &host[..after_address + colon],
        None => host,
    }
}

/// Adds what a client wrote of a target, with every byte that isn't printable ASCII percent-encoded.
pub(in crate::proxy) fn encode(target: &[u8], text: &mut Vec<u8>) {
    if target.iter().all(u8::is_ascii_graphic) {
        return text.extend_from_slice(target);
    }
    for &byte in target {
        if byte.is_ascii_graphic() {
            text.push(byte);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_a_host() {
        for (host, name) in [
            ("", ""),
            ("a.test", "a.test"),
            ("a.test:81", "a.test"),
            ("[::1]", "[::1]"),
            ("[::1]:81", "[::1]"),
            ("127.0.0.1:81", "127.0.0.1"),
        ] {
            assert_eq!(without_port(host.as_bytes()), name.as_bytes(), "{host}");
        }
    }

    #[test]
    fn nothing_that_a_client_wrote_ends_a_value() {
        let mut text = Vec::new();
        encode(b"/a%0d%0aX:%20y\r\n\0\x7f\xff \"<", &mut text);
        assert_eq!(text, b"/a%0d%0aX:%20y%0D%0A%00%7F%FF%20\"<");
    }
}
