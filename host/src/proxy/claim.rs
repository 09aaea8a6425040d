//! How a request comes to a backend: at once, or after a wait in the pool's queue for one with room, or for one at all.

use std::future::poll_fn;
use std::task::{Poll, ready};

use pointsman_core::request::RequestHead;
use pointsman_policy::Pick;

use super::Failure;
use super::attempts::Attempts;
use crate::upstream::{self, Claim, Claimed};

impl Attempts<'_> {
    /// The backend of the first attempt. Whoever comes while others wait goes behind them.
    pub(super) async fn first_claim(&self, head: &mut RequestHead) -> Result<Claim, Failure> {
        if self.session.has_pinned()
            && let Some(claim) = self.balancer.claim_pinned(self.session, head)
        {
            return Ok(claim);
        }
        if self.balancer.pool().queue().is_empty() {
            match self.balancer.claim(head) {
                Claimed::Backend(claim) => return Ok(claim),
                Claimed::Not(Pick::Unavailable) if self.waits_until().is_some() => {}
                Claimed::Not(pick) => return Err(no_backend(pick)),
                Claimed::Full => {}
            }
        }
        self.queue(head).await
    }

    async fn queue(&self, head: &mut RequestHead) -> Result<Claim, Failure> {
        let (queue, limits) = (self.balancer.pool().queue(), &self.balancer.limits().queue);
        let place = queue.join(limits.length).ok_or(Failure::QueueFull)?;
        let deadline = &self.client.upstream;
        let until_room = self.deadlines.after(limits.timeout);
        let claimed = poll_fn(|cx| {
            // Asked now and not on arrival: the policy sees what there is to choose from.
            let nobody_serves = if place.is_first(cx) {
                match self.balancer.claim(head) {
                    Claimed::Backend(claim) => return Poll::Ready(Ok(claim)),
                    Claimed::Not(Pick::Unavailable) if self.waits_until().is_some() => true,
                    Claimed::Not(pick) => return Poll::Ready(Err(no_backend(pick))),
                    Claimed::Full => false,
                }
            } else {
                !self.retry().wait.is_zero() && self.balancer.has_nobody()
            };
            let until = if nobody_serves { self.waits_until() } else { None };
            deadline.set_at(until.unwrap_or(until_room));
            ready!(deadline.poll(cx));
            if deadline.is_out_of_bound() {
                return Poll::Ready(Err(Failure::Upstream(upstream::Error::TotalTimeout)));
            }
            if nobody_serves {
                return Poll::Ready(Err(Failure::NoBackend));
            }
            queue.count_timeout();
            Poll::Ready(Err(Failure::QueueTimeout))
        })
        .await;
        deadline.clear();
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
