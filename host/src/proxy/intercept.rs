//! Pages in the place of backends' errors.

use http::header::{
    ALLOW, CACHE_CONTROL, EXPIRES, RETRY_AFTER, SET_COOKIE, UPGRADE, VARY, VIA, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::{ResponseBody, set_status};
use super::error_page::PageOffer;
use super::failure::is_call;
use super::forward;
use super::retry::Attempts;
use crate::downstream::RequestGuard;
use crate::upstream::Answered;

/// What stays of a backend's response whose body doesn't: what clients have to do, keep or may do next. Whatever else it says is of its body,
/// or of the backend.
const KEPT: [HeaderName; 9] =
    [ALLOW, CACHE_CONTROL, EXPIRES, RETRY_AFTER, SET_COOKIE, UPGRADE, VARY, VIA, WWW_AUTHENTICATE];

/// A backend's response without its body.
#[derive(Debug)]
pub(super) struct Intercepted {
    status: StatusCode,
    headers: HeaderMap,
    /// The client has sent its request to the end.
    pub(super) has_whole_request: bool,
}

impl Attempts {
    /// Whether a page comes in the place of a backend's response with this status. Clients of gRPC read no pages.
    #[inline]
    pub(super) fn is_intercepted(&self, offer: &PageOffer, status: StatusCode) -> bool {
        offer.intercepts(&self.context, &self.balancer.pool().name, status) && !is_call(&self.context)
    }

    /// Does without the body of a backend's response. Its connection stays if the rest of that is there already.
    pub(super) async fn intercept(&self, mut answered: Answered) -> Intercepted {
        forward::response_headers(&mut answered.response);
        let mut headers = kept(answered.response.headers());
        let (status, has_whole_request) = (answered.status(), answered.has_whole_request());
        answered.into_response().into_body().discard().await;
        if let Some(cookie) = &self.response.cookie {
            headers.append(SET_COOKIE, HeaderValue::clone(cookie));
        }
        Intercepted { status, headers, has_whole_request }
    }
}

impl Intercepted {
    /// The response. There was a page when the backend's was given up, so there is one.
    pub(super) fn respond(self, offer: Option<&PageOffer>, guard: RequestGuard) -> Response<ResponseBody> {
        let response = match offer {
            Some(offer) => offer.respond(self.status, guard),
            None => Err(guard),
        };
        let mut response = response.unwrap_or_else(|guard| {
            let mut response = Response::new(ResponseBody::empty(guard));
            set_status(&mut response, self.status);
            response
        });
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        response
    }
}

/// The fields that stay, among them those by which scripts of other sites may see the status.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let stays = |name: &HeaderName| KEPT.contains(name) || name.as_str().starts_with("access-control-");
    headers
        .iter()
        .filter(|(name, _)| stays(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
