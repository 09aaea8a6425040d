//! A check over gRPC.

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use pointsman_core::address::Address;
use pointsman_core::printable::Printable;

use super::failure::Failure;
use super::head::USER_AGENT;
use super::http2;
use crate::config::GrpcCheckConfig;
use crate::grpc::health::{self, AnswerError, ServingStatus};
use crate::grpc::{self, CallStatus};

/// Most bytes of an answer, of which two are enough so far.
const ANSWER_BYTES: usize = 4 << 10;

/// Calls the health service, and passes if the answer is SERVING.
pub(super) async fn call(
    grpc: &GrpcCheckConfig,
    address: &Address,
    is_tls: bool,
    sender: SendRequest<Bytes>,
) -> Result<(), Failure> {
    let request = head(grpc, address, is_tls)?;
    let mut sender = sender.ready().await?;
    let (response, mut body) = sender.send_request(request, false)?;
    body.send_data(Bytes::from(health::question(&grpc.service)), true)?;
    let (head, body) = response.await?.into_parts();
    if head.status != StatusCode::OK {
        return Err(Failure::Status(head.status));
    }
    if let Some(status) = CallStatus::read(&head.headers) {
        // A head that says how the call ended is all there is.
        succeeded(status, &head.headers)?;
        return Err(AnswerError::Empty.into());
    }
    let (answer, trailers) = read(body).await?;
    succeeded(CallStatus::read(&trailers).ok_or(Failure::NoCallStatus)?, &trailers)?;
    match health::read_answer(&answer)? {
        ServingStatus::Serving => Ok(()),
        other => Err(Failure::NotServing(other)),
    }
}

fn head(grpc: &GrpcCheckConfig, address: &Address, is_tls: bool) -> Result<Request<()>, http::Error> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    let path = PathAndQuery::from_static(health::METHOD);
    *request.uri_mut() = http2::target(path, grpc.host.as_ref(), address, is_tls)?;
    let headers = request.headers_mut();
    headers.clone_from(&grpc.headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(grpc::MEDIA_TYPE));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    Ok(request)
}

/// All of the answer, and what follows it.
async fn read(mut body: RecvStream) -> Result<(Vec<u8>, HeaderMap), Failure> {
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        read.extend_from_slice(&data);
        if read.len() > ANSWER_BYTES {
            return Err(Failure::LongAnswer);
        }
    }
    Ok((read, body.trailers().await?.unwrap_or_default()))
}

/// Whether a call has succeeded; if it hasn't, these fields may say more.
fn succeeded(status: CallStatus, fields: &HeaderMap) -> Result<(), Failure> {
    if status == CallStatus::OK {
        return Ok(());
    }
    let message = fields.get(&grpc::MESSAGE).map(|message| String::from_utf8_lossy(message.as_bytes()));
    Err(Failure::Call { status, message: Printable::name(message.unwrap_or_default()) })
}
