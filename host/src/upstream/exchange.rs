//! One attempt: a request, from the picked backend to the head of its response.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connection::{Patience, SendFailure, UpstreamConnection};
use super::progress::Progress;
use super::tunnel::Tunnel;
use super::{Claim, Error, ExchangeBody, RequestBody, Upload};
use crate::backend::Backend;
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::downstream::Client;

/// A request at the backend that was picked for it: one attempt.
#[derive(Debug)]
pub struct Exchange {
    connection: Option<Box<UpstreamConnection>>,
    upload: Upload,
    progress: Progress,
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
#[derive(Debug)]
pub enum Reached {
    /// The backend has had nothing: here is the head again.
    Nothing(Box<Parts>),
    /// The backend may have seen the request, and has said nothing.
    Backend,
    /// Something came back.
    Answer,
}

impl Exchange {
    /// An exchange of a request with this body with the claimed backend.
    #[must_use]
    pub fn begin(claim: Claim, upload: Upload, clock: Clock) -> Self {
        Self { connection: None, upload, progress: Progress::begin(claim, clock) }
    }

    /// Sends the request and waits for the head of the response.
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
        head: Parts,
        patience: Patience,
        deadline: &Deadline,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<Response<Incoming>, Failed> {
        let host_is_missing = !head.headers.contains_key(HOST);
        let request = self.request(head);
        let mut result = self.send(request, patience, deadline, replay).await.and_then(plainly_framed);
        match &mut result {
            Ok(response) => self.progress.answered(response.status()),
            Err(failed) => {
                self.progress.broken(&failed.error);
                if let Reached::Nothing(head) = &mut failed.reached
                    && host_is_missing
                {
                    head.headers.remove(HOST);
                }
            }
        }
        result
    }

    async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        patience: Patience,
        deadline: &Deadline,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<Response<Incoming>, Failed> {
        let mut replay = Some(replay);
        loop {
            let limits = self.progress.limits();
            // What closed one idle connection may have closed them all.
            let idle = replay.as_ref().and_then(|_| self.progress.idle_connection());
            let opened = match idle {
                Some(connection) => Ok(connection),
                None => UpstreamConnection::open(self.progress.backend().address, limits, deadline).await,
            };
            let mut connection = match opened {
                Ok(connection) => connection,
                Err(error) => return Err(Failed::before_sending(error, request)),
            };
            let SendFailure { error, unsent, answered } =
                match connection.send(request, &self.upload, patience, deadline).await {
                    Ok(response) => {
                        self.connection = Some(connection);
                        return Ok(response);
                    }
                    Err(failure) => failure,
                };
            request = match unsent {
                Some(request) if connection.reused => *request,
                Some(request) => return Err(Failed::before_sending(error, *request)),
                None if answered => return Err(Failed { error, reached: Reached::Answer }),
                None if connection.reused && matches!(error, Error::Reset) => {
                    let repeatable = self.upload.can_be_repeated();
                    let parts = replay.take().filter(|_| repeatable).and_then(|replay| replay());
                    let parts = parts.ok_or(Failed { error, reached: Reached::Backend })?;
                    self.request(parts)
                }
                None => return Err(Failed { error, reached: Reached::Backend }),
            };
        }
    }

    fn request(&self, head: Parts) -> Request<RequestBody> {
        let mut request = Request::from_parts(head, self.upload.body());
        if let Some(continued) = self.upload.continued() {
            let continued = Arc::clone(continued);
            hyper::ext::on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    continued.give();
                }
            });
        }
        // Only HTTP/1.0 goes without `Host`; what is sent on is HTTP/1.1.
        if !request.headers().contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(&self.progress.backend().address.to_string())
        {
            request.headers_mut().insert(HOST, host);
        }
        request
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<Backend> {
        self.progress.backend()
    }

    /// Whether the client's body has been sent to its end.
    #[must_use]
    pub fn has_sent_body(&self) -> bool {
        self.upload.is_over()
    }

    /// The response's body, which takes the exchange to its end.
    #[must_use]
    pub fn into_body(self, client: Rc<Client>, incoming: Incoming) -> ExchangeBody {
        ExchangeBody::new(incoming, self.connection, client, self.progress)
    }

    /// The backend's end of a connection whose protocol has changed.
    pub async fn into_tunnel(self) -> Option<Tunnel> {
        let upgraded = self.connection?.into_upgraded().await?;
        Some(Tunnel::new(upgraded, self.progress))
    }
}

impl Failed {
    fn before_sending(error: Error, request: Request<RequestBody>) -> Self {
        Self { error, reached: Reached::Nothing(Box::new(request.into_parts().0)) }
    }
}

fn plainly_framed<B>(response: Response<B>) -> Result<Response<B>, Failed> {
    let mut codings = response.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(response),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(response),
        _ => Err(Failed { error: Error::TransferCoding, reached: Reached::Answer }),
    }
}
