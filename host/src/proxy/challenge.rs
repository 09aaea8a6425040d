//! Questions of authorities whether a name leads to this proxy, which are answered here and go to no backend.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use pointsman_core::request::{host, path};

use super::body::ResponseBody;
use crate::downstream::RequestGuard;
use crate::http_challenge::HttpChallenges;

/// The answer to a request, if it is such a question. It comes before everything that is configured, a redirect for one: authorities ask
/// before there is a certificate.
pub(super) fn answer(challenges: &HttpChallenges, parts: &Parts) -> Option<Bytes> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    let path = std::str::from_utf8(path(parts)).ok()?;
    challenges.answer(path, || host(&parts.headers)?.to_str().ok())
}

/// The response. Nobody in between may keep it: the next question is another one.
pub(super) fn respond(answer: Bytes, guard: RequestGuard) -> Response<ResponseBody> {
    let mut response = ResponseBody::plain_text(StatusCode::OK, answer, guard);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
