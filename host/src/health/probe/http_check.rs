//! A check over HTTP: a request, and whether the response is as expected.

use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::uri::Uri;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pointsman_core::address::Address;

use super::failure::Failure;
use super::head::{HEAD_BYTES, USER_AGENT, authority};
use super::http2;
use crate::config::HttpCheckConfig;
use crate::stream::Stream;
use crate::upstream::{CountingStream, IoCounters};

/// Most fields of a response head.
const HEAD_FIELDS: usize = 1024;

/// How much of a body is searched, bytes.
const BODY_BYTES: usize = 64 << 10;

/// Asks over HTTP/1.1.
pub(super) async fn over_http1(
    http: &HttpCheckConfig,
    address: &Address,
    stream: Stream,
) -> Result<(), Failure> {
    let mut request = head(http);
    *request.uri_mut() = Uri::from(http.path.clone());
    request.headers_mut().insert(header::HOST, authority(http.host.as_ref(), address)?);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let io = TokioIo::new(CountingStream::new(stream, Rc::<IoCounters>::default()));
    let (mut sender, connection) =
        http1::Builder::new().max_header_size(HEAD_BYTES).max_headers(HEAD_FIELDS).handshake(io).await?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async {
        let response = sender.send_request(request.map(|()| Empty::<Bytes>::new())).await?;
        validate(http, response.status(), Content::Http1(response.into_body())).await
    });
    tokio::select! {
        answer = &mut answer => answer,
        // The connection was closed or broke; the answer says how.
        _ = &mut connection => answer.await,
    }
}

/// Asks over HTTP/2.
pub(super) async fn over_http2(
    http: &HttpCheckConfig,
    address: &Address,
    is_tls: bool,
    sender: SendRequest<Bytes>,
) -> Result<(), Failure> {
    let mut request = head(http);
    *request.uri_mut() = http2::target(http.path.clone(), http.host.as_ref(), address, is_tls)?;
    let (response, _) = sender.ready().await?.send_request(request, true)?;
    let response = response.await?;
    validate(http, response.status(), Content::Http2(response.into_body())).await
}

/// What both versions send.
fn head(http: &HttpCheckConfig) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = http.method.clone();
    let headers = request.headers_mut();
    headers.clone_from(&http.headers);
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    request
}

/// The body of a response.
enum Content {
    Http1(Incoming),
    Http2(RecvStream),
}

impl Content {
    /// The next piece of it; `None` at its end.
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        match self {
            Self::Http1(body) => loop {
                match body.frame().await?.map(|frame| frame.into_data()) {
                    Ok(Ok(data)) => return Some(Ok(data)),
                    // Trailers.
                    Ok(Err(_)) => {}
                    Err(error) => return Some(Err(error.into())),
                }
            },
            Self::Http2(body) => {
                let data = body.data().await?;
                let released = data.and_then(|data| {
                    body.flow_control().release_capacity(data.len())?;
                    Ok(data)
                });
                Some(released.map_err(Failure::from))
            }
        }
    }
}

/// Whether a response is as expected. Reads no more of its body than that takes.
async fn validate(http: &HttpCheckConfig, status: StatusCode, mut body: Content) -> Result<(), Failure> {
    if !http.expected_statuses.iter().any(|range| range.contains(&status.as_u16())) {
        return Err(Failure::Status(status));
    }
    let Some(text) = &http.body_contains else { return Ok(()) };
    let mut read = Vec::new();
    while let Some(data) = body.next().await {
        let data = data?;
        // The text may have begun in what was read before.
        let begin = read.len().saturating_sub(text.len());
        read.extend_from_slice(&data[..data.len().min(BODY_BYTES - read.len())]);
        if memchr::memmem::find(&read[begin..], text.as_bytes()).is_some() {
            return Ok(());
        }
        if read.len() == BODY_BYTES {
            break;
        }
    }
    Err(Failure::Body)
}
