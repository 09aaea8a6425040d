//! A policy at work: a picker over a pool, on one worker.

use std::cell::RefCell;
use std::rc::Rc;

use super::idle::IdleConnections;
use super::pool::{WorkerBackend, WorkerPool};
use crate::backend::Backend;
use crate::policy::{Kept, Pick, Picked, Picker};
use crate::request::RequestHead;

/// Picks from a pool. Several may pick from one pool, each with a policy of its own; they share the pool's connections
/// and see the same numbers.
#[derive(Debug)]
pub struct Balancer {
    pool: Rc<WorkerPool>,
    /// Shared by the balancers of all configurations in which the policy serves.
    picker: Rc<RefCell<Picker>>,
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
    pub fn new(pool: Rc<WorkerPool>, picker: Rc<RefCell<Picker>>) -> Self {
        Self { pool, picker }
    }

    /// Asks the policy.
    pub fn pick(&self, head: &mut RequestHead) -> Pick {
        self.picker.borrow_mut().pick(head)
    }

    /// The pool that is picked from.
    #[must_use]
    pub fn pool(&self) -> &Rc<WorkerPool> {
        &self.pool
    }

    /// The picker, for what isn't a pick.
    #[must_use]
    pub fn picker(&self) -> &Rc<RefCell<Picker>> {
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
    pub(super) fn backend(&self) -> &Backend {
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
