//! One connection to a backend.

mod head_limits;
mod reread;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::header::{TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use pointsman_core::clock::Moment;
use pointsman_core::pool::UpstreamLimits;
use tokio::task::coop::unconstrained;

use head_limits::HeadLimits;

use super::counting_stream::{CountingStream, IoCounters};
use super::driver_waker::DriverWaker;
use super::permit::ConnectionPermit;
use super::sent::{SendFailure, Sent};
use super::upgraded::UpgradedStream;
use super::{Error, RequestBody, Upload};
use crate::deadline::Deadline;
use crate::downstream::{EarlyHints, RequestContext};
use crate::stream::Stream;

/// A backend may take this long to permit a body. Many know nothing of `Expect` and wait for the body in silence, which is why
/// the wait for them is limited (RFC 9110 section 10.1.1).
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// One HTTP/1.1 connection to a backend.
///
/// hyper's connection is driven by its user, in the same task: no hop to a separate task. It isn't driven while it is idle;
/// that it was closed shows when it is next polled.
#[derive(Debug)]
pub(super) struct UpstreamConnection {
    sender: http1::SendRequest<RequestBody>,
    /// None once it has finished without an answer: only then does hyper give back a request that it hasn't sent.
    driver: Option<http1::Connection<TokioIo<CountingStream>, RequestBody>>,
    /// What the driver wakes.
    driver_waker: DriverWaker,
    counters: Rc<IoCounters>,
    permit: ConnectionPermit,
    head_limits: HeadLimits,
    /// The driver has finished: the connection is closed, or no longer HTTP.
    finished: bool,
    /// It has served a request before.
    pub(super) reused: bool,
    /// Whom it serves.
    pub(super) owner: Owner,
    /// When it last became idle.
    pub(super) idle_since: Moment,
}

/// Whom a connection serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Any client.
    Anybody,
    /// The client connection that its PROXY header names.
    Named,
    /// The client connection that is authenticated on it, whose requests have to go over it.
    Authenticated,
}

/// Why a connection has no response to a request.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It failed.
    Failed(SendFailure),
    /// The head of the response has more fields than there was room for: it is to be [read again](UpstreamConnection::read_again).
    HeadTooLarge,
}

/// How long a backend may take to the head of its response once it has the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseTimeout {
    /// `response_timeout`: no other backend will be asked.
    Full(Duration),
    /// `per_try_timeout`: another backend may do better.
    PerTry(Duration),
}

impl ResponseTimeout {
    fn span(self) -> Duration {
        match self {
            Self::Full(span) | Self::PerTry(span) => span,
        }
    }

    fn error(self) -> Error {
        match self {
            Self::Full(_) => Error::ResponseTimeout,
            Self::PerTry(_) => Error::PerTryTimeout,
        }
    }
}

impl UpstreamConnection {
    /// Makes a connection of a stream of bytes.
    pub(super) async fn over(
        stream: Stream,
        owner: Owner,
        permit: ConnectionPermit,
        limits: &UpstreamLimits,
    ) -> Result<Box<Self>, Error> {
        let counters = Rc::new(IoCounters::default());
        let io = TokioIo::new(CountingStream::new(stream, Rc::clone(&counters)));
        let head_limits = HeadLimits::new(limits);
        let (sender, driver) = head_limits.builder().handshake(io).await.map_err(Error::BadResponse)?;
        let driver = Some(driver);
        Ok(Box::new(Self {
            sender,
            driver,
            driver_waker: DriverWaker::default(),
            counters,
            permit,
            head_limits,
            finished: false,
            reused: false,
            owner,
            idle_since: Moment(0),
        }))
    }

