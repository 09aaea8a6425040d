//! What came of a request, and the response for it.

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::error_page::PageOffer;
use super::header_rules::RequestRules;
use super::intercept::Intercepted;
use super::label::EXPLAIN_HEADER;
use super::own_answer::OwnAnswer;
use super::request_id::X_REQUEST_ID;
use super::retry::Attempts;
use super::{Failure, ResponseBody, forward};
use crate::compression::Encoder;
use crate::downstream::RequestGuard;
use crate::upstream::{Answered, Tunnel};

/// What becomes of a client's connection after a response. Advice, which the protocol carries out.
#[derive(Debug)]
pub enum Then {
    /// Other requests may follow.
    KeepAlive,
    /// Nothing that follows can be trusted, or read: the connection has to end.
    Close,
    /// Both sides change the protocol; this is the backend's end.
    Tunnel(Box<Tunnel>),
}

/// What came of a request.
pub(super) enum Served {
    /// A backend's response, and what encodes its body, if it is to be compressed.
    Response(Answered, Option<Box<Encoder>>),
    /// Both sides change the protocol, as these headers say.
    Upgrade(HeaderMap, Box<Tunnel>),
    /// A backend's response, in whose place a page comes.
    Intercepted(Box<Intercepted>),
    /// It goes no further, and nothing is wrong.
    Own(OwnAnswer),
}

impl Attempts {
    /// What comes of the request.
    pub(super) async fn serve(&self, pages: Option<&PageOffer>) -> Result<Served, Failure> {
        // Out of the way, and the answer isn't kept beside it: nearly no request changes the protocol, and few
        // get a page.
        let rest = {
            let mut answered = self.answer().await?;
            if let Some(session) = &self.affinity.session {
                session.served_by(&self.balancer, answered.backend().shared());
            }
            let switches = answered.status() == StatusCode::SWITCHING_PROTOCOLS;
            if !switches {
                self.check_declined(&answered)?;
            }
            if !switches && !pages.is_some_and(|pages| self.is_intercepted(pages, answered.status())) {
                forward::response_headers(&mut answered.response);
                if let Some(cookie) = &self.response.cookie {
                    answered.response.headers_mut().append(header::SET_COOKIE, HeaderValue::clone(cookie));
                }
                let compression = self.response.compression.as_ref();
                let encoder = compression.and_then(|offer| offer.accept(&mut answered.response));
                return Ok(Served::Response(answered, encoder));
            }
            Box::pin(async move {
                if switches {
                    self.switch(answered).await
                } else {
                    Ok(Served::Intercepted(Box::new(self.intercept(answered).await)))
                }
            })
        };
        rest.await
    }

    /// Binds the client to the backend whose response this is, if it is to come back there.
    #[inline]
    pub(super) fn bind(&self, headers: &mut HeaderMap) {
        if let Some(session) = &self.affinity.session {
            session.respond(&self.balancer, &self.context, headers);
        }
    }
}

/// The response to a request, and what becomes of the connection.
#[inline]
pub(super) fn respond(
    served: Result<Served, Failure>,
    guard: RequestGuard,
    has_body: bool,
    rules: Option<&RequestRules>,
    pages: Option<&PageOffer>,
) -> (Response<ResponseBody>, Then) {
    let context = Rc::clone(guard.context());
    if !matches!(served, Ok(Served::Upgrade(..))) {
        context.decline_upgrade();
    }
    let (mut response, then) = match served {
        Ok(Served::Response(answered, encoder)) => {
            // hyper closes on a body that nobody has read to its end; the client has to know.
            let then = if answered.has_whole_request() { Then::KeepAlive } else { Then::Close };
            (answered.into_response().map(|body| ResponseBody::upstream(body, encoder, guard)), then)
        }
        Ok(Served::Upgrade(headers, tunnel)) => {
            let mut response = Response::new(ResponseBody::empty(guard));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            *response.headers_mut() = headers;
            (response, Then::Tunnel(tunnel))
        }
        Ok(Served::Intercepted(intercepted)) => {
            let then = if intercepted.has_whole_request { Then::KeepAlive } else { Then::Close };
            (intercepted.respond(pages, guard), then)
        }
        Ok(Served::Own(answer)) => {
            (answer.respond(guard, pages), if has_body { Then::Close } else { Then::KeepAlive })
        }
        Err(failure) => {
            failure.log(&context);
            let is_refused = matches!(failure, Failure::Refused(_));
            let then = if is_refused || has_body { Then::Close } else { Then::KeepAlive };
            (failure.respond(guard, pages), then)
        }
    };
    if let Some(hsts) = &context.connection().tls.hsts {
        response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
    let mut record = context.record();
    if let Some(id) = &record.ids.request {
        response.headers_mut().insert(&X_REQUEST_ID, id.clone());
    }
    record.status.get_or_insert_with(|| response.status());
    drop(record);
    if let Some(rules) = rules
        && !matches!(then, Then::Tunnel(_))
    {
        rules.respond(response.headers_mut(), &context);
    }
    if let Some(insight) = &*context.insight()
        && let Some(explanation) = insight.header(&context.record(), context.head().picks.as_deref())
    {
        response.headers_mut().insert(&EXPLAIN_HEADER, explanation);
    }
    (response, then)
}
