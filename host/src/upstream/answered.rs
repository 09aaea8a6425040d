//! An attempt that has got the head of a response.

use http::{Response, StatusCode};
use pointsman_core::backend::Backend;
use pointsman_core::local::Local;

use super::backend_body::BackendBody;
use super::exchange::Exchange;
use super::lease::Lease;

/// A backend's answer: the head of its response, and what leads to the rest.
#[derive(Debug)]
pub struct Answered {
    /// The response. Its head is to be changed for the client; its body only moves with the exchange.
    pub response: Response<BackendBody>,
    pub(super) lease: Lease,
    pub(super) exchange: Box<Exchange>,
}

impl Answered {
    /// What the backend has answered.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Whether the client has sent its request to the end.
    #[must_use]
    pub fn has_whole_request(&self) -> bool {
        self.exchange.stats.upload.is_over()
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Local<Backend> {
        self.exchange.stats.claim.backend()
    }
}