    /// Sends a request and waits for the head of its response. Takes the request's head, unless nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        context: &RequestContext,
        upload: &Upload,
        timeout: &ResponseTimeout,
        deadline: &Deadline,
    ) -> Result<Response<Incoming>, Unanswered> {
        let span = || time_to_head(upload, timeout);
        deadline.set(span());
        let mut sent_before = 0;
        // Only the driver has it come, which was polled just before: no need to be woken for it, nor to be put off for fairness.
        let mut response = pin!(unconstrained(self.hand_over(context, upload)));
        let mut poll_response = || response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let outcome = poll_fn(|cx| {
            let finished = self.poll_drive(cx).is_ready();
            if let Poll::Ready(outcome) = poll_response() {
                return Poll::Ready(Ok(outcome));
            }
            if finished && self.driver.take().is_some() {
                // Closed while it was idle, as is now seen.
                return poll_response().map(Ok);
            }
            // The backend's time runs while it has the whole request, or takes no more of it; a client that is slow to send is
            // limited by the gate.
            if self.counters.sent.get() != sent_before {
                sent_before = self.counters.sent.get();
                deadline.set(span());
            }
            ready!(deadline.poll(cx));
            let takes_no_more = self.counters.send_blocked.get();
            time_is_over(upload, timeout, deadline, takes_no_more, cx).map(Err)
        })
        .await;
        deadline.clear();
        match outcome {
            Ok(Ok(response)) => {
                self.counters.has_response.set(true);
                Ok(response)
            }
            Ok(Err(failure)) => Err(self.failure(failure, context)),
            Err(error) => Err(Unanswered::Failed(SendFailure { error, sent: self.sent() })),
        }
    }

    /// Gives hyper the request to send. A function of its own, as the future of [`send`](Self::send) would keep the head's place.
    #[inline]
    fn hand_over(
        &mut self,
        context: &RequestContext,
        upload: &Upload,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<> {
        let head = take_head(context);
        self.counters.begin(&head);
        if upload.is_some() && head.headers.contains_key(UPGRADE) {
            // Some take such a request for one without a body. Declined, the body would be the next request.
            self.counters.is_last.set(true);
        }
        self.sender.try_send_request(request(head, upload, context.early_hints()))
    }

    /// Why hyper has no response; the head is put back if it wasn't sent.
    #[cold]
    fn failure(
        &self,
        mut failure: TrySendError<Request<RequestBody>>,
        context: &RequestContext,
    ) -> Unanswered {
        let failed = |error, sent| Unanswered::Failed(SendFailure { error, sent });
        if self.counters.is_flooded() {
            return failed(Error::InterimResponses, self.sent());
        }
        if let Some(unsent) = failure.take_message() {
            context.head().parts = unsent.into_parts().0;
            return failed(Error::of_hyper(failure.into_error()), Sent::Nothing);
        }
        let error = failure.into_error();
        if !error.is_parse_too_large() {
            return failed(Error::of_hyper(error), self.sent());
        }
        let received = self.counters.received.get();
        if self.head_limits.may_have_more_room(received) {
            return Unanswered::HeadTooLarge;
        }
        failed(self.head_limits.error(received), self.sent())
    }

    /// Bytes that have come and went in the exchange.
    pub(super) fn moved(&self) -> (u64, u64) {
        (self.counters.received.get(), self.counters.sent.get())
    }

    /// How far a request came that was sent.
    fn sent(&self) -> Sent {
        if self.counters.received.get() > 0 { Sent::ResponseBegun } else { Sent::Request }
    }

    /// Moves bytes. Ready once the connection is at its end.
    pub(super) fn poll_drive(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.driver_waker.arm(cx.waker());
        self.drive()
    }

    fn drive(&mut self) -> Poll<()> {
        if let Some(driver) = self.driver.as_mut().filter(|_| !self.finished) {
            // Its errors show in the body or the response that they break off.
            let _ = ready!(
                Pin::new(driver).poll_without_shutdown(&mut Context::from_waker(self.driver_waker.waker()))
            );
            self.finished = true;
        }
        Poll::Ready(())
    }

    /// From now on no more than this is read at a time, until the next request.
    pub(super) fn limit_read(&self, bytes: usize) {
        self.counters.longest_read.set(Some(bytes));
    }

    /// What this connection wakes.
    pub(super) fn driver_waker(&self) -> &DriverWaker {
        &self.driver_waker
    }

    /// Whether it can take the next request.
    ///
    /// Polls the socket, so a connection that the backend has closed in the meantime shows as not ready.
    pub(super) fn is_ready(&mut self) -> bool {
        self.driver_waker.disarm();
        let _ = self.drive();
        self.was_ready()
    }

    /// Whether it could take the next request when it was last driven.
    pub(super) fn was_ready(&self) -> bool {
        !self.finished && !self.counters.is_last.get() && self.sender.is_ready()
    }

    /// The bare connection, after both sides have changed the protocol.
    pub(super) async fn into_upgraded(mut self) -> Option<UpgradedStream> {
        poll_fn(|cx| self.poll_drive(cx)).await;
        let parts = self.driver?.into_parts();
        let (mut stream, unread) = parts.io.into_inner().into_parts();
        // What ends in the other protocol, that says itself.
        stream.end_anyhow();
        let read = if unread.is_empty() { parts.read_buf } else { [parts.read_buf, unread].concat().into() };
        Some(UpgradedStream { stream, read, _permit: Some(self.permit) })
    }
}

/// Takes a request's head to send it. Its method stays, as a response is read by it.
pub(super) fn take_head(context: &RequestContext) -> Parts {
    let mut left = Request::new(()).into_parts().0;
    let head = &mut context.head().parts;
    left.method.clone_from(&head.method);
    std::mem::replace(head, left)
}

fn request(mut head: Parts, upload: &Upload, hints: Option<&Arc<EarlyHints>>) -> Request<RequestBody> {
    // Framing is independent of the method; left to itself, hyper sends no body of unknown length with GET and HEAD.
    if upload.is_chunked() {
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut request = Request::from_parts(head, upload.body());
    let (continued, hints) = (upload.continued().cloned(), hints.cloned());
    if continued.is_some() || hints.is_some() {
        hyper::ext::on_informational(&mut request, move |response| {
            match (response.status(), &continued, &hints) {
                (StatusCode::CONTINUE, Some(continued), _) => continued.give(),
                (StatusCode::EARLY_HINTS, _, Some(hints)) => hints.add(response.headers().clone()),
                _ => {}
            }
        });
    }
    request
}

/// How long a backend may take for what comes next: permission to send the body, or the head of its response.
pub(super) fn time_to_head(upload: &Upload, timeout: &ResponseTimeout) -> Duration {
    match upload.awaited() {
        Some(_) => CONTINUE_WAIT.min(timeout.span()),
        None => timeout.span(),
    }
}

/// The time for a response is over: the backend's, or the client's, or it was only that of the permission to send the body.
#[cold]
pub(super) fn time_is_over(
    upload: &Upload,
    timeout: &ResponseTimeout,
    deadline: &Deadline,
    takes_no_more: bool,
    cx: &Context<'_>,
) -> Poll<Error> {
    let waits_for_backend = upload.is_over() || takes_no_more;
    if deadline.is_past_cap() && !waits_for_backend && upload.awaited().is_none() {
        return Poll::Ready(Error::SlowRequest);
    } else if let Some(permission) = upload.awaited() {
        permission.give();
    } else if waits_for_backend {
        return Poll::Ready(timeout.error().unless_capped(deadline));
    }
    deadline.set(timeout.span());
    deadline.poll(cx).map(|()| timeout.error().unless_capped(deadline))
}
