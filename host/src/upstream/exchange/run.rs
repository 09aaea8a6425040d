//! From the picked backend to the head of its response.

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::pool::BackendProtocol;
use pointsman_core::record::Connection;
use pointsman_core::request::host;

use super::Exchange;
use crate::upstream::answered::Answered;
use crate::upstream::backend_body::BackendBody;
use crate::upstream::connection::Unanswered;
use crate::upstream::http2::{Sending, asks_websocket};
use crate::upstream::lease::Lease;
use crate::upstream::pinned::authenticates_connection;
use crate::upstream::sent::{FailedAttempt, SendFailure, Sent};
use crate::upstream::{Error, framing};

/// How often a request is sent again to a backend that hasn't looked at it, before others have their turn.
const MOST_REFUSALS: u32 = 3;

impl Exchange {
    /// Sends the request and waits for the head of the response. The request's head is taken, unless nothing of it was sent.
    ///
    /// An idle connection may turn out closed when it is used. A request of which nothing was sent goes to the next
    /// one; one that was sent, and got nothing back, is sent once again if `replay` has it, on a new connection. One that the
    /// backend says it hasn't looked at is sent again three times, or as often as the pool allows retries if it refuses the stream. All are the
    /// same attempt.
    ///
    /// # Errors
    ///
    /// Why there is no response.
    pub async fn run(
        mut self: Box<Self>,
        replay: impl Fn() -> Option<Parts>,
    ) -> Result<Answered, FailedAttempt> {
        let host_is_missing = self.name_host();
        match self.send(replay).await {
            Ok((lease, response)) => {
                self.stats.answered(&response);
                Ok(Answered { response, lease, exchange: self })
            }
            Err(failure) => {
                self.stats.failed(&failure.error);
                if failure.sent == Sent::Nothing && host_is_missing {
                    self.stats.context.head().parts.headers.remove(HOST);
                }
                Err(failure.at(self.stats.claim.backend()))
            }
        }
    }

