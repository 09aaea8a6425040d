//! One connection to a backend.

mod fields;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::header::{TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pointsman_core::clock::Moment;
use pointsman_core::pool::UpstreamLimits;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;

use fields::HeadLimits;

use super::place::ConnectionPlace;
use super::stream::{BackendStream, Traffic};
use super::tunnel::UpgradedStream;
use super::user::ConnectionUser;
use super::{Error, Reached, RequestBody, Upload};
use crate::deadline::Deadline;

/// So long a backend may take to permit a body. Many know nothing of `Expect` and wait for the body in silence, which is
/// why nobody waits for them indefinitely (RFC 9110 section 10.1.1).
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// One HTTP/1.1 connection to a backend.
///
/// hyper's connection is driven by whoever uses it, in the same task: no hop to a task of its own. While it is idle
/// nobody drives it; that it was closed shows when it is next polled.
#[derive(Debug)]
pub(super) struct UpstreamConnection {
    sender: http1::SendRequest<RequestBody>,
    /// None once it has finished without an answer: only then does hyper give back a request that it hasn't sent.
    driver: Option<http1::Connection<TokioIo<BackendStream>, RequestBody>>,
    /// Whom the driver wakes.
    user: Arc<ConnectionUser>,
    /// The same, as the driver knows it.
    waker: Waker,
    traffic: Rc<Traffic>,
    place: ConnectionPlace,
    head_limits: HeadLimits,
    /// The driver has finished: the connection is closed, or no longer HTTP.
    finished: bool,
    /// It has served a request before.
    pub(super) reused: bool,
    /// It belongs to the client connection that it served.
    pub(super) pinned: bool,
    /// When it last became idle.
    pub(super) idle_since: Moment,
}

/// How long a backend may take to the head of its response once it has the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// `response_timeout`: nobody else will be asked.
    Full(Duration),
    /// `per_try_timeout`: another backend may do better.
    PerTry(Duration),
}

impl Patience {
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

/// Why a request got no response.
#[derive(Debug)]
pub(super) struct SendFailure {
    pub(super) error: Error,
    pub(super) reached: Reached,
}

impl UpstreamConnection {
    /// Connects.
    pub(super) async fn open(
        address: SocketAddr,
        place: ConnectionPlace,
        limits: &UpstreamLimits,
        deadline: &Deadline,
    ) -> Result<Box<Self>, Error> {
        deadline.set(limits.connect_timeout);
        let mut connect = pin!(TcpStream::connect(address));
        let stream = poll_fn(|cx| match connect.as_mut().poll(cx) {
            Poll::Ready(connected) => Poll::Ready(connected.map_err(Error::Connect)),
            Poll::Pending => deadline.poll(cx).map(|()| Err(in_all(deadline, Error::ConnectTimeout))),
        })
        .await?;
        deadline.clear();
        // Head and body may be two writes; they must not wait for each other's acknowledgement.
        stream.set_nodelay(true).map_err(Error::Connect)?;
        let traffic = Rc::new(Traffic::default());
        let io = TokioIo::new(BackendStream::new(stream, Rc::clone(&traffic)));
        let head_limits = HeadLimits::new(limits);
        let (sender, driver) = head_limits.builder().handshake(io).await.map_err(Error::BadResponse)?;
        let driver = Some(driver);
        let user = Arc::new(ConnectionUser::default());
        Ok(Box::new(Self {
            sender,
            driver,
            waker: Waker::from(Arc::clone(&user)),
            user,
            traffic,
            place,
            head_limits,
            finished: false,
            reused: false,
            pinned: false,
            idle_since: Moment(0),
        }))
    }

