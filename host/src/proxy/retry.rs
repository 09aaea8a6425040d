//! The retry loop: a first attempt, then others on other backends while resending is safe.

mod returning;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::RetryCost;
use pointsman_core::pool::RetryLimits;
use pointsman_core::request::RequestHead;

use super::header_rules::RequestRules;
use super::rewrite::Rewritten;
use super::session::{Affinity, Session};
use super::{Failure, forward};
use crate::compression::Offer;
use crate::deadline::Deadlines;
use crate::downstream::RequestContext;
use crate::insight::explanation::Next;
use crate::upstream::{
    Answered, Balancer, Claim, Claimed, Error, Exchange, FailedAttempt, ResponseTimeout, Sent, Upload,
};

/// A `Retry-After` up to this is waited for; with a longer one the response is the client's business.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The pause before a retry grows to this many times `backoff`.
const MOST_BACKOFFS: u32 = 10;

/// A request on its way from one backend to the next.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) deadlines: Deadlines,
    pub(super) balancer: Rc<Balancer>,
    pub(super) context: Rc<RequestContext>,
    /// What ties it to a backend, so that the policy isn't asked.
    pub(super) affinity: Affinity,
    pub(super) upload: Upload,
    /// Longest silence of its tunnel, if the request may change the protocol.
    pub(super) tunnel_timeout: Option<Duration>,
    /// The request carries credentials that authenticate its connection.
    pub(super) authenticates: bool,
    /// What becomes of its response.
    pub(super) response: ResponseChanges,
    /// What becomes of its head.
    pub(super) request: RequestChanges,
    /// Until when it waits for a backend to return, once it does.
    pub(super) waits_until: Cell<Option<Moment>>,
}

/// What becomes of a request's head on its way to a backend.
#[derive(Debug)]
pub(super) struct RequestChanges {
    /// The rules for its fields, if there are any.
    pub(super) rules: Option<Box<RequestRules>>,
    /// What its backends are asked for, if that is something else.
    pub(super) rewritten: Option<Box<Rewritten>>,
}

/// What becomes of a backend's response.
#[derive(Debug)]
pub(super) struct ResponseChanges {
    /// By which the client stays with the pool, if it has to get one.
    pub(super) cookie: Option<Box<HeaderValue>>,
    /// How it may be compressed, if the pool's are.
    pub(super) compression: Option<Box<Offer>>,
}

/// How an attempt went.
type Outcome = Result<Answered, FailedAttempt>;

/// What must happen before the next attempt.
#[derive(Debug, Clone, Copy)]
struct RetryPlan {
    pause: Duration,
    cost: RetryCost,
}

impl Attempts {
    /// The response to a request, of whichever backend.
    ///
    /// # Errors
    ///
    /// How the last attempt failed.
    pub(super) async fn answer(&self) -> Result<Answered, Failure> {
        let claim = self.first_claim().await?;
        // Out of the way, and nothing of the first attempt is kept beside it: nearly no request comes to others.
        let others = {
            let outcome = self.attempt(claim, &[]).await;
            if self.is_final(&outcome) {
                return outcome.map_err(|failed| self.failure(failed));
            }
            Box::pin(self.go_on(outcome))
        };
        others.await
    }

    /// More attempts, as long as one fails in a way that another one may mend.
    async fn go_on(&self, mut outcome: Outcome) -> Result<Answered, Failure> {
        let mut used = Vec::new();
        let mut end = Next::AttemptsUsedUp;
        for attempt in 1..=self.retry().attempts {
            let claim = match self.claim_another(attempt, &outcome, &mut used).await {
                Ok(claim) => claim,
                Err(reason) => {
                    end = reason;
                    break;
                }
            };
            self.balancer.pool().retry_budget().sent_again();
            self.log(attempt, &outcome, claim.backend().shared());
            // Only now is it certain that the last response isn't needed.
            if let Ok(answered) = outcome {
                answered.into_response().into_body().discard().await;
            }
            outcome = self.attempt(claim, &used).await;
        }
        self.end_with(end, &outcome);
        self.until_one_returns(outcome).await.map_err(|failed| self.failure(failed))
    }

