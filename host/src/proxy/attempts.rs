//! As many attempts as a request gets: one, and when that fails and it is safe, others on other backends.

mod returning;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::{RetryCost, RetryLimits};
use pointsman_core::request::RequestHead;

use super::hop_by_hop::Found;
use super::{Failure, forward, target};
use crate::deadline::Deadlines;
use crate::downstream::Client;
use crate::upstream::{
    Balancer, Claim, Claimed, Error, Exchange, Failed, Patience, Reached, Session, Upload,
};

/// A `Retry-After` up to this is waited for; with a longer one the response is the client's business.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The pause before a retry grows to so many times `backoff`.
const MOST_BACKOFFS: u32 = 10;

/// A request on its way from one backend to the next.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    pub(super) balancer: &'a Rc<Balancer>,
    pub(super) client: &'a Rc<Client>,
    pub(super) session: &'a Rc<Session>,
    pub(super) deadlines: &'a Deadlines,
    /// The request's number on its connection.
    pub(super) number: u64,
    pub(super) upgrade: Option<&'a HeaderValue>,
    /// The head as it came, if it can't be had again from the client.
    pub(super) spare: Option<Box<Parts>>,
    pub(super) upload: Upload,
    /// The request carries credentials that authenticate its connection.
    pub(super) authenticates: bool,
    /// Until when it waits for a backend to return, once it does.
    pub(super) waits_until: Cell<Option<Moment>>,
}

/// How an attempt went.
type Outcome = Result<Box<Exchange>, Lost>;

/// An attempt that failed, and whose fault it was.
#[derive(Debug)]
struct Lost {
    backend: Arc<Backend>,
    failed: Failed,
}

/// What must happen before the next attempt.
#[derive(Debug, Clone, Copy)]
struct Next {
    pause: Duration,
    cost: RetryCost,
}

