//! What a line says of a request's head, kept from its admission to its end.

use std::net::IpAddr;
use std::ops::Range;

use http::header::{REFERER, USER_AGENT};
use http::request::Parts;
use pointsman_core::request::{self, ExactTarget};

use super::plain;

/// Longest text that is kept, bytes.
const TEXT: usize = 2 << 10;

/// Longest method that is taken for one in a head that was refused.
const METHOD: usize = 32;

/// The texts of one request: copies, as the head itself is sent to the backend. In memory that the next request uses again.
#[derive(Debug, Default)]
pub struct RequestTexts {
    /// The client, as far as it is known.
    pub client: Option<IpAddr>,
    bytes: Vec<u8>,
    method: Text,
    path: Text,
    query: Option<Text>,
    host: Option<Text>,
    referer: Option<Text>,
    user_agent: Option<Text>,
    /// Whether all of them can stand in a line of either format as they are.
    are_plain: bool,
    is_kept: bool,
}

/// A text within the bytes that are kept.
#[derive(Debug, Clone, Default)]
struct Text {
    at: Range<usize>,
    is_cut: bool,
}

/// A text for a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept<'a> {
    pub(super) text: &'a [u8],
    /// Whether it was longer.
    pub(super) is_cut: bool,
    /// Whether it is known to be able to stand in a line of either format as it is, short enough included.
    pub(super) is_plain: bool,
}

impl<'a> Kept<'a> {
    /// A whole text of which nothing is known.
    pub(super) fn whole(text: &'a [u8]) -> Self {
        Self { text, is_cut: false, is_plain: false }
    }
}

impl RequestTexts {
    /// Forgets a request; the memory stays.
    pub fn clear(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        *self = Self { bytes, ..Self::default() };
    }

    /// Whether there is anything to forget.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Keeps those of a head that is well-formed, as it came; `target` is what its URI can't hold.
    pub fn keep(&mut self, parts: &Parts, target: Option<&ExactTarget>) {
        self.is_kept = true;
        let (path, query) = match target {
            Some(target) => target.split(),
            None => (parts.uri.path().as_bytes(), parts.uri.query().map(str::as_bytes)),
        };
        self.method = self.copy(parts.method.as_str().as_bytes());
        self.path = self.copy(path);
        self.query = query.map(|query| self.copy(query));
        // That of the target counts, and the field doesn't.
        let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = authority.or_else(|| request::host(&parts.headers).map(|host| host.as_bytes()));
        self.host = host.map(|host| self.copy(host));
        self.referer = parts.headers.get(REFERER).map(|value| self.copy(value.as_bytes()));
        self.user_agent = parts.headers.get(USER_AGENT).map(|value| self.copy(value.as_bytes()));
        // All at once, as each is short.
        self.are_plain = plain::are_plain(&self.bytes, plain::TEXT_END);
    }

    /// Keeps what can be told of a head that isn't, as it came. Takes nothing for what it may not be.
    #[cold]
    pub fn keep_refused(&mut self, head: &[u8]) {
        self.is_kept = true;
        let mut lines =
            head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut words = lines.next().unwrap_or_default().splitn(3, |&byte| byte == b' ');
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        if method.is_empty() || method.len() > METHOD || !method.iter().all(u8::is_ascii_alphabetic) {
            return;
        }
        self.method = self.copy(method);
        let mut parts = target.splitn(2, |&byte| byte == b'?');
        self.path = self.copy(parts.next().unwrap_or_default());
        self.query = parts.next().map(|query| self.copy(query));
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            let field = match name.to_ascii_lowercase().as_slice() {
                b"host" => &mut self.host,
                b"referer" => &mut self.referer,
                b"user-agent" => &mut self.user_agent,
                _ => continue,
            };
            // The first one of each, which fits in with what is made of a head that passes.
            if field.is_none() {
                *field = Some(copy(&mut self.bytes, value));
            }
        }
    }

    fn copy(&mut self, text: &[u8]) -> Text {
        copy(&mut self.bytes, text)
    }

    pub(super) fn method(&self) -> Option<Kept<'_>> {
        self.unless_empty(&self.method)
    }

    pub(super) fn path(&self) -> Option<Kept<'_>> {
        self.unless_empty(&self.path)
    }

    pub(super) fn query(&self) -> Option<Kept<'_>> {
        self.query.as_ref().map(|text| self.get(text))
    }

    pub(super) fn host(&self) -> Option<Kept<'_>> {
        self.host.as_ref().map(|text| self.get(text))
    }

    pub(super) fn referer(&self) -> Option<Kept<'_>> {
        self.referer.as_ref().map(|text| self.get(text))
    }

    pub(super) fn user_agent(&self) -> Option<Kept<'_>> {
        self.user_agent.as_ref().map(|text| self.get(text))
    }

    fn unless_empty(&self, text: &Text) -> Option<Kept<'_>> {
        Some(self.get(text)).filter(|kept| !kept.text.is_empty())
    }

    fn get(&self, text: &Text) -> Kept<'_> {
        Kept { text: &self.bytes[text.at.clone()], is_cut: text.is_cut, is_plain: self.are_plain }
    }
}

