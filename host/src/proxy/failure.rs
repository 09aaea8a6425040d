//! Every way in which a request can fail, and the one place that turns it into a response.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use pointsman_core::record::RequestNames;

use super::ResponseBody;
use super::error_page::PageOffer;
use super::label::ERROR_HEADER;
use super::limit::Limited;
use crate::downstream::{Refusal, RequestContext, RequestGuard};
use crate::grpc::{self, CallStatus};
use crate::upstream;

/// Why the proxy answers in place of a backend.
#[derive(Debug)]
pub enum Failure {
    /// The client's fault.
    Refused(Refusal),
    /// No route matches.
    NoRoute,
    /// The path isn't in the one form that the operator lets pass.
    OddPath,
    /// The request has passed too many proxies of this kind.
    Loop,
    /// It is over a limit of its route.
    Limited(Limited),
    /// The pool has no eligible backend.
    NoBackend,
    /// Every backend that may serve is full, and so is the queue.
    QueueFull,
    /// Every backend that may serve was full for too long.
    QueueTimeout,
    /// The policy refuses the request.
    PolicyReject(StatusCode),
    /// The policy can't pick, and the operator wants no other backend than its own.
    PolicyFault,
    /// The exchange with the backend failed.
    Upstream(upstream::Error),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::OddPath => StatusCode::BAD_REQUEST,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Limited(limited) => limited.status,
            Self::NoBackend | Self::QueueFull | Self::QueueTimeout | Self::PolicyFault => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::PolicyReject(status) => *status,
            Self::Upstream(upstream::Error::ClientAbort) => StatusCode::BAD_REQUEST,
            Self::Upstream(
                upstream::Error::SlowRequest | upstream::Error::ClientStalled | upstream::Error::Silence,
            ) => StatusCode::REQUEST_TIMEOUT,
            Self::Upstream(error) if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            // No backend has seen anything of it, so a client that asks again loses nothing.
            Self::Upstream(
                upstream::Error::Connect(_) | upstream::Error::StreamRefused | upstream::Error::LeftOut,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// What a call of gRPC is told.
    fn call_status(&self) -> CallStatus {
        match self {
            Self::Limited(_) => CallStatus::RESOURCE_EXHAUSTED,
            Self::Upstream(upstream::Error::StreamReset(reason)) => CallStatus::of_reset((*reason).into()),
            // A backend has it and may be done with it: clients repeat what is unavailable.
            Self::Upstream(
                upstream::Error::ResponseTimeout
                | upstream::Error::PerTryTimeout
                | upstream::Error::IdleTimeout
                | upstream::Error::TotalTimeout
                | upstream::Error::SlowRequest,
            ) => CallStatus::DEADLINE_EXCEEDED,
            // As a client would have it that gets more than it takes.
            Self::Upstream(upstream::Error::LargeHead | upstream::Error::ManyFields) => {
                CallStatus::RESOURCE_EXHAUSTED
            }
            _ => CallStatus::of(self.status()),
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.label(),
            Self::NoRoute => "no-route",
            Self::OddPath => "odd-path",
            Self::Loop => "loop",
            Self::Limited(limited) => limited.label(),
            Self::NoBackend => "no-backend",
            Self::QueueFull => "queue-full",
            Self::QueueTimeout => "queue-timeout",
            Self::PolicyReject(_) => "policy-reject",
            Self::PolicyFault => "policy-fault",
            Self::Upstream(error) => error.label(),
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::NoRoute => "no route matches this host and path".into(),
            Self::OddPath => "the path isn't in normal form".into(),
            Self::Loop => {
                "the request goes round in a loop: it has passed proxies like this one too often".into()
            }
            Self::Limited(limited) => limited.reason().into(),
            Self::NoBackend => "no backend is available".into(),
            Self::QueueFull => "every backend is busy, and too many requests wait already".into(),
            Self::QueueTimeout => "every backend was busy for too long".into(),
            Self::PolicyReject(_) => "refused by the balancing policy".into(),
            Self::PolicyFault => "the balancing policy failed".into(),
            Self::Upstream(error) => error.to_string(),
        }
    }

    /// What a client is told of it: why the system makes no connection to a backend is for the operator, in the log.
    fn answer(&self) -> String {
        match self {
            Self::Upstream(upstream::Error::Connect(_)) => "cannot connect to the backend".into(),
            _ => self.reason(),
        }
    }

    /// Logs it: the client's faults at level `debug`, the rest for the operator.
    pub(super) fn log(&self, context: &RequestContext) {
        let (error, peer, record) = (self.label(), context.connection().peer, context.record());
        let RequestNames { pool, route, route_name, id } = record.names();
        match self {
            // Somebody in front of this proxy, or this one, is set up wrong.
            Self::Refused(Refusal::ProxyHeader) => {
                tracing::warn!(
                    event = "request-failed", error, pool, route, route_name, request_id = id, %peer,
                    "request failed: {}; whoever sends it has to be named in `proxy_protocol = {{ from = […] }}` of the listener",
                    self.reason()
                );
            }
            Self::Upstream(
                upstream::Error::ClientAbort
                | upstream::Error::ClientStalled
                | upstream::Error::Silence
                | upstream::Error::SlowRequest,
            )
            | Self::Refused(_)
            | Self::PolicyReject(_)
            // The fault itself has been logged.
            | Self::PolicyFault
            // Overload comes in thousands: it is counted.
            | Self::Limited(_)
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::OddPath
            | Self::NoRoute => {
                tracing::debug!(
                    event = "request-failed", error, pool, route, route_name, request_id = id, %peer,
                    "request failed: {}", self.reason()
                );
            }
            Self::NoBackend | Self::Loop | Self::Upstream(_) => {
                let backend = record.attempts().last().map(|attempt| &*attempt.backend.shared().name);
                tracing::warn!(
                    event = "request-failed", error, pool, backend, route, route_name, request_id = id, %peer,
                    "request failed: {}", self.reason()
                );
            }
        }
    }

    /// The response. On record is its status in terms of HTTP: that of a call is told elsewhere, and 200 would hide the failure.
    pub(super) fn respond(&self, guard: RequestGuard, pages: Option<&PageOffer>) -> Response<ResponseBody> {
        {
            let mut record = guard.context().record();
            record.error = Some(self.label());
            record.status = Some(self.status());
        }
        if is_call(guard.context()) {
            return self.respond_to_call(guard);
        }
        let paged = match pages {
            Some(pages) => pages.respond(self.status(), guard),
            None => Err(guard),
        };
        let mut response = paged.unwrap_or_else(|guard| {
            let mut text = self.answer();
            text.push('\n');
            ResponseBody::plain_text(self.status(), Bytes::from(text), guard)
        });
        let headers = response.headers_mut();
        headers.insert(&ERROR_HEADER, HeaderValue::from_static(self.label()));
        match self {
            Self::QueueFull | Self::QueueTimeout => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Limited(limited) => {
                headers.insert(header::RETRY_AFTER, limited.retry_after.into());
            }
            _ => {}
        }
        if matches!(self, Self::Refused(Refusal::Method)) {
            headers.insert(
                header::ALLOW,
                HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE"),
            );
        }
        response
    }

    /// The response to a call of gRPC: a head that ends with the status of the call, and nothing else ("Trailers-Only").
    #[cold]
    fn respond_to_call(&self, guard: RequestGuard) -> Response<ResponseBody> {
        guard.context().record().call = Some(self.call_status().code());
        let mut response = Response::new(ResponseBody::empty(guard));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(grpc::MEDIA_TYPE));
        self.tell_call(headers);
        response
    }

    fn tell_call(&self, headers: &mut HeaderMap) {
        headers.insert(&grpc::STATUS, self.call_status().code().into());
        headers.insert(&grpc::MESSAGE, grpc::message(&self.answer()));
        headers.insert(&ERROR_HEADER, HeaderValue::from_static(self.label()));
    }
}

/// The trailers of a call of gRPC whose response has broken off: what a client would make of a reset is another status. `None` = nobody
/// is there to be told.
#[cold]
#[must_use]
pub fn broken_call(context: &RequestContext, error: upstream::Error) -> Option<HeaderMap> {
    if matches!(error, upstream::Error::ClientAbort | upstream::Error::SlowReader) {
        return None;
    }
    let (failure, mut trailers) = (Failure::Upstream(error), HeaderMap::new());
    context.record().call = Some(failure.call_status().code());
    failure.tell_call(&mut trailers);
    Some(trailers)
}

/// Whether a request is a call of gRPC, as far as its head shows it: one that was refused may have none.
pub(super) fn is_call(context: &RequestContext) -> bool {
    let head = context.head();
    head.is_call || grpc::is_call(&head.parts.headers)
}