    /// A backend for another attempt, after the pause before it.
    ///
    /// # Errors
    ///
    /// Why there is no other attempt.
    async fn claim_another(
        &self,
        attempt: u32,
        outcome: &Outcome,
        used: &mut Vec<Arc<Backend>>,
    ) -> Result<Claim, Next> {
        let next = self.retry_plan(attempt, outcome)?;
        used.push(Arc::clone(match outcome {
            Ok(answered) => answered.backend().shared(),
            Err(failed) => failed.backend.shared(),
        }));
        if self.is_over_within(next.pause) {
            return Err(Next::NoTime);
        }
        if !self.rule_out(used) {
            return Err(Next::NoOther);
        }
        if !self.restore(outcome) {
            return Err(Next::NotKept);
        }
        if !self.balancer.may_retry(self.deadlines.clock().now(), next.cost) {
            let pool = &self.balancer.pool().name;
            let reports = self.context.connection().reports.worker();
            reports.of_pool(self.balancer.worker_pool().local_pool()).retries_refused.add(1);
            tracing::debug!(event = "retry-budget-exhausted", %pool, "no retry: the budget is used up");
            return Err(Next::Budget);
        }
        if !next.pause.is_zero() {
            // A timer of its own: retries are few, and their pauses finer than the sweep of the deadlines.
            tokio::time::sleep(next.pause).await;
        }
        if !self.rule_out(used) {
            return Err(Next::NoOther);
        }
        // A retry doesn't queue: it was let in once, and its last failure is an answer, too.
        match self.claim_again(attempt) {
            Claimed::Backend(claim) => Ok(claim),
            Claimed::AllFull | Claimed::NoPick(_) => Err(Next::NoOther),
        }
    }

    /// Keeps why no other attempt follows, if the request is to be explained.
    fn end_with(&self, reason: Next, outcome: &Outcome) {
        if let Some(insight) = &mut *self.context.insight() {
            insight.stop(if self.is_final(outcome) { Next::Answered } else { reason });
        }
    }

