//! One page: which errors it is for, and its bytes.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, StatusCode};

use crate::config::{ErrorPageConfig, StatusPattern};

/// A page in memory.
#[derive(Debug, Clone)]
pub struct Page {
    statuses: Box<[StatusPattern]>,
    content_type: Box<str>,
    /// In lower case and without parameters.
    media_type: Box<str>,
    content: Bytes,
    parts: Box<[Part]>,
}

/// A piece of a page.
#[derive(Debug, Clone)]
enum Part {
    /// These bytes of it.
    Text(Range<usize>),
    /// `{status}`, such as 503.
    Status,
    /// `{reason}`, such as Service Unavailable.
    Reason,
    /// `{request_id}`.
    RequestId,
}

impl Page {
    /// A page with this content.
    pub(super) fn new(config: &ErrorPageConfig, content: &[u8]) -> Self {
        let essence = config.media_type.split(';').next().unwrap_or_default();
        Self {
            statuses: config.statuses.clone().into(),
            media_type: essence.trim_ascii().to_ascii_lowercase().into(),
            content_type: config.media_type.clone().into(),
            parts: parts(content).into(),
            content: Bytes::copy_from_slice(content),
        }
    }

    /// The same, in memory of its own.
    pub(super) fn for_worker(&self) -> Self {
        Self { content: Bytes::copy_from_slice(&self.content), ..self.clone() }
    }

    /// What it is, as `Content-Type` says it. None if it can't stand in a field.
    #[must_use]
    pub fn content_type(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.content_type).ok()
    }

    pub(super) fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Whether it is for this very status, and not for its class, if it is for it.
    pub(super) fn specificity(&self, status: StatusCode) -> Option<bool> {
        let matching = self.statuses.iter().filter(|pattern| pattern.matches(status));
        matching.map(|pattern| matches!(pattern, StatusPattern::One(_))).max()
    }

    /// Its bytes for a request. Ids consist of what no markup minds: letters, digits and `._:/+=-`.
    #[must_use]
    pub fn render(&self, status: StatusCode, request_id: Option<&HeaderValue>) -> Bytes {
        match &*self.parts {
            [] => Bytes::new(),
            [Part::Text(range)] => self.content.slice(range.clone()),
            parts => {
                let mut page = BytesMut::new();
                for part in parts {
                    page.put_slice(match part {
                        Part::Text(range) => &self.content[range.clone()],
                        Part::Status => status.as_str().as_bytes(),
                        Part::Reason => status.canonical_reason().unwrap_or("Error").as_bytes(),
                        Part::RequestId => request_id.map_or(b"", HeaderValue::as_bytes),
                    });
                }
                page.freeze()
            }
        }
    }
}

/// The pieces of a page. Whatever isn't one of the three names stays as it is, as style sheets and JSON are full of braces.
fn parts(content: &[u8]) -> Vec<Part> {
    let names = [("{status}", Part::Status), ("{reason}", Part::Reason), ("{request_id}", Part::RequestId)];
    let (mut parts, mut begin) = (Vec::new(), 0);
    for at in memchr::memchr_iter(b'{', content) {
        let Some((name, part)) = names.iter().find(|(name, _)| content[at..].starts_with(name.as_bytes()))
        else {
            continue;
        };
        if at > begin {
            parts.push(Part::Text(begin..at));
        }
        parts.push(part.clone());
        begin = at + name.len();
    }
    if begin < content.len() {
        parts.push(Part::Text(begin..content.len()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PageContent;

    #[test]
    fn names_are_replaced_and_other_braces_stay() {
        let page = |text: &'static str| {
            let config = ErrorPageConfig {
                statuses: Vec::new(),
                media_type: "text/html".into(),
                content: PageContent::Text(text.into()),
            };
            let page = Page::new(&config, text.as_bytes()).for_worker();
            let with_id = page.render(StatusCode::BAD_GATEWAY, Some(&HeaderValue::from_static("a/b=")));
            let without = page.render(StatusCode::from_u16(599).unwrap(), None);
            [with_id, without].map(|page| String::from_utf8(page.into()).unwrap())
        };
        assert_eq!(page(""), ["", ""]);
        assert_eq!(page("{status}"), ["502", "599"]);
        assert_eq!(
            page("b{color:red}{{status}} {reason}: {request_id}!"),
            ["b{color:red}{502} Bad Gateway: a/b=!", "b{color:red}{599} Error: !"]
        );
        assert_eq!(page("{ status } {STATUS} {statu"), ["{ status } {STATUS} {statu"; 2]);
    }
}
