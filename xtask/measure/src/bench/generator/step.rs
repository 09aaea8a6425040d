//! What becomes of a connection's requests.

use std::time::Instant;

use super::outcome::Failure;
use crate::bench::response::Response;

/// What became of a connection's request.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// The connection was closed without a request on it.
    Ended,
    /// Its response is there.
    Done {
        /// When the request should have been sent.
        due: Instant,
        response: Response,
    },
    /// It failed, and the connection with it.
    Failed(Failure),
}
