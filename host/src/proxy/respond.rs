//! Answers that routes give in place of a backend.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::body::{ResponseBody, set_status};
use super::error_page::PageOffer;
use crate::downstream::RequestGuard;

/// An answer that is always the same.
#[derive(Debug)]
pub struct FixedAnswer {
    status: StatusCode,
    media_type: Option<HeaderValue>,
    content: Option<Bytes>,
    /// An error page takes its place, if there is one for its status.
    gives_way: bool,
}

impl FixedAnswer {
    /// The answer with this status, and this content if it may have any. A media type that can't stand in a field is left out.
    #[must_use]
    pub fn new(status: StatusCode, media_type: Option<&str>, content: Option<&[u8]>) -> Self {
        Self {
            status,
            media_type: media_type.and_then(|text| HeaderValue::from_str(text).ok()),
            content: content.map(Bytes::copy_from_slice),
            gives_way: false,
        }
    }

    /// The answer with the reason of this status, in whose place an error page comes if there is one.
    #[must_use]
    pub fn reason(status: StatusCode, text: &str) -> Self {
        let answer = Self::new(status, Some("text/plain; charset=utf-8"), Some(text.as_bytes()));
        Self { gives_way: true, ..answer }
    }

    /// The same for one worker. Values and contents are counted references, to which all workers would write otherwise.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let media_type = self.media_type.as_ref().and_then(|value| value.to_str().ok());
        Self { gives_way: self.gives_way, ..Self::new(self.status, media_type, self.content.as_deref()) }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What calls of gRPC are told.
    pub(super) fn message(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or_default()
    }

    /// The response.
    pub(super) fn respond(&self, guard: RequestGuard, pages: Option<&PageOffer>) -> Response<ResponseBody> {
        // To a CONNECT of HTTP/2, a success would say that there is a tunnel (RFC 8441 section 5).
        let is_tunnel = guard.context().websocket_accept().is_some() && self.status.is_success();
        if is_tunnel {
            let mut response = Response::new(ResponseBody::empty(guard));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let paged = match pages.filter(|_| self.gives_way) {
            Some(pages) => pages.respond(self.status, guard),
            None => Err(guard),
        };
        paged.unwrap_or_else(|guard| self.own(guard))
    }

    fn own(&self, guard: RequestGuard) -> Response<ResponseBody> {
        let mut response = Response::new(match &self.content {
            Some(content) => ResponseBody::text(content.clone(), guard),
            None => ResponseBody::empty(guard),
        });
        set_status(&mut response, self.status);
        if let Some(media_type) = &self.media_type {
            response.headers_mut().insert(CONTENT_TYPE, media_type.clone());
        }
        response
    }
}