impl Attempts<'_> {
    /// The response to a request, of whichever backend.
    ///
    /// # Errors
    ///
    /// How the last attempt failed.
    pub(super) async fn answer(&self, head: &mut RequestHead) -> Result<Box<Exchange>, Failure> {
        let claim = self.first_claim(head).await?;
        let patience = self.patience(head, &claim, &[]);
        match self.attempt(claim, &mut head.parts, patience).await {
            Ok(exchange) if !self.retry().statuses.contains(&status(&exchange)) => Ok(exchange),
            // Out of the way: nearly no request comes here.
            outcome => Box::pin(self.go_on(head, outcome)).await,
        }
    }

    /// More attempts, as long as one fails in a way that another one may mend.
    async fn go_on(&self, head: &mut RequestHead, mut outcome: Outcome) -> Result<Box<Exchange>, Failure> {
        let mut used = Vec::new();
        for attempt in 1..=self.retry().attempts {
            let Some(next) = self.next(attempt, &outcome) else { break };
            used.push(Arc::clone(match &outcome {
                Ok(exchange) => exchange.backend(),
                Err(lost) => &lost.backend,
            }));
            if self.client.upstream.is_bound_within(next.pause)
                || !self.balancer.rule_out(&mut head.tried, &used)
            {
                break;
            }
            if !self.restore(&mut head.parts, &outcome) {
                break;
            }
            if !self.balancer.may_retry(self.deadlines.clock().now(), next.cost) {
                tracing::debug!(
                    event = "retry-budget-exhausted", pool = %self.balancer.pool().name,
                    "no retry: the budget is used up"
                );
                break;
            }
            if !next.pause.is_zero() {
                // A timer of its own: retries are few, and their pauses finer than the sweep of the deadlines.
                tokio::time::sleep(next.pause).await;
            }
            if !self.balancer.rule_out(&mut head.tried, &used) {
                break;
            }
            head.tried.attempt = attempt;
            // A retry doesn't queue: it was let in once, and its last failure is an answer, too.
            let Claimed::Backend(claim) = self.balancer.claim(head) else { break };
            self.balancer.pool().retry_budget().sent_again();
            self.log(attempt, &outcome, claim.backend());
            let patience = self.patience(head, &claim, &used);
            // Only now is it certain that the last response isn't needed.
            if let Some(response) = outcome.ok().and_then(Exchange::into_response) {
                response.into_body().discard().await;
            }
            outcome = self.attempt(claim, &mut head.parts, patience).await;
        }
        self.until_one_returns(head, outcome).await.map_err(|lost| self.failure(lost))
    }

    pub(super) fn retry(&self) -> &RetryLimits {
        &self.balancer.limits().retry
    }

    async fn attempt(&self, claim: Claim, head: &mut Parts, patience: Patience) -> Outcome {
        let mut exchange =
            Exchange::begin(claim, self.session, self.upload.clone(), self.authenticates, self.deadlines);
        match exchange.run(head, patience, || self.replay()).await {
            Ok(()) => Ok(exchange),
            Err(failed) => Err(Lost { backend: Arc::clone(exchange.backend()), failed }),
        }
    }

    /// How long an attempt at the claimed backend may take: shorter if others could follow.
    fn patience(&self, head: &mut RequestHead, claim: &Claim, used: &[Arc<Backend>]) -> Patience {
        let limits = self.balancer.limits();
        let full = Patience::Full(limits.response_timeout);
        let Some(per_try) = limits.retry.per_try_timeout else { return full };
        let used = [used, &[Arc::clone(claim.backend())]].concat();
        let others_could_follow = used.len() <= limits.retry.attempts as usize
            && forward::is_idempotent(&head.parts)
            && self.upload.can_be_repeated()
            && self.balancer.rule_out(&mut head.tried, &used);
        if others_could_follow { Patience::PerTry(per_try) } else { full }
    }

    /// Whether, and how, another attempt may follow this one.
    fn next(&self, attempt: u32, outcome: &Outcome) -> Option<Next> {
        let retry = self.retry();
        if !self.upload.can_be_repeated() || self.client.body_refusal(self.number).is_some() {
            return None;
        }
        let most = retry.backoff * 2_u32.saturating_pow(attempt - 1).min(MOST_BACKOFFS);
        let backoff = || self.balancer.jitter(most);
        match outcome {
            Ok(exchange) => {
                let response =
                    exchange.response().filter(|response| retry.statuses.contains(&response.status()))?;
                let pause = backoff().max(retry_after(response)?);
                Some(Next { pause, cost: RetryCost::Request })
            }
            Err(Lost { failed, .. }) => match (&failed.reached, &failed.error) {
                (Reached::Nothing, _) => {
                    let pause = if attempt == 1 { Duration::ZERO } else { backoff() };
                    Some(Next { pause, cost: RetryCost::Free })
                }
                (Reached::Backend, Error::Reset | Error::ResponseTimeout | Error::PerTryTimeout)
                | (Reached::Answer, Error::ResponseTimeout | Error::PerTryTimeout) => {
                    Some(Next { pause: backoff(), cost: RetryCost::Request })
                }
                _ => None,
            },
        }
    }

    /// Makes the head whole for another attempt, if it may be sent again. Where nothing of it was sent, it still is.
    fn restore(&self, head: &mut Parts, outcome: &Outcome) -> bool {
        if matches!(outcome, Err(Lost { failed, .. }) if failed.reached == Reached::Nothing) {
            return true;
        }
        let replayed = self.replay();
        let is_whole = replayed.is_some();
        if let Some(replayed) = replayed {
            *head = replayed;
        }
        is_whole
    }

    fn replay(&self) -> Option<Parts> {
        let spare = self.spare.as_deref().cloned();
        let mut parts = spare.or_else(|| self.client.replay(self.number))?;
        target::adopt(&mut parts, self.client.limits.path_normalization).ok()?;
        let found = Found::among(&parts.headers);
        let mut head = RequestHead::new(parts, self.client.peer.ip());
        forward::request_head(&mut head, self.client, self.upgrade, found);
        Some(head.parts)
    }

    /// A broken request body breaks the exchange, too; the client hears of its own fault.
    fn failure(&self, lost: Lost) -> Failure {
        let refusal = self.client.body_refusal(self.number);
        refusal.map_or(Failure::Upstream(lost.failed.error), Failure::Refused)
    }

    fn log(&self, attempt: u32, outcome: &Outcome, next: &Backend) {
        let (pool, next) = (&self.balancer.pool().name, &next.name);
        match outcome {
            Ok(exchange) => {
                let (backend, status) = (&exchange.backend().name, status(exchange).as_u16());
                tracing::debug!(event = "request-retried", %pool, attempt, %backend, status, %next, "retry");
            }
            Err(Lost { backend, failed }) => {
                let (backend, error) = (&backend.name, failed.error.label());
                tracing::debug!(event = "request-retried", %pool, attempt, %backend, error, %next, "retry");
            }
        }
    }
}

/// What a backend has answered.
fn status(exchange: &Exchange) -> StatusCode {
    exchange.response().map(Response::status).unwrap_or_default()
}

/// How long a response asks to wait; `None` if that is too long. A date is too long: it has whole seconds, and clocks
/// differ by as much.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let speaks = matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    let Some(value) = response.headers().get(header::RETRY_AFTER).filter(|_| speaks) else {
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
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&response)
        };
        assert_eq!(retry_after(&Response::new(())), Some(Duration::ZERO));
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
