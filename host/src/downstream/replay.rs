//! What is kept of a request's head, so that the request can be sent again.

use http::request::Parts;
use http::{Uri, Version};

use super::http1::head;

/// Kept between requests; a larger head gives its memory back.
const KEPT: usize = 2048;

/// A head as bytes, in the form of HTTP/1, whatever version it came in: one copy into memory that is used again. A copy of the map would
/// allocate, and most requests are sent once.
#[derive(Debug, Default)]
pub(super) struct ReplayHead {
    /// Empty = nothing is kept.
    bytes: Vec<u8>,
    /// The version that it came in, if the bytes don't say so.
    version: Option<Version>,
}

impl ReplayHead {
    /// Keeps nothing.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.version = None;
    }

    /// Keeps the bytes of a head of HTTP/1.
    pub(super) fn keep_bytes(&mut self, bytes: &[u8]) {
        if bytes.len() <= KEPT {
            self.bytes.shrink_to(KEPT);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Keeps a head that came in another form.
    pub(super) fn keep_parts(&mut self, parts: &Parts) {
        self.bytes.shrink_to(KEPT);
        self.version = Some(parts.version);
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(parts.method.as_str().as_bytes());
        bytes.push(b' ');
        write_target(bytes, &parts.uri);
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in &parts.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
    }

    /// The head. `None` if none is kept.
    pub(super) fn rebuild(&self) -> Option<Parts> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut parts = head::rebuild(&self.bytes)?;
        if let Some(version) = self.version {
            parts.version = version;
        }
        Some(parts)
    }
}

/// A target in the form that it has, but for the asterisk, which has no absolute form.
fn write_target(bytes: &mut Vec<u8>, uri: &Uri) {
    if let (Some(scheme), Some(authority), true) = (uri.scheme_str(), uri.authority(), uri.path() != "*") {
        for part in [scheme, "://", authority.as_str()] {
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    bytes.extend_from_slice(target.as_bytes());
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_head_is_rebuilt_as_it_was() {
        for target in ["http://a.example:81/x?y=%20", "https://a", "/x", "*"] {
            let mut kept = ReplayHead::default();
            assert!(kept.rebuild().is_none());
            let builder = Request::builder().method("PUT").uri(target).version(Version::HTTP_2);
            let request = builder.header("a", "1").header("b", "").header("a", "2\u{e9}").body(());
            let (parts, ()) = request.expect("a request").into_parts();
            kept.keep_parts(&parts);
            let again = kept.rebuild().expect("it is kept");
            assert_eq!(
                (again.method, again.uri, again.version, again.headers),
                (parts.method, parts.uri, parts.version, parts.headers),
                "{target}"
            );
            kept.clear();
            kept.keep_bytes(b"GET / HTTP/1.0\r\n\r\n");
            assert_eq!(kept.rebuild().map(|parts| parts.version), Some(Version::HTTP_10));
        }
    }
}
