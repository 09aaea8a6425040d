//! How a request comes to a backend: at once, or after a wait in the pool's queue for one with room, or for one at all.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Duration;

use pointsman_core::request::RequestHead;
use pointsman_policy::Pick;

use super::Failure;
use super::retry::Attempts;
use crate::upstream::{self, Claim, Claimed};

/// How often a request asks for the one backend that may serve it.
const OWN_BACKEND_PAUSE: Duration = Duration::from_millis(10);

impl Attempts {
    /// The backend of the first attempt. A request that comes while others wait goes behind them.
    pub(super) async fn first_claim(&self) -> Result<Claim, Failure> {
        if !self.affinity.pinned.is_empty()
            && let Some(claim) = self.balancer.claim_pinned(&self.affinity.pinned, &mut self.context.head())
        {
            return Ok(claim);
        }
        let has_one_backend = self.has_one_backend();
        if has_one_backend || self.balancer.pool().queue().is_empty() {
            match self.claim(&mut self.context.head()) {
                Claimed::Backend(claim) => return Ok(claim),
                Claimed::NoPick(Pick::Unavailable) if self.waits_until().is_some() => {}
                Claimed::NoPick(pick) => return Err(no_backend(pick)),
                Claimed::AllFull => {}
            }
        }
        // Boxed: few requests wait, and all would have room for this.
        if has_one_backend { Box::pin(self.own_backend()).await } else { Box::pin(self.queue()).await }
    }

    /// Whether no backend but that of the client's session may serve.
    #[inline]
    pub(super) fn has_one_backend(&self) -> bool {
        self.affinity.session.as_ref().is_some_and(|session| session.is_strict(&self.balancer))
    }

    /// Waits for the one backend that may serve. Not in the queue's order: who waits there waits for any backend, and whoever stood at its head
    /// for one that is full would hold up all others while theirs have room.
    async fn own_backend(&self) -> Result<Claim, Failure> {
        let joined = self.deadlines.clock().now();
        self.context.record().times.began = Some(joined);
        let (queue, limits) = (self.balancer.pool().queue(), &self.balancer.limits().queue);
        let _ticket = queue.stand_by(limits.length).ok_or(Failure::QueueFull)?;
        let until_room = self.deadlines.after(limits.timeout);
        let claimed = loop {
            let (is_away, until) = match self.claim(&mut self.context.head()) {
                Claimed::Backend(claim) => break Ok(claim),
                Claimed::AllFull => (false, until_room),
                Claimed::NoPick(Pick::Unavailable) => match self.waits_until() {
                    Some(until) => (true, until),
                    None => break Err(Failure::NoBackend),
                },
                Claimed::NoPick(pick) => break Err(no_backend(pick)),
            };
            if self.is_over_within(OWN_BACKEND_PAUSE) {
                break Err(Failure::Upstream(upstream::Error::TotalTimeout));
            }
            if self.deadlines.after(OWN_BACKEND_PAUSE) > until {
                if !is_away {
                    queue.count_timeout();
                }
                break Err(if is_away { Failure::NoBackend } else { Failure::QueueTimeout });
            }
            tokio::time::sleep(OWN_BACKEND_PAUSE).await;
        };
        self.context.record().times.queued = Some(self.deadlines.clock().now().since(joined));
        claimed
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
