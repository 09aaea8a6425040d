//! How far an attempt came.

use pointsman_core::backend::Backend;
use pointsman_core::local::Local;

use super::Error;

/// How far an attempt came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was sent, and the head is as it was.
    Nothing,
    /// The backend may have seen the request, and has said nothing.
    Request,
    /// Something came back.
    ResponseBegun,
}

/// An attempt that got no response.
#[derive(Debug)]
pub struct FailedAttempt {
    /// The backend.
    pub backend: Local<Backend>,
    /// The reason.
    pub error: Error,
    /// How far it came.
    pub sent: Sent,
}

/// A connection's failure to get a response.
#[derive(Debug)]
pub(super) struct SendFailure {
    pub(super) error: Error,
    pub(super) sent: Sent,
}

impl SendFailure {
    pub(super) fn at(self, backend: &Local<Backend>) -> FailedAttempt {
        FailedAttempt { backend: backend.clone(), error: self.error, sent: self.sent }
    }
}