    /// Whether it is a response that goes to the client whatever could follow.
    fn is_final(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Ok(answered) if !self.retry().statuses.contains(&answered.status()))
    }

    pub(super) fn retry(&self) -> &RetryLimits {
        &self.balancer.limits().retry
    }

    /// Tries at the claimed backend, after those that were used before.
    #[inline]
    fn attempt(&self, claim: Claim, used: &[Arc<Backend>]) -> impl Future<Output = Outcome> {
        let timeout = self.response_timeout(&claim, used);
        if let Some(rules) = &self.request.rules {
            rules.at_backend(&mut self.context.head(), &self.context, claim.backend());
        }
        if let Some(rewritten) = &self.request.rewritten {
            rewritten.at_backend(&mut self.context.head().parts);
        }
        if self.affinity.session.is_some() {
            Session::strip(&self.balancer, &mut self.context.head().parts.headers);
        }
        if let Some(insight) = &mut *self.context.insight() {
            insight.begin_attempt(&mut self.context.head().parts.headers);
        }
        let (upload, deadlines) = (self.upload.clone(), &self.deadlines);
        Exchange::begin(
            claim,
            &self.context,
            &self.affinity.pinned,
            upload,
            self.authenticates,
            timeout,
            deadlines,
        )
        .run(|| self.replay_at_backend())
    }

    /// Rules out the backends that were used. Whether any other is left.
    fn rule_out(&self, used: &[Arc<Backend>]) -> bool {
        self.balancer.rule_out(&mut self.context.head().tried, used)
    }

    /// Claims a backend for an attempt that isn't the first.
    fn claim_again(&self, attempt: u32) -> Claimed {
        let mut head = self.context.head();
        head.tried.attempt = attempt;
        self.claim(&mut head)
    }

    /// Whether the time of the whole request is over in `span` from now.
    pub(super) fn is_over_within(&self, span: Duration) -> bool {
        self.context.end().is_some_and(|end| end <= self.deadlines.now().after(span))
    }

    /// How long an attempt at the claimed backend may take: shorter if others could follow.
    fn response_timeout(&self, claim: &Claim, used: &[Arc<Backend>]) -> ResponseTimeout {
        let limits = self.balancer.limits();
        let full = ResponseTimeout::Full(limits.response_timeout);
        let Some(per_try) = limits.retry.per_try_timeout else { return full };
        let used = [used, &[Arc::clone(claim.backend().shared())]].concat();
        let others_could_follow = !self.has_one_backend()
            && used.len() <= limits.retry.attempts as usize
            && forward::is_idempotent(&self.context.head().parts)
            && self.upload.can_be_repeated()
            && self.rule_out(&used);
        if others_could_follow { ResponseTimeout::PerTry(per_try) } else { full }
    }

    /// How another attempt may follow this one.
    ///
    /// # Errors
    ///
    /// Why none may.
    fn retry_plan(&self, attempt: u32, outcome: &Outcome) -> Result<RetryPlan, Next> {
        let retry = self.retry();
        if !self.upload.can_be_repeated() || self.context.body_refusal().is_some() {
            return Err(Next::NotKept);
        }
        let most = retry.backoff * 2_u32.saturating_pow(attempt - 1).min(MOST_BACKOFFS);
        let backoff = || self.balancer.jitter(most);
        match outcome {
            Ok(_) if self.is_final(outcome) => Err(Next::Answered),
            Ok(answered) => {
                let asked = retry_after(answered.status(), answered.response.headers());
                let pause = backoff().max(asked.ok_or(Next::RetryAfter)?);
                Ok(RetryPlan { pause, cost: RetryCost::Request })
            }
            Err(failed) => match (failed.sent, &failed.error) {
                (Sent::Nothing, _) => {
                    let pause = if attempt == 1 { Duration::ZERO } else { backoff() };
                    Ok(RetryPlan { pause, cost: RetryCost::Free })
                }
                (
                    Sent::Request,
                    Error::Reset | Error::StreamReset(_) | Error::ResponseTimeout | Error::PerTryTimeout,
                )
                | (Sent::ResponseBegun, Error::ResponseTimeout | Error::PerTryTimeout) => {
                    Ok(RetryPlan { pause: backoff(), cost: RetryCost::Request })
                }
                _ => Err(Next::NotSafe),
            },
        }
    }

    /// Makes the head whole for another attempt, if it may be sent again. Where nothing of it was sent, it still is.
    fn restore(&self, outcome: &Outcome) -> bool {
        if matches!(outcome, Err(failed) if failed.sent == Sent::Nothing) {
            if let Some(rules) = &self.request.rules {
                rules.undo(&mut self.context.head());
            }
            if let Some(rewritten) = &self.request.rewritten {
                rewritten.undo(&mut self.context.head().parts);
            }
            return true;
        }
        let replayed = self.replay();
        let is_whole = replayed.is_some();
        if let Some(replayed) = replayed {
            self.context.head().parts = replayed.parts;
        }
        is_whole
    }

    /// The head as it is before a backend is picked.
    fn replay(&self) -> Option<RequestHead> {
        let peer = self.context.connection().peer.ip();
        let mut head = RequestHead::new(self.context.replay()?, peer);
        forward::prepare(&mut head, &self.context).ok()?;
        if let Some(rewritten) = &self.request.rewritten {
            rewritten.tell(&mut head.parts.headers);
        }
        if let Some(rules) = &self.request.rules {
            rules.before_pick(&mut head, &self.context);
        }
        Some(head)
    }

    /// The head for the backend of this attempt.
    fn replay_at_backend(&self) -> Option<Parts> {
        let mut head = self.replay()?;
        if let Some(rules) = &self.request.rules {
            rules.at_same_backend(&mut head, &self.context);
        }
        if let Some(rewritten) = &self.request.rewritten {
            rewritten.at_backend(&mut head.parts);
        }
        if self.affinity.session.is_some() {
            Session::strip(&self.balancer, &mut head.parts.headers);
        }
        Some(head.parts)
    }

    /// A broken request body breaks the exchange, too; the client hears of its own fault.
    fn failure(&self, failed: FailedAttempt) -> Failure {
        let refusal = self.context.body_refusal();
        refusal.map_or(Failure::Upstream(failed.error), Failure::Refused)
    }

    fn log(&self, attempt: u32, outcome: &Outcome, next: &Backend) {
        let (pool, next) = (&self.balancer.pool().name, &next.name);
        match outcome {
            Ok(answered) => {
                let (backend, status) = (&answered.backend().shared().name, answered.status().as_u16());
                tracing::debug!(event = "request-retried", %pool, attempt, %backend, status, %next, "retry");
            }
            Err(failed) => {
                let (backend, error) = (&failed.backend.shared().name, failed.error.label());
                tracing::debug!(event = "request-retried", %pool, attempt, %backend, error, %next, "retry");
            }
        }
    }
}

/// How long a response asks to wait; `None` if that is too long. A date is too long: it has whole seconds, and clocks
/// differ by as much.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let speaks = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    let Some(value) = headers.get(header::RETRY_AFTER).filter(|_| speaks) else {
        return Some(Duration::ZERO);
    };
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|wait| *wait <= LONGEST_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_wait_is_waited_for() {
        let wait = |status: u16, value: &'static str| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            retry_after(StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!(retry_after(StatusCode::OK, &HeaderMap::new()), Some(Duration::ZERO));
        for status in [503, 429] {
            assert_eq!(wait(status, "0"), Some(Duration::ZERO));
            assert_eq!(wait(status, "1"), Some(Duration::from_secs(1)));
            for long in ["2", "3600", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "-1", "soon"] {
                assert_eq!(wait(status, long), None, "{long}");
            }
        }
        // It says something else there, such as when to look at the new place.
        assert_eq!(wait(502, "3600"), Some(Duration::ZERO));
    }
}
