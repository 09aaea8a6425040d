//! Pages in the place of the proxy's own texts.

use std::rc::Rc;

use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{ResponseBody, set_status};
use crate::downstream::{RequestContext, RequestGuard, is_idempotent};
use crate::error_pages::{ErrorPages, accept};

/// The pages for a request.
#[derive(Debug)]
pub(super) struct PageOffer {
    pages: Rc<ErrorPages>,
    /// What the client takes, where that isn't to be had any more once the request is sent.
    accept: Option<HeaderValue>,
}

impl PageOffer {
    /// The pages for this request. Of its head nothing is kept if there is another copy of it, or nothing to choose.
    #[inline]
    pub(super) fn new<B>(pages: &Rc<ErrorPages>, request: &Request<B>) -> Self {
        let is_kept = !pages.depend_on_client() || is_idempotent(request.method().as_str());
        let accept = if is_kept { None } else { accept(request.headers()) };
        Self { pages: Rc::clone(pages), accept }
    }

    /// Whether a page comes in the place of a backend's response with this status.
    #[inline]
    pub(super) fn intercepts(&self, context: &RequestContext, pool: &str, status: StatusCode) -> bool {
        self.pages.intercept(context.record().route.as_ref().map(|route| route.index), pool, status)
    }

    /// What the client takes. None if it says nothing, or its request couldn't be read.
    fn accept(&self, context: &RequestContext) -> Option<HeaderValue> {
        if self.accept.is_some() || !self.pages.depend_on_client() {
            return self.accept.clone();
        }
        let head = &context.head().parts.headers;
        // An empty one follows a head that is sent.
        if head.is_empty() { accept(&context.replay()?.headers) } else { accept(head) }
    }

    /// The response with the page for an error; the guard again if there is none.
    #[cold]
    pub(super) fn respond(
        &self,
        status: StatusCode,
        guard: RequestGuard,
    ) -> Result<Response<ResponseBody>, RequestGuard> {
        let accept = self.accept(guard.context());
        let found = {
            let record = guard.context().record();
            let pool = record.pool.as_ref().map(|pool| &*pool.shared().name);
            let chosen = self.pages.choose(accept.as_ref(), pool, status);
            chosen.map(|chosen| (chosen, chosen.page.render(status, record.ids.request.as_ref())))
        };
        let Some((chosen, content)) = found else { return Err(guard) };
        let mut response = Response::new(ResponseBody::text(content, guard));
        set_status(&mut response, status);
        if let Some(content_type) = chosen.page.content_type() {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        if chosen.varies {
            response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT));
        }
        Ok(response)
    }
}
