//! What is counted of an attempt, however it ends.

use std::mem;
use std::rc::Rc;

use http::StatusCode;
use pointsman_core::backend::{Completion, ResponseClass};
use pointsman_core::clock::Moment;
use pointsman_core::record::AttemptRecord;
use pointsman_policy as policy;
use pointsman_sdk::abi::outcome;

use super::Error;
use super::claim::Claim;
use crate::deadline::Deadlines;
use crate::downstream::RequestContext;

/// Counts an attempt. When this is dropped, the attempt ends: it is added to the request's record and reported to the policy
/// that picked.
#[derive(Debug)]
pub(super) struct AttemptStats {
    pub(super) claim: Claim,
    pub(super) context: Rc<RequestContext>,
    deadlines: Deadlines,
    /// In the time that deadlines know: one in which the proxy didn't run is no backend's.
    began: Moment,
    /// Status of the response, and when its head came.
    answered: Option<(StatusCode, Moment)>,
    outcome: i32,
    error: Option<&'static str>,
    /// When it ended, on the clock.
    ended: Option<Moment>,
}

impl AttemptStats {
    pub(super) fn begin(claim: Claim, context: Rc<RequestContext>, deadlines: &Deadlines) -> Self {
        let now = deadlines.clock().now();
        context.record().began.get_or_insert(now);
        Self {
            claim,
            context,
            began: deadlines.awake(now),
            deadlines: deadlines.clone(),
            answered: None,
            // An exchange that is dropped without an outcome has lost its client.
            outcome: outcome::CLIENT_ABORT,
            error: None,
            ended: None,
        }
    }

    /// The head of the response has come.
    pub(super) fn answered(&mut self, status: StatusCode) {
        let now = self.deadlines.clock().now();
        self.answered = Some((status, self.deadlines.awake(now)));
        self.count(now, ResponseClass::of(status));
    }

    /// The attempt has failed.
    pub(super) fn failed(&mut self, error: &Error) {
        self.outcome = error.outcome();
        self.error = Some(error.label());
        let now = self.deadlines.clock().now();
        self.ended = Some(now);
        if self.outcome != outcome::CLIENT_ABORT && !error.is_our_own() {
            self.count(now, ResponseClass::GatewayFailure);
        }
    }

    /// The response is whole. Returns the time.
    pub(super) fn complete(&mut self) -> Moment {
        self.outcome = outcome::COMPLETE;
        let now = self.deadlines.clock().now();
        self.ended = Some(now);
        now
    }

    fn count(&self, now: Moment, class: ResponseClass) {
        let stats = &self.claim.shared_backend().stats;
        let latency = self.deadlines.awake(now).since(self.began);
        stats.complete(now, Completion { latency, failed: class.is_failure() });
        if let Some(streak) = stats.streaks.count(class) {
            self.claim.pool.pool().ejection_signal.record(streak);
        }
    }
}

impl Drop for AttemptStats {
    fn drop(&mut self) {
        let now = self.ended.unwrap_or_else(|| self.deadlines.clock().now());
        let attempt = AttemptRecord {
            backend: self.claim.backend().clone(),
            began: self.began,
            answered: self.answered,
            ended: self.deadlines.awake(now),
            outcome: self.outcome,
            error: self.error,
        };
        observe(&mut self.claim, &attempt);
        let mut record = self.context.record();
        // A whole response ends the request. What follows another attempt takes its time.
        record.ended = self.ended.filter(|_| self.outcome == outcome::COMPLETE);
        record.add(attempt);
    }
}

/// Reports the end to the policy that picked.
fn observe(claim: &mut Claim, attempt: &AttemptRecord) {
    let Claim { picker, picked, observed, .. } = claim;
    let Ok(mut picker) = picker.try_borrow_mut() else {
        // No attempt ends while its picker is asked, as nothing that is dropped in there owns one.
        debug_assert!(false, "an attempt ended within a call of its picker");
        return;
    };
    if !picker.wants_responses() {
        return;
    }
    let response = policy::Response {
        answered: attempt.answered.map(|(status, head)| (status, head.since(attempt.began))),
        outcome: attempt.outcome,
        total: attempt.total(),
    };
    picker.observe(*picked, &response, mem::take(observed));
}
