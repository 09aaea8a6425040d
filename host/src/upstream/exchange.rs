//! One attempt: a request, from the picked backend to the head of its response.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use pointsman_core::backend::Backend;

use super::connection::{Patience, SendFailure, UpstreamConnection};
use super::framing;
use super::progress::Progress;
use super::session::authenticates_connection;
use super::tunnel::Tunnel;
use super::{Claim, Error, ExchangeBody, Session, Upload};
use crate::deadline::Deadlines;

/// A request at the backend that was picked for it: one attempt, and the response that came of it.
///
/// Boxed once, as it goes through many hands: from the attempts to the response's body.
#[derive(Debug)]
pub struct Exchange {
    pub(super) session: Rc<Session>,
    pub(super) connection: Option<Box<UpstreamConnection>>,
    pub(super) upload: Upload,
    /// The request carries credentials that authenticate its connection.
    authenticates: bool,
    pub(super) progress: Progress,
    /// What has come back, until it is sent on.
    response: Option<Response<Incoming>>,
}

/// Why an attempt has failed, and what that leaves.
#[derive(Debug)]
pub struct Failed {
    /// The reason.
    pub error: Error,
    /// How far it came.
    pub reached: Reached,
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The backend has had nothing, and the head is as it was.
    Nothing,
    /// The backend may have seen the request, and has said nothing.
    Backend,
    /// Something came back.
    Answer,
}

impl Exchange {
    /// An exchange of a client's request with this body with the claimed backend. Credentials that authenticate the connection
    /// make it the client's own.
    #[must_use]
    pub fn begin(
        claim: Claim,
        session: &Rc<Session>,
        upload: Upload,
        authenticates: bool,
        deadlines: &Deadlines,
    ) -> Box<Self> {
        let (session, progress) = (Rc::clone(session), Progress::begin(claim, deadlines));
        Box::new(Self { session, connection: None, upload, authenticates, progress, response: None })
    }

    /// Sends the request and waits for the head of the response. The head is taken, unless nothing of it was sent.
    ///
    /// An idle connection may turn out closed when it is used. A request of which nothing was sent goes to the next
    /// one; one that was sent, and got nothing back, is sent once again if `replay` has it, on a new connection. Both
    /// are the same attempt.
    ///
    /// # Errors
    ///
    /// Why there is no response.
    pub async fn run(
        &mut self,
        head: &mut Parts,
        patience: Patience,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<(), Failed> {
        let host_is_missing = self.name_host(head);
        match self.send(head, patience, replay).await {
            Ok(status) => {
                self.progress.answered(status);
                Ok(())
            }
            Err(failed) => {
                self.progress.broken(&failed.error);
                if failed.reached == Reached::Nothing && host_is_missing {
                    head.headers.remove(HOST);
                }
                Err(failed)
            }
        }
    }

    async fn send(
        &mut self,
        head: &mut Parts,
        patience: Patience,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<StatusCode, Failed> {
        let deadline = &self.session.client.upstream;
        let mut replay = Some(replay);
        loop {
            // What closed one idle connection may have closed them all.
            let idle = replay.as_ref().and_then(|_| self.progress.idle_connection(&self.session));
            let opened = match idle {
                Some(connection) => Ok(connection),
                None => self.progress.connect(deadline).await,
            };
            let mut connection = match opened {
                Ok(connection) => connection,
                Err(error) => return Err(Failed { error, reached: Reached::Nothing }),
            };
            let SendFailure { error, reached } = match connection
                .send(head, &self.upload, patience, deadline)
                .await
            {
                Ok(response) if connection.reused && ends_idleness(&response) && replay.is_some() => {
                    match replay.take().filter(|_| self.upload.can_be_repeated()).and_then(|replay| replay())
                    {
                        Some(parts) => *head = parts,
                        None => return self.answered(connection, response),
                    }
                    let _ = self.name_host(head);
                    continue;
                }
                Ok(response) => return self.answered(connection, response),
                Err(SendFailure { error, reached }) => {
                    SendFailure { error: self.upload.blame(error), reached }
                }
            };
            match reached {
                Reached::Nothing if connection.reused => {}
                Reached::Backend if connection.reused && matches!(error, Error::Reset) => {
                    let repeatable = self.upload.can_be_repeated();
                    let parts = replay.take().filter(|_| repeatable).and_then(|replay| replay());
                    *head = parts.ok_or(Failed { error, reached })?;
                    let _ = self.name_host(head);
                }
                _ => return Err(Failed { error, reached }),
            }
        }
    }

    fn answered(
        &mut self,
        mut connection: Box<UpstreamConnection>,
        mut response: Response<Incoming>,
    ) -> Result<StatusCode, Failed> {
        framing::settle(&mut response).map_err(|error| Failed { error, reached: Reached::Answer })?;
        connection.pinned |= self.authenticates || authenticates_connection(&response);
        self.connection = Some(connection);
        Ok(self.response.insert(response).status())
    }

    /// Only HTTP/1.0 goes without `Host`; what is sent on is HTTP/1.1. Whether it was missing.
    fn name_host(&self, head: &mut Parts) -> bool {
        let is_missing = !head.headers.contains_key(HOST);
        if is_missing && let Ok(host) = HeaderValue::from_str(&self.progress.backend().address.to_string()) {
            head.headers.insert(HOST, host);
        }
        is_missing
    }

    /// What has come back, after a [`run`](Self::run) without an error.
    #[must_use]
    pub fn response(&self) -> Option<&Response<Incoming>> {
        self.response.as_ref()
    }

    /// The same, to be changed.
    #[must_use]
    pub fn response_mut(&mut self) -> Option<&mut Response<Incoming>> {
        self.response.as_mut()
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<Backend> {
        self.progress.backend()
    }

    /// The response, whose body takes the exchange to its end. `None` before there is one.
    #[must_use]
    pub fn into_response(mut self: Box<Self>) -> Option<Response<ExchangeBody>> {
        let (head, incoming) = self.response.take()?.into_parts();
        Some(Response::from_parts(head, ExchangeBody::new(incoming, self)))
    }

    /// The backend's end of a connection whose protocol has changed.
    pub async fn into_tunnel(self) -> Option<Tunnel> {
        let upgraded = self.connection?.into_upgraded().await?;
        Some(Tunnel::new(upgraded, self.progress))
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
