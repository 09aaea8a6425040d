//! Waiting for a backend to return: what is left when none can be reached.

use std::sync::Arc;

use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::tried::Tried;
use pointsman_policy::Pick;

use super::{Attempts, MOST_BACKOFFS, Outcome};
use crate::insight::explanation::Next;
use crate::upstream::{Claim, Claimed, Error, FailedAttempt, Sent};

impl Attempts {
    /// Until when the request waits for a backend to return; `None` if it doesn't. The time begins when this is first asked.
    pub(in crate::proxy) fn waits_until(&self) -> Option<Moment> {
        let wait = self.retry().wait;
        if self.waits_until.get().is_none() && !wait.is_zero() {
            self.waits_until.set(Some(self.deadlines.after(wait)));
        }
        self.waits_until.get()
    }

    /// More attempts, as long as backends can't be reached, there is time to wait for one, and sending again is safe.
    pub(super) async fn until_one_returns(&self, mut outcome: Outcome) -> Outcome {
        let Some(until) = self.waits_until() else { return outcome };
        let mut used = Vec::new();
        let (tried, mut end) = (self.context.head().tried.attempt, None);
        for attempt in tried + 1.. {
            let Err(failed) = &outcome else { break };
            let plan = match self.retry_plan(attempt, &outcome) {
                Ok(plan) if self.is_away(failed) => plan,
                // What ended the attempts before these is known.
                _ if attempt == tried + 1 => break,
                plan => {
                    end = Some(plan.err().unwrap_or(Next::NotSafe));
                    break;
                }
            };
            used.push(Arc::clone(failed.backend.shared()));
            let now = self.deadlines.clock().now();
            if !self.restore(&outcome) {
                end = Some(Next::NotKept);
                break;
            }
            if !self.balancer.may_retry(now, plan.cost) {
                end = Some(Next::Budget);
                break;
            }
            let Some(claim) = self.claim_until(until, &mut used, attempt).await else {
                end = Some(Next::NoneReturned);
                break;
            };
            self.balancer.pool().retry_budget().sent_again();
            self.log(attempt, &outcome, claim.backend().shared());
            outcome = self.attempt(claim, &used).await;
        }
        if let Some(end) = end {
            self.end_with(end, &outcome);
        }
        outcome
    }

    /// Whether a backend failed an attempt because it wasn't there, or went away.
    fn is_away(&self, failed: &FailedAttempt) -> bool {
        match (failed.sent, &failed.error) {
            (Sent::Nothing, _) => true,
            (Sent::Request, Error::Reset) => self.retry().attempts > 0,
            _ => false,
        }
    }

    /// A backend for another attempt, after a pause; after several, while none may serve. `None` if the time is over, or too
    /// many wait. Those that were tried have their turn again once all were.
    async fn claim_until(&self, until: Moment, used: &mut Vec<Arc<Backend>>, attempt: u32) -> Option<Claim> {
        let _ticket = self.balancer.pool().queue().stand_by(self.balancer.limits().queue.length)?;
        let most = self.retry().backoff * 2_u32.saturating_pow(attempt - 1).min(MOST_BACKOFFS);
        loop {
            // Never none at all: an address that refuses connections answers at once.
            let pause = most / 2 + self.balancer.jitter(most / 2);
            if self.deadlines.after(pause) > until || self.is_over_within(pause) {
                return None;
            }
            tokio::time::sleep(pause).await;
            if self.has_one_backend() || !self.rule_out(used) {
                used.clear();
                self.context.head().tried = Tried::default();
            }
            match self.claim_again(attempt) {
                Claimed::Backend(claim) => return Some(claim),
                Claimed::AllFull | Claimed::NoPick(Pick::Unavailable) => {}
                Claimed::NoPick(_) => return None,
            }
        }
    }
}
