//! What is counted of an attempt, however it ends.

use std::cell::Cell;
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use pointsman_core::backend::{Completion, ResponseClass};
use pointsman_core::clock::Moment;
use pointsman_core::counts::{AnswerCells, GIVEN_UP};
use pointsman_core::record::{AttemptRecord, Connection, RequestNames};
use pointsman_policy as policy;
use pointsman_sdk::abi::outcome;

use super::Error;
use super::Upload;
use super::call::{Call, Counted};
use super::claim::Claim;
use crate::deadline::Deadlines;
use crate::downstream::{OpenTunnel, RequestContext};
use crate::grpc::CallStatus;

/// Counts an attempt. When this is dropped, the attempt ends: it is added to the request's record and reported to the policy
/// that picked.
#[derive(Debug)]
pub(super) struct AttemptStats {
    pub(super) claim: Claim,
    pub(super) context: Rc<RequestContext>,
    pub(super) upload: Upload,
    deadlines: Deadlines,
    /// When it was claimed, on the clock.
    claimed: Moment,
    /// The same in the time that deadlines know, as all that is counted from there: one in which the proxy didn't run is no backend's.
    began: Moment,
    /// The connection that it is sent on.
    connection: Cell<Connection>,
    /// Status of the response, and when its head came. That of a call of gRPC which has failed is what it means in HTTP.
    answered: Option<(StatusCode, Moment)>,
    call: Call,
    /// It is among those for whose answers the proxy waits.
    is_awaited: bool,
    outcome: i32,
    error: Option<&'static str>,
    /// When it ended, on the clock.
    ended: Option<Moment>,
}

impl AttemptStats {
    pub(super) fn begin(
        claim: Claim,
        context: Rc<RequestContext>,
        upload: Upload,
        deadlines: &Deadlines,
    ) -> Self {
        let now = deadlines.clock().now();
        context.record().times.began.get_or_insert(now);
        // A client may take its time to send a body, and the backend has nothing to answer until then.
        let is_awaited = !upload.is_some();
        if is_awaited {
            answers(&claim, &context).awaited.add(1);
        }
        Self {
            claim,
            context,
            upload,
            claimed: now,
            began: deadlines.awake(now),
            deadlines: deadlines.clone(),
            connection: Cell::default(),
            answered: None,
            call: Call::default(),
            is_awaited,
            // An exchange that is dropped without an outcome has lost its client.
            outcome: outcome::CLIENT_ABORT,
            error: None,
            ended: None,
        }
    }

    /// It is sent on this connection.
    pub(super) fn sent_on(&self, connection: Connection) {
        self.connection.set(connection);
    }

    /// The time since the claim.
    pub(super) fn elapsed(&self) -> Duration {
        self.deadlines.awake(self.deadlines.clock().now()).since(self.began)
    }