fn copy(bytes: &mut Vec<u8>, text: &[u8]) -> Text {
    let (start, is_cut) = (bytes.len(), text.len() > TEXT);
    bytes.extend_from_slice(if is_cut { &text[..TEXT] } else { text });
    Text { at: start..bytes.len(), is_cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kept: Option<Kept<'_>>) -> Option<String> {
        kept.map(|kept| format!("{}{}", kept.text.escape_ascii(), if kept.is_cut { "…" } else { "" }))
    }

    fn all(texts: &RequestTexts) -> [Option<String>; 6] {
        [texts.method(), texts.path(), texts.query(), texts.host(), texts.referer(), texts.user_agent()]
            .map(shown)
    }

    fn check_refused(head: &[u8], expected: [Option<&str>; 6]) {
        let mut texts = RequestTexts::default();
        texts.keep_refused(head);
        assert_eq!(all(&texts), expected.map(|text| text.map(str::to_owned)), "{}", head.escape_ascii());
    }

    #[test]
    fn what_a_line_needs_of_a_head_is_kept() {
        let builder = http::Request::builder().method("PUT").uri("/a/b?c=d").header("host", "h.example:81");
        let builder = builder.header("user-agent", b"agent \xff".as_slice()).header("cookie", "secret");
        let (parts, ()) = builder.body(()).expect("a request").into_parts();
        let mut texts = RequestTexts::default();
        texts.keep(&parts, None);
        let expected =
            [Some("PUT"), Some("/a/b"), Some("c=d"), Some("h.example:81"), None, Some("agent \\xff")];
        assert_eq!(all(&texts), expected.map(|text| text.map(str::to_owned)));
        texts.keep(&parts, Some(&ExactTarget::new(b"/<a>?<b>")));
        assert_eq!(
            (shown(texts.path()).as_deref(), shown(texts.query()).as_deref()),
            (Some("/<a>"), Some("<b>"))
        );
        texts.clear();
        assert_eq!(all(&texts), [const { None }; 6]);
        assert!(!texts.is_kept() && texts.bytes.capacity() > 0, "the memory stays");
    }

    #[test]
    fn long_texts_are_cut() {
        let path = format!("/{}", "x".repeat(TEXT));
        let (parts, ()) = http::Request::get(&path).body(()).expect("a request").into_parts();
        let mut texts = RequestTexts::default();
        texts.keep(&parts, None);
        assert_eq!(shown(texts.path()), Some(format!("{}…", &path[..TEXT])));
    }

    #[test]
    fn what_can_be_told_of_a_refused_head_is_kept() {
        check_refused(
            b"GET /a?b HTTP/1.1\r\nHost: a\r\nHost: b\r\nReferer:  r \r\nX: y\r\n\r\nUser-Agent: body",
            [Some("GET"), Some("/a"), Some("b"), Some("a"), Some("r"), None],
        );
        check_refused(b"GET /a", [Some("GET"), Some("/a"), None, None, None, None]);
        check_refused(b"\x16\x03\x01\x02\x00\x01 x y", [const { None }; 6]);
        check_refused(b"", [const { None }; 6]);
        check_refused(b"\n\n", [const { None }; 6]);
        check_refused(b"GET", [Some("GET"), None, None, None, None, None]);
        check_refused(&[b'A'; 100], [const { None }; 6]);
    }
}