    /// Sends a request and waits for the head of its response. Takes the request's head, unless nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        head: &mut Parts,
        upload: &Upload,
        patience: Patience,
        deadline: &Deadline,
    ) -> Result<Response<Incoming>, SendFailure> {
        let span = || match upload.awaited() {
            Some(_) => CONTINUE_WAIT.min(patience.span()),
            None => patience.span(),
        };
        self.traffic.begin(head);
        if upload.is_some() && head.headers.contains_key(UPGRADE) {
            // Some take such a request for one without a body. Declined, the body would be the next request.
            self.traffic.is_last.set(true);
        }
        deadline.set(span());
        let (method, mut sent_before) = (head.method.clone(), 0);
        let request = request(std::mem::replace(head, Request::new(()).into_parts().0), upload);
        // Only the driver has it come, which was polled just before: no need to be woken for it, nor to be put off for fairness.
        let mut response = pin!(unconstrained(self.sender.try_send_request(request)));
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
            // The backend's time runs while it has the whole request, or takes no more of it; a client that is slow to
            // send is the gate's business.
            if self.traffic.sent.get() != sent_before {
                sent_before = self.traffic.sent.get();
                deadline.set(span());
            }
            ready!(deadline.poll(cx));
            let waits_for_backend = upload.is_over() || self.traffic.send_blocked.get();
            if deadline.is_out_of_bound() && !waits_for_backend && upload.awaited().is_none() {
                return Poll::Ready(Err(Error::SlowRequest));
            } else if let Some(permission) = upload.awaited() {
                permission.give();
            } else if waits_for_backend {
                return Poll::Ready(Err(in_all(deadline, patience.error())));
            }
            deadline.set(patience.span());
            deadline.poll(cx).map(|()| Err(in_all(deadline, patience.error())))
        })
        .await;
        deadline.clear();
        let error = match outcome {
            Ok(Ok(response)) => {
                self.traffic.has_response.set(true);
                return Ok(response);
            }
            Ok(Err(_)) if self.traffic.is_flooded() => Error::InterimResponses,
            Ok(Err(mut failure)) => {
                if let Some(unsent) = failure.take_message() {
                    *head = unsent.into_parts().0;
                    return Err(SendFailure {
                        error: classify(failure.into_error()),
                        reached: Reached::Nothing,
                    });
                }
                let error = failure.into_error();
                if error.is_parse_too_large() {
                    let received = self.traffic.received.get();
                    if self.head_limits.may_have_more_room(received) {
                        self.traffic.is_last.set(!upload.is_over());
                        return Box::pin(self.read_with_more_room(method, patience, deadline)).await;
                    }
                    self.head_limits.error(received)
                } else {
                    classify(error)
                }
            }
            Err(error) => error,
        };
        let answered = self.traffic.received.get() > 0;
        Err(SendFailure { error, reached: if answered { Reached::Answer } else { Reached::Backend } })
    }

    /// Moves bytes. Ready once the connection is at its end.
    pub(super) fn poll_drive(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.user.waits(cx.waker());
        self.drive()
    }

    fn drive(&mut self) -> Poll<()> {
        if let Some(driver) = self.driver.as_mut().filter(|_| !self.finished) {
            // Its errors show in the body or the response that they break off.
            let _ = ready!(Pin::new(driver).poll_without_shutdown(&mut Context::from_waker(&self.waker)));
            self.finished = true;
        }
        Poll::Ready(())
    }

    /// Whom this connection wakes.
    pub(super) fn user(&self) -> &ConnectionUser {
        &self.user
    }

    /// Whether it can take the next request.
    ///
    /// Looks at the socket, so a connection that the backend has closed in the meantime shows as not ready.
    pub(super) fn is_ready(&mut self) -> bool {
        self.user.waits_no_longer();
        let _ = self.drive();
        self.was_ready()
    }

    /// Whether it could take the next request when it was last driven.
    pub(super) fn was_ready(&self) -> bool {
        !self.finished && !self.traffic.is_last.get() && self.sender.is_ready()
    }

    /// The bare connection, after both sides have changed the protocol.
    pub(super) async fn into_upgraded(mut self) -> Option<UpgradedStream> {
        poll_fn(|cx| self.poll_drive(cx)).await;
        let parts = self.driver?.into_parts();
        let (stream, unread) = parts.io.into_inner().into_parts();
        let read = if unread.is_empty() { parts.read_buf } else { [parts.read_buf, unread].concat().into() };
        Some(UpgradedStream { stream, read, _place: self.place })
    }
}

fn request(mut head: Parts, upload: &Upload) -> Request<RequestBody> {
    // Framing is independent of the method; left to itself, hyper sends no body of unknown length with GET and HEAD.
    if upload.is_chunked() {
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut request = Request::from_parts(head, upload.body());
    if let Some(continued) = upload.continued() {
        let continued = Arc::clone(continued);
        hyper::ext::on_informational(&mut request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                continued.give();
            }
        });
    }
    request
}

/// What has timed out: the request as a whole, if it has run out of its time.
pub(super) fn in_all(deadline: &Deadline, error: Error) -> Error {
    if deadline.is_out_of_bound() { Error::TotalTimeout } else { error }
}

/// What a failure of hyper's means for the request.
pub(super) fn classify(error: hyper::Error) -> Error {
    if error.is_parse() {
        Error::BadResponse(error)
    } else if error.is_user() {
        // The only thing of ours that fails in there is the client's request body.
        Error::ClientAbort
    } else {
        Error::Reset
    }
}
