//! One request, from the picked backend to the head of its response.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::body::{Continue, UploadState};
use super::connection::{SendFailure, UpstreamConnection};
use super::progress::Progress;
use super::tunnel::Tunnel;
use super::{Claim, Error, ExchangeBody, RequestBody};
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::downstream::Client;

/// A request at the backend that was picked for it.
#[derive(Debug)]
pub struct Exchange {
    connection: Option<Box<UpstreamConnection>>,
    upload: UploadState,
    progress: Progress,
}

impl Exchange {
    /// An exchange with the claimed backend.
    #[must_use]
    pub fn begin(claim: Claim, clock: Clock) -> Self {
        Self { connection: None, upload: UploadState::default(), progress: Progress::begin(claim, clock) }
    }

    /// Sends the request and waits for the head of the response.
    ///
    /// An idle connection may turn out closed when it is used. A request of which nothing was sent goes to the next
    /// one; one that was sent, and got nothing back, is sent once again if `replay` has it, on a new connection.
    ///
    /// # Errors
    ///
    /// Why there is no response.
    pub async fn run(
        &mut self,
        head: Parts,
        body: Incoming,
        deadline: &Deadline,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<Response<Incoming>, Error> {
        let request = self.request(head, body);
        self.upload = request.body().upload();
        let result = self.send(request, deadline, replay).await.and_then(plainly_framed);
        match &result {
            Ok(response) => self.progress.answered(response.status()),
            Err(error) => self.progress.broken(error),
        }
        result
    }

    async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        deadline: &Deadline,
        replay: impl FnOnce() -> Option<Parts>,
    ) -> Result<Response<Incoming>, Error> {
        let mut replay = Some(replay);
        loop {
            let limits = self.progress.limits();
            // What closed one idle connection may have closed them all.
            let idle = replay.as_ref().and_then(|_| self.progress.idle_connection());
            let mut connection = match idle {
                Some(connection) => connection,
                None => UpstreamConnection::open(self.progress.backend().address, limits, deadline).await?,
            };
            let SendFailure { error, unsent, answered } =
                match connection.send(request, limits, deadline).await {
                    Ok(response) => {
                        self.connection = Some(connection);
                        return Ok(response);
                    }
                    Err(failure) => failure,
                };
            if !connection.reused {
                return Err(error);
            }
            request = match unsent {
                Some(request) => *request,
                None if !answered && matches!(error, Error::Reset) => {
                    let parts = replay.take().and_then(|replay| replay()).ok_or(error)?;
                    self.with_host(Request::from_parts(parts, RequestBody::empty()))
                }
                None => return Err(error),
            };
        }
    }

    fn request(&self, head: Parts, body: Incoming) -> Request<RequestBody> {
        let continued = head.headers.contains_key(EXPECT).then(Arc::<Continue>::default);
        let mut request = Request::from_parts(head, RequestBody::new(body, continued.clone()));
        if let Some(continued) = continued {
            hyper::ext::on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    continued.give();
                }
            });
        }
        self.with_host(request)
    }

    /// Only HTTP/1.0 goes without `Host`; what is sent on is HTTP/1.1.
    fn with_host(&self, mut request: Request<RequestBody>) -> Request<RequestBody> {
        if !request.headers().contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(&self.progress.backend().address.to_string())
        {
            request.headers_mut().insert(HOST, host);
        }
        request
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

fn plainly_framed<B>(response: Response<B>) -> Result<Response<B>, Error> {
    let mut codings = response.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(response),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(response),
        _ => Err(Error::TransferCoding),
    }
}
