//! A backend's response body on its way to the client.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};

use super::Error;
use super::answered::Answered;
use super::attempt_stats::AttemptStats;
use super::backend_body::BackendBody;
use super::exchange::Exchange;
use super::lease::Lease;
use super::stall::{Stall, TAKEN_NOTHING};

/// The body of a backend's response.
///
/// It drives the connection that it comes from. When it has ended, the connection goes back to the idle ones; dropped early, it
/// takes the connection with it, and the backend sees that its response is no longer read. Over HTTP/2, that is true of its stream.
#[derive(Debug)]
pub struct ExchangeBody {
    incoming: BackendBody,
    exchange: Box<Exchange>,
    /// Where it comes from; `None` once it has broken off.
    lease: Option<Lease>,
    /// It has broken off, which the next poll reports to hyper.
    broken: Option<Box<Error>>,
    /// The client hasn't taken what has come.
    held: Stall,
}

/// Most bytes that are read of an unwanted body, so that its connection can be kept.
const DISCARDED: usize = 64 * 1024;

impl Answered {
    /// The response, whose body takes the exchange to its end.
    #[must_use]
    pub fn into_response(self) -> Response<ExchangeBody> {
        let Self { response, lease, exchange } = self;
        let (broken, held) = (None, Stall::default());
        response.map(|incoming| ExchangeBody { incoming, exchange, lease: Some(lease), broken, held })
    }
}

impl ExchangeBody {
    /// Does without the body: takes what is there already, waits for nothing, and keeps the connection if that was all.
    pub async fn discard(mut self) {
        self.exchange.stats.complete();
        let mut left = DISCARDED;
        poll_fn(|cx| {
            while let Poll::Ready(Some(Ok(frame))) = self.poll_incoming(cx) {
                let data = frame.data_ref().map_or(0, Bytes::len);
                if data > left {
                    break;
                }
                left -= data;
            }
            Poll::Ready(())
        })
        .await;
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // The connection is driven right here, so the body has no task to wake.
        let mut poll = || Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop()));
        let connection = match &mut self.lease {
            Some(Lease::Unique(connection)) => connection,
            Some(Lease::Shared(stream)) => {
                if stream.poll_upload(cx).is_err() {
                    return Poll::Ready(Some(Err(Error::ClientAbort)));
                }
                return Pin::new(&mut self.incoming).poll_frame(cx);
            }
            None => return poll(),
        };
        connection.driver_waker().disarm();
        if let Poll::Ready(frame) = poll() {
            return Poll::Ready(frame);
        }
        let _ = connection.poll_drive(cx);
        connection.driver_waker().disarm();
        let looked = poll();
        if looked.is_pending() {
            connection.driver_waker().arm(cx.waker());
        }
        looked
    }

    /// Sends what there is of the request while nothing of the response is wanted: the sides of a stream needn't take turns.
    pub fn poll_upload(&mut self, cx: &mut Context<'_>) {
        if let Some(Lease::Shared(stream)) = &mut self.lease
            && stream.poll_upload(cx).is_err()
        {
            let _ = self.fail(Error::ClientAbort, cx);
        }
    }

    /// From now on no more than this is read from the backend at a time. Over HTTP/2 its stream's window says how much that is.
    pub fn limit_read(&self, bytes: usize) {
        if let Some(Lease::Unique(connection)) = &self.lease {
            connection.limit_read(bytes);
        }
    }

    /// The body has broken off. hyper would throw away what it hasn't sent yet, and a client that gets nothing at all may think
    /// that its request was never served: so hyper gets the error only after it had the chance to send that.
    fn fail(&mut self, error: Error, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let now = self.exchange.deadline.now();
        let error = match error {
            Error::Reset | Error::StreamReset(_) if self.held.total(now) >= TAKEN_NOTHING => {
                Error::SlowReader
            }
            error => {
                let AttemptStats { context, upload, .. } = &self.exchange.stats;
                match &self.lease {
                    Some(lease) => lease.blame(error, context, upload),
                    None => upload.blame(error, true),
                }
            }
        };
        if let Some(lease) = self.lease.take() {
            self.exchange.stats.moved(lease.moved());
        }
        self.exchange.stats.failed(&error);
        self.exchange.stats.log_broken(&error);
        self.broken = Some(Box::new(error));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for ExchangeBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(*error)));
        }
        this.held.end(|| this.exchange.deadline.now());
        match this.poll_incoming(cx) {
            Poll::Ready(frame) => {
                let deadline = &this.exchange.deadline;
                deadline.clear();
                match frame {
                    // There is more: the client took the time, not the backend.
                    Some(Ok(_)) if deadline.is_past_cap() => this.fail(Error::SlowReader, cx),
                    Some(Ok(frame)) => {
                        if let Some(trailers) = frame.trailers_ref() {
                            this.exchange.stats.trailers(trailers);
                        }
                        this.held.begin(|| deadline.now());
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(error)) => this.fail(error, cx),
                    None => Poll::Ready(None),
                }
            }
            Poll::Pending => {
                let Exchange { deadline, stats: AttemptStats { upload, .. }, .. } = &*this.exchange;
                // What the client says counts, too: its turn may be long.
                if upload.has_come() || !deadline.is_set() {
                    deadline.set(this.exchange.stats.claim.pool.limits().idle_timeout);
                }
                ready!(deadline.poll(cx));
                this.fail(Error::IdleTimeout.unless_capped(&this.exchange.deadline), cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ExchangeBody {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        self.exchange.stats.moved(lease.moved());
        if let Lease::Unique(connection) = &mut lease {
            connection.driver_waker().disarm();
        }
        if self.incoming.is_end_stream() {
            let Exchange { stats, pinned, .. } = &mut *self.exchange;
            let now = stats.complete();
            if let Lease::Unique(mut connection) = lease
                // Usually it has become ready while the end of the body was read.
                && (connection.was_ready() || connection.is_ready())
            {
                stats.claim.checkin(connection, pinned, now);
            }
        }
    }
}
