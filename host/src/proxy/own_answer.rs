//! What is answered in place of a backend although nothing is wrong.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::body::ResponseBody;
use super::error_page::PageOffer;
use super::redirect::Elsewhere;
use super::respond::FixedAnswer;
use super::{challenge, max_forwards, redirect};
use crate::downstream::RequestGuard;
use crate::grpc::{self, CallStatus};

/// An answer that the configuration or the client itself asks for.
#[derive(Debug)]
pub(super) enum OwnAnswer {
    /// To a request that may go no further; this is its method.
    FinalRecipient(Method),
    /// To the question of an authority.
    Challenge(Bytes),
    /// The request is to be made elsewhere.
    Redirect(Elsewhere),
    /// What the route says.
    Fixed(Rc<FixedAnswer>),
}

impl OwnAnswer {
    /// The response. Error pages take the place only of what says nothing of its own.
    pub(super) fn respond(self, guard: RequestGuard, pages: Option<&PageOffer>) -> Response<ResponseBody> {
        match self {
            Self::FinalRecipient(method) => max_forwards::respond(&method, guard),
            Self::Challenge(answer) => challenge::respond(answer, guard),
            // Clients of gRPC follow no redirects.
            Self::Redirect(elsewhere) if guard.context().head().is_call => {
                to_call(elsewhere.status, "this is to be had elsewhere", guard)
            }
            Self::Redirect(elsewhere) => redirect::respond(elsewhere, guard),
            Self::Fixed(answer) if guard.context().head().is_call => {
                to_call(answer.status(), answer.message(), guard)
            }
            Self::Fixed(answer) => answer.respond(guard, pages),
        }
    }
}

/// The answer to a call of gRPC: a head that ends with the status of the call, and nothing else ("Trailers-Only"). On record is the
/// status in terms of HTTP, as for failures.
#[cold]
fn to_call(status: StatusCode, message: &str, guard: RequestGuard) -> Response<ResponseBody> {
    let call = CallStatus::of(status);
    {
        let mut record = guard.context().record();
        record.status = Some(status);
        record.call = Some(call.code());
    }
    let mut response = Response::new(ResponseBody::empty(guard));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(grpc::MEDIA_TYPE));
    headers.insert(&grpc::STATUS, call.code().into());
    headers.insert(&grpc::MESSAGE, grpc::message(message));
    response
}