    async fn send(
        &self,
        replay: impl Fn() -> Option<Parts>,
    ) -> Result<(Lease, Response<BackendBody>), SendFailure> {
        let (mut may_repeat, mut refusals) = (true, 0);
        loop {
            // What closed one idle connection may have closed them all.
            let idle = if may_repeat { self.checkout_idle() } else { None };
            let opened = match idle {
                Some(lease) if !self.needs_http1(&lease) => Ok(self.reuse(lease)),
                // Boxed: nearly every request finds an idle connection, and all would have room for this.
                unusable => Box::pin(self.connect_anew(unusable)).await,
            };
            let mut lease = opened.map_err(|error| SendFailure { error, sent: Sent::Nothing })?;
            let reused = lease.reused();
            let sent = match &mut lease {
                Lease::Unique(connection) => 'sent: {
                    let context = &self.stats.context;
                    let sending = connection.send(context, &self.stats.upload, &self.timeout, &self.deadline);
                    let again = match sending.await {
                        Ok(response) => break 'sent Ok(response.map(BackendBody::Http1)),
                        Err(Unanswered::Failed(failure)) => break 'sent Err(failure),
                        Err(Unanswered::HeadTooLarge) => {
                            connection.read_again(context, &self.stats.upload, &self.timeout, &self.deadline)
                        }
                    };
                    // Boxed, as such heads are few.
                    Box::pin(again).await.map(|response| response.map(BackendBody::Http1))
                }
                // Boxed, as its state is larger than that of HTTP/1.
                Lease::Shared(stream) => Box::pin(stream.send(self.sending()))
                    .await
                    .map(|response| response.map(BackendBody::Http2)),
            };
            let SendFailure { error, sent } = match sent {
                Ok(response) if reused && may_repeat && ends_idleness(&response) => {
                    may_repeat = false;
                    match self.once_more(&replay) {
                        Some(parts) => self.take_up(parts),
                        None => return self.settled(lease, response),
                    }
                    continue;
                }
                Ok(response) => return self.settled(lease, response),
                Err(failure) => self.failed(&lease, failure),
            };
            match sent {
                _ if matches!(error, Error::StreamRefused | Error::LeftOut) => {
                    refusals += 1;
                    self.refused(error, sent, refusals, &replay)?;
                }
                Sent::Nothing if reused => {}
                Sent::Request if reused && may_repeat && matches!(error, Error::Reset) => {
                    may_repeat = false;
                    self.take_up(self.once_more(&replay).ok_or(SendFailure { error, sent })?);
                }
                _ => return Err(SendFailure { error, sent }),
            }
        }
    }

    /// What a failure is, for the one whose fault it is. Its bytes count.
    fn failed(&self, lease: &Lease, SendFailure { error, sent }: SendFailure) -> SendFailure {
        self.stats.moved(lease.moved());
        SendFailure { error: lease.blame(error, &self.stats.context, &self.stats.upload), sent }
    }

    /// The backend hasn't looked at the request, this many times by now. Makes the head whole, to be sent again: here or, after too many
    /// refusals, elsewhere.
    #[cold]
    fn refused(
        &self,
        error: Error,
        sent: Sent,
        refusals: u32,
        replay: impl Fn() -> Option<Parts>,
    ) -> Result<(), SendFailure> {
        let most = match error {
            // It is there and has no room: more of the same is a retry like any other.
            Error::StreamRefused => self.stats.claim.pool.limits().retry.attempts.min(MOST_REFUSALS),
            _ => MOST_REFUSALS,
        };
        if sent != Sent::Nothing {
            match self.once_more(replay) {
                Some(parts) => self.take_up(parts),
                None => return Err(SendFailure { error, sent }),
            }
        }
        if refusals > most { Err(SendFailure { error, sent: Sent::Nothing }) } else { Ok(()) }
    }

    /// What a stream needs to send the request.
    fn sending(&self) -> Sending<'_> {
        let claim = &self.stats.claim;
        Sending {
            context: &self.stats.context,
            upload: &self.stats.upload,
            timeout: &self.timeout,
            deadline: &self.deadline,
            address: &claim.shared_backend().address,
            limits: claim.pool.limits(),
            authenticates: self.authenticates,
        }
    }

    /// Sends this head next.
    fn take_up(&self, head: Parts) {
        self.stats.context.head().parts = head;
        let _ = self.name_host();
    }

    /// The connection to use next, if there is one: the client's own, or the idle one used last.
    fn checkout_idle(&self) -> Option<Lease> {
        let claim = &self.stats.claim;
        self.pinned.take(claim).map(Lease::Unique).or_else(|| claim.checkout())
    }

    /// Whether a stream is of no use to the request, which asks for a WebSocket: the backend takes none in streams, and may take it in
    /// HTTP/1 (RFC 8441 section 3).
    fn needs_http1(&self, lease: &Lease) -> bool {
        let Lease::Shared(stream) = lease else { return false };
        self.stats.claim.pool.limits().protocol == BackendProtocol::Auto
            && !stream.takes_websockets()
            && !self.stats.upload.is_some()
            && asks_websocket(&self.stats.context.head().parts)
    }

    /// A connection over HTTP/1 to a backend that chooses HTTP/2 where it may, on record.
    async fn connect_over_http1(&self) -> Result<Lease, Error> {
        let claim = &self.stats.claim;
        if let Some(idle) = claim.checkout_http1() {
            return Ok(self.reuse(idle));
        }
        let lease = claim.connect_over_http1(self.stats.context.connection(), &self.deadline).await?;
        self.stats.sent_on(Connection::Opened(self.stats.elapsed()));
        Ok(lease)
    }

    /// A connection that others have used, on record.
    fn reuse(&self, lease: Lease) -> Lease {
        self.stats.sent_on(Connection::Reused);
        lease
    }

    /// Another connection than this one, or a stream of one, on record.
    async fn connect_anew(&self, unusable: Option<Lease>) -> Result<Lease, Error> {
        let lease = match unusable {
            Some(lease) => lease,
            None => self.stats.claim.connect(self.stats.context.connection(), &self.deadline).await?,
        };
        if self.needs_http1(&lease) {
            return self.connect_over_http1().await;
        }
        self.stats.sent_on(Connection::Opened(self.stats.elapsed()));
        Ok(lease)
    }

    /// The head, to be sent once again if all of the request can be.
    fn once_more(&self, replay: impl Fn() -> Option<Parts>) -> Option<Parts> {
        if self.stats.upload.can_be_repeated() { replay() } else { None }
    }

    fn settled(
        &self,
        mut lease: Lease,
        mut response: Response<BackendBody>,
    ) -> Result<(Lease, Response<BackendBody>), SendFailure> {
        framing::settle(&mut response).map_err(|error| SendFailure { error, sent: Sent::ResponseBegun })?;
        if self.authenticates || authenticates_connection(&response) {
            lease.authenticated();
        }
        Ok((lease, response))
    }

    /// Only HTTP/1.0 goes without `Host`; what is sent on is HTTP/1.1. Whether it was missing.
    fn name_host(&self) -> bool {
        let headers = &mut self.stats.context.head().parts.headers;
        let is_missing = host(headers).is_none();
        let address = &self.stats.claim.shared_backend().address;
        if is_missing && let Ok(host) = HeaderValue::from_str(&address.authority()) {
            headers.insert(HOST, host);
        }
        is_missing
    }
}

/// Whether a response on a connection that was idle says that it was so for too long: it crossed the request, which the backend hasn't
/// seen (RFC 9110 section 15.5.9).
fn ends_idleness<B>(response: &Response<B>) -> bool {
    let closes = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
    };
    response.status() == StatusCode::REQUEST_TIMEOUT
        && response.headers().get_all(CONNECTION).iter().any(closes)
}
