//! How a request comes to a backend: at once, or after a wait in the pool's queue for one with room, or for one at all.

use std::future::poll_fn;
use std::task::{Poll, ready};

use pointsman_core::request::RequestHead;
use pointsman_policy::Pick;

use super::Failure;
use super::retry::Attempts;
use crate::upstream::{self, Claim, Claimed};

impl Attempts {
    /// The backend of the first attempt. A request that comes while others wait goes behind them.
    pub(super) async fn first_claim(&self) -> Result<Claim, Failure> {
        if !self.affinity.pinned.is_empty()
            && let Some(claim) = self.balancer.claim_pinned(&self.affinity.pinned, &mut self.context.head())
        {
            return Ok(claim);
        }
        if self.balancer.pool().queue().is_empty() {
            match self.claim(&mut self.context.head()) {
                Claimed::Backend(claim) => return Ok(claim),
                Claimed::NoPick(Pick::Unavailable) if self.waits_until().is_some() => {}
                Claimed::NoPick(pick) => return Err(no_backend(pick)),
                Claimed::AllFull => {}
            }
        }
        // Boxed: few requests wait, and all would have room for this.
        Box::pin(self.queue()).await
    }

    /// Claims the backend of the request's session, or else the one that the policy picks.
    #[inline]
    pub(super) fn claim(&self, head: &mut RequestHead) -> Claimed {
        match &self.affinity.session {
            None => self.balancer.claim(head),
            Some(session) => session.claim(&self.balancer, head),
        }
    }

    async fn queue(&self) -> Result<Claim, Failure> {
        let joined = self.deadlines.clock().now();
        self.context.record().times.began = Some(joined);
        let (queue, limits) = (self.balancer.pool().queue(), &self.balancer.limits().queue);
        let before = queue.len();
        let ticket = queue.join(limits.length).ok_or(Failure::QueueFull)?;
        if let Some(picks) = &mut self.context.head().picks {
            picks.queue_place = Some(before);
        }
        let deadline = self.context.deadline(&self.deadlines);
        let until_room = self.deadlines.after(limits.timeout);
        let claimed = poll_fn(|cx| {
            // Asked now and not on arrival: the policy sees what there is to choose from.
            let nobody_serves = if ticket.is_first(cx) {
                match self.claim(&mut self.context.head()) {
                    Claimed::Backend(claim) => return Poll::Ready(Ok(claim)),
                    Claimed::NoPick(Pick::Unavailable) if self.waits_until().is_some() => true,
                    Claimed::NoPick(pick) => return Poll::Ready(Err(no_backend(pick))),
                    Claimed::AllFull => false,
                }
            } else {
                !self.retry().wait.is_zero() && self.balancer.has_nobody()
            };
            let until = if nobody_serves { self.waits_until() } else { None };
            deadline.set_at(until.unwrap_or(until_room));
            ready!(deadline.poll(cx));
            if deadline.is_past_cap() {
                return Poll::Ready(Err(Failure::Upstream(upstream::Error::TotalTimeout)));
            }
            if nobody_serves {
                return Poll::Ready(Err(Failure::NoBackend));
            }
            queue.count_timeout();
            Poll::Ready(Err(Failure::QueueTimeout))
        })
        .await;
        self.context.record().times.queued = Some(self.deadlines.clock().now().since(joined));
        claimed
    }
}

fn no_backend(pick: Pick) -> Failure {
    match pick {
        Pick::Reject(status) => Failure::PolicyReject(status),
        Pick::Failed => Failure::PolicyFault,
        Pick::Backend(_) | Pick::Unavailable => Failure::NoBackend,
    }
}
