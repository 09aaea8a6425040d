//! From the picked backend to the head of its response.

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use pointsman_core::request::host;

use super::Exchange;
use crate::upstream::answered::Answered;
use crate::upstream::connection::{Owner, Unanswered};
use crate::upstream::lease::Lease;
use crate::upstream::pinned::authenticates_connection;
use crate::upstream::sent::{FailedAttempt, SendFailure, Sent};
use crate::upstream::{Error, framing};

impl Exchange {
    /// Sends the request and waits for the head of the response. The request's head is taken, unless nothing of it was sent.
    ///
    /// An idle connection may turn out closed when it is used. A request of which nothing was sent goes to the next
    /// one; one that was sent, and got nothing back, is sent once again if `replay` has it, on a new connection. Both
    /// are the same attempt.
    ///
    /// # Errors
    ///
    /// Why there is no response.
    pub async fn run(
        mut self: Box<Self>,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<Answered, FailedAttempt> {
        let host_is_missing = self.name_host();
        match self.send(replay).await {
            Ok((lease, response)) => {
                self.stats.answered(response.status());
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
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<(Lease, Response<Incoming>), SendFailure> {
        let mut replay = Some(replay);
        loop {
            // What closed one idle connection may have closed them all.
            let idle = replay.as_ref().and_then(|_| self.checkout_idle());
            let opened = match idle {
                Some(lease) => Ok(lease),
                // Boxed: nearly every request finds an idle connection, and all would have room for this.
                None => {
                    let client = self.stats.context.connection();
                    Box::pin(self.stats.claim.connect(client, &self.deadline)).await
                }
            };
            let mut lease = opened.map_err(|error| SendFailure { error, sent: Sent::Nothing })?;
            let reused = lease.connection().reused;
            let (connection, context) = (lease.connection(), &self.stats.context);
            let sent = 'sent: {
                let sending = connection.send(context, &self.upload, &self.timeout, &self.deadline);
                let again = match sending.await {
                    Ok(response) => break 'sent Ok(response),
                    Err(Unanswered::Failed(failure)) => break 'sent Err(failure),
                    Err(Unanswered::HeadTooLarge) => {
                        connection.read_again(context, &self.upload, &self.timeout, &self.deadline)
                    }
                };
                // Boxed, as such heads are few.
                Box::pin(again).await
            };
            let SendFailure { error, sent } = match sent {
                Ok(response) if reused && ends_idleness(&response) && replay.is_some() => {
                    match self.once_more(&mut replay) {
                        Some(parts) => self.take_up(parts),
                        None => return self.settled(lease, response),
                    }
                    continue;
                }
                Ok(response) => return self.settled(lease, response),
                Err(SendFailure { error, sent }) => SendFailure { error: self.upload.blame(error), sent },
            };
            match sent {
                Sent::Nothing if reused => {}
                Sent::Request if reused && matches!(error, Error::Reset) => {
                    self.take_up(self.once_more(&mut replay).ok_or(SendFailure { error, sent })?);
                }
                _ => return Err(SendFailure { error, sent }),
            }
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

    /// The head, to be sent once again if all of the request can be.
    fn once_more(&self, replay: &mut Option<impl FnOnce() -> Option<Parts>>) -> Option<Parts> {
        replay.take().filter(|_| self.upload.can_be_repeated()).and_then(|replay| replay())
    }

    fn settled(
        &self,
        mut lease: Lease,
        mut response: Response<Incoming>,
    ) -> Result<(Lease, Response<Incoming>), SendFailure> {
        framing::settle(&mut response).map_err(|error| SendFailure { error, sent: Sent::ResponseBegun })?;
        if self.authenticates || authenticates_connection(&response) {
            lease.connection().owner = Owner::Authenticated;
        }
        Ok((lease, response))
    }

    /// Only HTTP/1.0 goes without `Host`; what is sent on is HTTP/1.1. Whether it was missing.
    fn name_host(&self) -> bool {
        let headers = &mut self.stats.context.head().parts.headers;
        let is_missing = host(headers).is_none();
        let address = self.stats.claim.shared_backend().address;
        if is_missing && let Ok(host) = HeaderValue::from_str(&address.to_string()) {
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
