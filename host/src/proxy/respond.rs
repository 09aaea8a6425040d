//! Answers that routes give in place of a backend.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::body::ResponseBody;
use crate::downstream::RequestGuard;

/// An answer that is always the same.
#[derive(Debug)]
pub struct FixedAnswer {
    status: StatusCode,
    media_type: Option<HeaderValue>,
    content: Option<Bytes>,
}

impl FixedAnswer {
    /// The answer with this status, and this content if it may have any. A media type that can't stand in a field is left out.
    #[must_use]
    pub fn new(status: StatusCode, media_type: Option<&str>, content: Option<&[u8]>) -> Self {
        Self {
            status,
            media_type: media_type.and_then(|text| HeaderValue::from_str(text).ok()),
            content: content.map(Bytes::copy_from_slice),
        }
    }

    /// The same for one worker. Values and contents are counted references, to which all workers would write otherwise.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let media_type = self.media_type.as_ref().and_then(|value| value.to_str().ok());
        Self::new(self.status, media_type, self.content.as_deref())
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What calls of gRPC are told.
    pub(super) fn message(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or_default()
    }

    /// The response.
    pub(super) fn respond(&self, guard: RequestGuard) -> Response<ResponseBody> {
        // To a CONNECT of HTTP/2, a success would say that there is a tunnel (RFC 8441 section 5).
        let is_tunnel = guard.context().websocket_accept().is_some() && self.status.is_success();
        if is_tunnel {
            let mut response = Response::new(ResponseBody::empty(guard));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let mut response = Response::new(match &self.content {
            Some(content) => ResponseBody::text(content.clone(), guard),
            None => ResponseBody::empty(guard),
        });
        *response.status_mut() = self.status;
        if let Some(media_type) = &self.media_type {
            response.headers_mut().insert(CONTENT_TYPE, media_type.clone());
        }
        response
    }
}
