//! Why a check failed.

use std::io;

use http::StatusCode;
use pointsman_core::printable::Printable;

use crate::grpc::CallStatus;
use crate::grpc::health::{AnswerError, ServingStatus};
use crate::tls::BackendHandshakeError;
use crate::upstream;

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::health) enum Failure {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("no TLS connection: {0}")]
    Tls(#[from] BackendHandshakeError),
    #[error("no answer in time")]
    Timeout,
    #[error("no valid response: {0}")]
    Response(#[from] hyper::Error),
    #[error("status {}", .0.as_u16())]
    Status(StatusCode),
    #[error("the expected text isn't in the body")]
    Body,
    #[error("cannot ask: {0}")]
    Request(#[from] http::Error),
    #[error("no valid response over HTTP/2, which the pool's `protocol` says: {0}")]
    Http2(#[from] h2::Error),
    #[error("it chose HTTP/1.1 (ALPN), and gRPC needs HTTP/2")]
    NotHttp2,
    #[error("gRPC status {} ({}){}{message}", .status.code(), .status.name(), if .message.as_str().is_empty() { "" } else { ": " })]
    Call { status: CallStatus, message: Printable },
    #[error("no `grpc-status` at the end: whatever answers speaks no gRPC")]
    NoCallStatus,
    #[error("{0}")]
    Answer(#[from] AnswerError),
    #[error("the answer is longer than any answer to a health check")]
    LongAnswer,
    #[error("it says {0}")]
    NotServing(ServingStatus),
}

impl Failure {
    /// Whether the proxy lacked a resource, so that the backend wasn't asked.
    pub(in crate::health) fn is_our_own(&self) -> bool {
        matches!(self, Self::Connect(error) if upstream::is_our_own(error))
    }
}