    /// The head of the response has come.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let now = self.deadlines.clock().now();
        let came = self.deadlines.awake(now);
        self.has_outcome();
        let counted = self.call.begin(response);
        self.answered = Some((counted.map_or_else(|| response.status(), |counted| counted.status), came));
        if let Some(Counted { class, call, .. }) = counted {
            self.told(call);
            self.count(now, came, class);
        }
    }

    /// The trailers of the response have come.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let counted = self.call.trailers(trailers);
        self.call_ended(counted);
    }

    /// The call counts, unless it has been counted.
    fn call_ended(&mut self, counted: Option<Counted>) {
        let (Some(Counted { status, class, call }), Some((_, came))) = (counted, self.answered) else {
            return;
        };
        self.told(call);
        self.answered = Some((status, came));
        self.count(self.deadlines.clock().now(), came, class);
    }

    /// The backend has said how the call ends, if it is one.
    fn told(&self, call: Option<CallStatus>) {
        if let Some(call) = call {
            self.context.record().call = Some(call.code());
        }
    }

    /// Bytes have come from the backend and went there, in this attempt.
    pub(super) fn moved(&self, (received, sent): (u64, u64)) {
        let cells = self.context.connection().reports.worker().of_backend(self.claim.backend());
        cells.received_bytes.add(received);
        cells.sent_bytes.add(sent);
    }

    /// The attempt has failed.
    pub(super) fn failed(&mut self, error: &Error) {
        self.outcome = error.outcome();
        self.error = Some(error.label());
        let now = self.deadlines.clock().now();
        self.ended = Some(now);
        if self.outcome != outcome::CLIENT_ABORT && !error.is_our_own() {
            self.has_outcome();
            // What has broken off counts as that, and not as a call.
            self.call = Call::None;
            self.count(now, self.deadlines.awake(now), ResponseClass::GatewayFailure);
        }
    }

    /// It is known what the backend has made of the request.
    fn has_outcome(&mut self) {
        let answers = answers(&self.claim, &self.context);
        answers.outcomes.add(1);
        if mem::take(&mut self.is_awaited) {
            answers.awaited.sub(1);
        }
    }

    /// The attempt has ended before it was known what the backend makes of it.
    #[cold]
    fn has_no_outcome(&mut self) {
        let answers = answers(&self.claim, &self.context);
        if mem::take(&mut self.is_awaited) {
            answers.awaited.sub(1);
        }
        if self.outcome == outcome::CLIENT_ABORT && self.upload.is_over() && self.elapsed() >= GIVEN_UP {
            answers.given_up.add(1);
        }
    }

    /// Tells the operator that the response has broken off behind its head: the client sees it only by its connection, and its status is
    /// that of a success.
    #[cold]
    pub(super) fn log_broken(&self, error: &Error) {
        if error.is_clients() {
            return;
        }
        let (record, peer) = (self.context.record(), self.context.connection().peer);
        let (RequestNames { pool, route, route_name, id }, error_label) = (record.names(), error.label());
        let backend = &*self.claim.backend().shared().name;
        tracing::warn!(
            event = "response-broken", error = error_label, pool, backend, route, route_name, request_id = id, %peer,
            "response broken off: {error}"
        );
    }

    /// The response is whole. Returns the time.
    pub(super) fn complete(&mut self) -> Moment {
        if self.call == Call::Open {
            // It has ended without a word about how.
            let counted = self.call.end(CallStatus::UNKNOWN);
            self.call_ended(counted);
        }
        self.outcome = outcome::COMPLETE;
        let now = self.deadlines.clock().now();
        self.ended = Some(now);
        now
    }

    /// The request becomes a tunnel. From now on it is on record whom it goes to.
    pub(super) fn open_tunnel(&self) -> OpenTunnel {
        let attempt = AttemptRecord { outcome: outcome::COMPLETE, ..self.so_far() };
        self.context.record().add(attempt);
        OpenTunnel::begin(Rc::clone(&self.context))
    }

    /// What there is to put on record.
    fn so_far(&self) -> AttemptRecord {
        let now = self.ended.unwrap_or_else(|| self.deadlines.clock().now());
        AttemptRecord {
            backend: self.claim.backend().clone(),
            choice: self.claim.choice.clone(),
            began: self.claimed,
            connection: self.connection.get(),
            answered: self.answered.map(|(status, came)| (status, came.since(self.began))),
            total: self.deadlines.awake(now).since(self.began),
            outcome: self.outcome,
            error: self.error,
        }
    }

    /// Counts what the backend did by `came`, in the time that deadlines know.
    fn count(&self, now: Moment, came: Moment, class: ResponseClass) {
        let stats = &self.claim.shared_backend().stats;
        let latency = came.since(self.began);
        stats.complete(now, Completion { latency, failed: class.is_failure() });
        if let Some(streak) = stats.streaks.count(class) {
            self.claim.pool.pool().ejection_signal.record(streak);
        }
    }
}

impl Drop for AttemptStats {
    fn drop(&mut self) {
        if self.answered.is_none() {
            self.has_no_outcome();
        }
        if self.call == Call::Open {
            // The client has left, and the backend had served it so far.
            let counted = self.call.end(CallStatus::OK);
            self.call_ended(counted);
        }
        let attempt = self.so_far();
        observe(&mut self.claim, &attempt);
        let mut record = self.context.record();
        if self.context.is_tunnel() {
            if let Some(last) = record.last_attempt_mut() {
                *last = attempt;
            }
            return;
        }
        if self.call == Call::Failed
            && let (Some(status), Some((means, _))) = (&mut record.status, attempt.answered)
        {
            *status = means;
        }
        // A whole response ends the request. What follows another attempt takes its time.
        record.times.ended = self.ended.filter(|_| self.outcome == outcome::COMPLETE);
        record.add(attempt);
    }
}

/// Where it is counted whether the claimed backend answers.
fn answers<'a>(claim: &'a Claim, context: &RequestContext) -> &'a AnswerCells {
    &context.connection().reports.worker().of_backend(claim.backend()).answers
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
    let response =
        policy::Response { answered: attempt.answered, outcome: attempt.outcome, total: attempt.total };
    picker.observe(*picked, &response, mem::take(observed));
}
