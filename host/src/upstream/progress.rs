//! What is counted of an exchange, however it ends.

use std::mem;
use std::sync::Arc;

use http::StatusCode;
use pointsman_core::backend::{Backend, Completion, Sign};
use pointsman_core::clock::Moment;
use pointsman_core::pool::UpstreamLimits;
use pointsman_policy;
use pointsman_sdk::abi::outcome;

use super::connection::UpstreamConnection;
use super::place::ConnectionPlace;
use super::{Claim, Error, Session};
use crate::deadline::{Deadline, Deadlines};

/// An exchange in progress. Its end, which is when it is dropped, is told to the policy that picked.
#[derive(Debug)]
pub(super) struct Progress {
    claim: Claim,
    deadlines: Deadlines,
    /// In the time that deadlines know: one in which the proxy didn't run is no backend's.
    began: Moment,
    /// Status of the response, and when its head came.
    answered: Option<(StatusCode, Moment)>,
    outcome: i32,
}

impl Progress {
    pub(super) fn begin(claim: Claim, deadlines: &Deadlines) -> Self {
        // Whoever drops an exchange without a word does so because the client is gone.
        let began = deadlines.awake(deadlines.clock().now());
        Self { claim, deadlines: deadlines.clone(), began, answered: None, outcome: outcome::CLIENT_ABORT }
    }

    pub(super) fn backend(&self) -> &Arc<Backend> {
        self.claim.backend()
    }

    pub(super) fn limits(&self) -> &UpstreamLimits {
        self.claim.pool().limits()
    }

    /// The connection to use next: the session's own, or the idle one used last.
    pub(super) fn idle_connection(&self, session: &Session) -> Option<Box<UpstreamConnection>> {
        session.take_pinned(&self.claim).or_else(|| self.claim.idle().take())
    }

    /// Another connection.
    pub(super) async fn connect(&self, deadline: &Deadline) -> Result<Box<UpstreamConnection>, Error> {
        match self.try_connect(deadline).await {
            // What it lacks, such as a descriptor, idle ones hold.
            Err(error) if error.is_our_own() && self.claim.pool().make_room() => {
                self.try_connect(deadline).await
            }
            connected => connected,
        }
    }

    async fn try_connect(&self, deadline: &Deadline) -> Result<Box<UpstreamConnection>, Error> {
        let (backend, pool, limits) = (self.backend(), self.claim.pool().pool(), self.limits());
        let place = match ConnectionPlace::take(backend, pool, limits) {
            Some(place) => place,
            None => ConnectionPlace::wait(backend, pool, limits, deadline).await?,
        };
        UpstreamConnection::open(backend.address, place, limits, deadline).await
    }

    /// The head of the response has come.
    pub(super) fn answered(&mut self, status: StatusCode) {
        let now = self.deadlines.clock().now();
        self.answered = Some((status, self.deadlines.awake(now)));
        self.count(now, Sign::of(status));
    }

    /// The exchange has failed.
    pub(super) fn broken(&mut self, error: &Error) {
        self.outcome = error.outcome();
        if self.outcome != outcome::CLIENT_ABORT && !error.is_our_own() {
            self.count(self.deadlines.clock().now(), Sign::GatewayFailure);
        }
    }

    /// The response is whole.
    pub(super) fn complete(&mut self) {
        self.outcome = outcome::COMPLETE;
    }

    /// Keeps the connection for another request, unless another worker needs its place: for anybody's, or the session's if
    /// it is pinned.
    pub(super) fn keep(&self, connection: Box<UpstreamConnection>, session: &Session) {
        let now = self.deadlines.clock().now();
        session.client.used(now);
        if self.backend().stats.connections_wanted() > 0 {
            return;
        }
        if connection.pinned {
            session.keep_pinned(&self.claim, connection);
        } else {
            self.claim.idle().put(connection, now);
        }
    }

    fn count(&self, now: Moment, sign: Sign) {
        let stats = &self.backend().stats;
        let latency = self.deadlines.awake(now).since(self.began);
        stats.complete(now, Completion { latency, failed: sign.is_failure() });
        if let Some(streak) = stats.streaks.count(sign) {
            self.claim.pool().pool().alarm.hear(streak);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Claim { balancer, picked, observed, .. } = &mut self.claim;
        // Nobody asks the policy while it is told something; and if so, what it isn't told does no harm.
        let Ok(mut picker) = balancer.picker().try_borrow_mut() else { return };
        if !picker.wants_responses() {
            return;
        }
        let response = pointsman_policy::Response {
            answered: self.answered.map(|(status, head)| (status, head.since(self.began))),
            outcome: self.outcome,
            total: self.deadlines.awake(self.deadlines.clock().now()).since(self.began),
        };
        picker.observe(*picked, &response, mem::take(observed));
    }
}
