//! One attempt: a request at the backend that was picked for it.

mod run;

use std::rc::Rc;

use super::Upload;
use super::attempt_stats::AttemptStats;
use super::claim::Claim;
use super::connection::ResponseTimeout;
use super::pinned::PinnedConnections;
use crate::deadline::{Deadline, Deadlines};
use crate::downstream::RequestContext;

/// A request at the backend that was picked for it: one attempt.
///
/// Boxed once, as it goes through many hands: from the attempts to the response's body.
#[derive(Debug)]
pub struct Exchange {
    pub(super) pinned: Rc<PinnedConnections>,
    /// The request carries credentials that authenticate its connection.
    authenticates: bool,
    timeout: ResponseTimeout,
    pub(super) stats: AttemptStats,
    /// Until when the backend must have done something.
    pub(super) deadline: Deadline,
}

impl Exchange {
    /// An exchange of a request with this body with the claimed backend. Credentials that authenticate the connection make it
    /// the client's own.
    #[must_use]
    pub fn begin(
        claim: Claim,
        context: &Rc<RequestContext>,
        pinned: &Rc<PinnedConnections>,
        upload: Upload,
        authenticates: bool,
        timeout: ResponseTimeout,
        deadlines: &Deadlines,
    ) -> Box<Self> {
        let deadline = context.deadline(deadlines);
        let stats = AttemptStats::begin(claim, Rc::clone(context), upload, deadlines);
        Box::new(Self { pinned: Rc::clone(pinned), authenticates, timeout, stats, deadline })
    }
}
