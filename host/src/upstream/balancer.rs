//! A policy at work: a picker over a pool, on one worker.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::idle::IdleConnections;
use super::pool::{WorkerBackend, WorkerPool};
use crate::backend::{Backend, BackendIndex};
use crate::clock::Moment;
use crate::config::UpstreamLimits;
use crate::policy::{Kept, Pick, Picked, Picker};
use crate::pool::{Pool, RetryCost};
use crate::request::{RequestHead, Tried};

/// Picks from a pool. Several may pick from one pool, each with a policy of its own; they share the pool's connections
/// and see the same numbers.
#[derive(Debug)]
pub struct Balancer {
    pool: Rc<WorkerPool>,
    picker: RefCell<Picker>,
}

/// A backend claimed for one request, which is in flight for as long as this exists.
///
/// It rides in the response (or the upgraded connection), so every way in which a request can end ends the count.
#[derive(Debug)]
pub struct Claim {
    pub(super) balancer: Rc<Balancer>,
    claimed: Rc<WorkerBackend>,
    pub(super) picked: Picked,
    /// What the policy may ask for when it is told how this ended.
    pub(super) kept: Kept,
}

impl Balancer {
    /// Lets a picker pick from a pool.
    #[must_use]
    pub fn new(pool: Rc<WorkerPool>, picker: Picker) -> Self {
        Self { pool, picker: RefCell::new(picker) }
    }

    /// Asks the policy.
    pub fn pick(&self, head: &mut RequestHead) -> Pick {
        self.picker.borrow_mut().pick(head)
    }

    /// Timeouts and limits towards the backends.
    #[must_use]
    pub fn limits(&self) -> &UpstreamLimits {
        self.pool.limits()
    }

    /// The pool that all workers share.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        self.pool.pool()
    }

    /// Rules out the backends that a request has tried, by their names: indexes may have changed since. Whether any
    /// other is left.
    #[must_use]
    pub fn rule_out(&self, tried: &mut Tried, backends: &[Arc<Backend>]) -> bool {
        let mut picker = self.picker.borrow_mut();
        let topology = picker.current_topology();
        tried.rebase(topology.generation());
        let places = topology.backends().iter().zip(0..);
        for (_, index) in places.filter(|(backend, _)| backends.iter().any(|used| used.name == backend.name))
        {
            tried.insert(BackendIndex(index));
        }
        topology.offers(tried)
    }

    /// Whether the pool may repeat a request by its budget; counts the retry if so.
    #[must_use]
    pub fn may_retry(&self, now: Moment, cost: RetryCost) -> bool {
        let requests = self.picker.borrow().topology().stats().iter().map(|stats| stats.requests()).sum();
        self.pool().retry_budget().take(now, cost, requests, &self.limits().retry)
    }

    /// A random time up to `most`.
    #[must_use]
    pub fn jitter(&self, most: Duration) -> Duration {
        self.picker.borrow_mut().jitter(most)
    }

    /// The picker, for what isn't a pick.
    #[must_use]
    pub fn picker(&self) -> &RefCell<Picker> {
        &self.picker
    }

    /// Claims the backend of the last pick, for the request that it was made for.
    ///
    /// `None` if there is no such backend, which the picker's check of every verdict rules out.
    #[must_use]
    pub fn claim(self: &Rc<Self>, picked: Picked, head: &RequestHead) -> Option<Claim> {
        let picker = self.picker.borrow();
        let claimed = self.pool.backend(picker.topology(), picked.index)?;
        claimed.backend.stats.begin();
        Some(Claim { balancer: Rc::clone(self), claimed, picked, kept: picker.keep(picked, head) })
    }
}

impl Claim {
    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<Backend> {
        &self.claimed.backend
    }

    pub(super) fn idle(&self) -> &IdleConnections {
        &self.claimed.idle
    }

    pub(super) fn pool(&self) -> &WorkerPool {
        &self.balancer.pool
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.backend.stats.end();
    }
}
