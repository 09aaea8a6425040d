//! A policy at work: a picker over a pool, on one worker.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::{Backend, BackendIndex};
use pointsman_core::clock::Moment;
use pointsman_core::picks::{Chosen, NotAsked};
use pointsman_core::pool::UpstreamLimits;
use pointsman_core::pool::{Pool, RetryCost};
use pointsman_core::record::Choice;
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;
use pointsman_core::tried::Tried;
use pointsman_policy::{Pick, Picked, Picker};

use super::claim::{Bound, Claim, Claimed};
use super::pinned::PinnedConnections;
use super::pool::WorkerPool;
use crate::sticky::{Mark, Presented, Sticky};

/// Picks from a pool. Several may pick from one pool, each with its own policy; they share the pool's connections and see the
/// same numbers.
#[derive(Debug)]
pub struct Balancer {
    pool: Rc<WorkerPool>,
    /// Shared by the balancers of all configurations in which the policy serves.
    picker: Rc<RefCell<Picker>>,
    /// The last topology of its configuration, once another one serves.
    past: OnceCell<Arc<Topology>>,
}

impl Balancer {
    /// Lets a picker pick from a pool.
    #[must_use]
    pub fn new(pool: Rc<WorkerPool>, picker: Rc<RefCell<Picker>>) -> Self {
        Self { pool, picker, past: OnceCell::new() }
    }

    /// Asks the policy for a backend, and claims it. If that is full, the policy is asked once more with that one ruled out; if
    /// it picks no other one with room, any backend with room is claimed.
    #[must_use]
    pub fn claim(&self, head: &mut RequestHead) -> Claimed {
        match self.pick(head) {
            Pick::Backend(picked) => match self.try_claim(picked, head) {
                Some(claim) => Claimed::Backend(claim),
                None => self.claim_elsewhere(picked, head),
            },
            other => Claimed::NoPick(other),
        }
    }

    /// Claims the backend to which a client has a connection of its own, without asking the policy: the client's next request
    /// has to go over it.
    #[cold]
    pub fn claim_pinned(&self, pinned: &PinnedConnections, head: &mut RequestHead) -> Option<Claim> {
        if self.past.get().is_some() {
            return None;
        }
        let pinned = pinned.backend_of(self.pool())?;
        let picked = {
            let mut picker = self.picker.borrow_mut();
            let topology = picker.current_topology();
            let is_pinned =
                |known: &Arc<Backend>| known.name == pinned.name && known.address == pinned.address;
            let index = topology.backends().iter().position(is_pinned)?;
            let index = BackendIndex(u32::try_from(index).ok()?);
            head.tried.rebase(topology.generation());
            let picked = topology.is_eligible(index).then(|| Picked::without_policy(index, topology))?;
            picker.record_unasked(picker.topology(), head, NotAsked::Pinned);
            picked
        };
        self.try_claim(picked, head)
    }

    /// The session that a request belongs to, if the pool's clients have some.
    pub fn session(&self, head: &RequestHead) -> Option<Presented> {
        let sticky = self.pool.sticky()?;
        Some(sticky.presented(&head.parts.headers, self.picker.borrow_mut().current_topology()))
    }

    /// Claims the backend to which a client's session is bound, without asking the policy; it may observe the response all the same.
    pub fn claim_bound(&self, sticky: &Sticky, mark: Mark, head: &mut RequestHead) -> Bound {
        let picked = {
            let mut picker = self.picker.borrow_mut();
            let topology = match self.past.get() {
                None => picker.current_topology(),
                Some(topology) => topology,
            };
            head.tried.rebase(topology.generation());
            let place = sticky.place(mark, topology).filter(|index| topology.keeps_sessions(*index));
            let Some(index) = place.filter(|index| !head.tried.contains(*index)) else { return Bound::Unfit };
            picker.pick_bound(index, self.past.get(), head)
        };
        self.try_claim(picked, head).map_or(Bound::Full, Bound::Claimed)
    }

    #[cold]
    fn claim_elsewhere(&self, picked: Picked, head: &mut RequestHead) -> Claimed {
        let before = head.tried.clone();
        head.tried.insert(picked.index);
        let claimed = match self.pick(head) {
            Pick::Backend(picked) => match self.try_claim(picked, head) {
                Some(claim) => Claimed::Backend(claim),
                None => self.claim_with_room(head),
            },
            Pick::Unavailable => Claimed::AllFull,
            other => Claimed::NoPick(other),
        };
        // A backend that was found full counts as unused: it may have room the next time.
        head.tried = before;
        claimed
    }

    fn claim_with_room(&self, head: &mut RequestHead) -> Claimed {
        let capacity = self.limits().capacity();
        loop {
            let picked = {
                let mut picker = self.picker.borrow_mut();
                match self.past.get() {
                    None => picker.pick_with_room(head, capacity),
                    // A full backend is ruled out when it can't be claimed.
                    Some(topology) => picker.pick_in(topology, head),
                }
            };
            let Pick::Backend(picked) = picked else { return Claimed::AllFull };
            if let Some(claim) = self.try_claim(picked, head) {
                return Claimed::Backend(claim);
            }
            // Another request was faster; with each round there is one backend less.
            head.tried.insert(picked.index);
        }
    }

    /// Asks the policy. A retry after a reload that has changed the pool uses the backends that the request began with, which
    /// the policy no longer knows.
    fn pick(&self, head: &mut RequestHead) -> Pick {
        let mut picker = self.picker.borrow_mut();
        match self.past.get() {
            None => picker.pick(head),
            Some(topology) => picker.pick_in(topology, head),
        }
    }

    /// Another configuration serves, in which the pool is another one; this was its topology until now.
    pub fn retire(&self, topology: Arc<Topology>) {
        // It can happen only once: the next configuration has its own balancer.
        let _ = self.past.set(topology);
    }

    /// The pool that is picked from, as this worker sees it.
    #[must_use]
    pub fn worker_pool(&self) -> &Rc<WorkerPool> {
        &self.pool
    }

    /// Claims the backend of the last pick, for the request that it was made for; `None` if it is full.
    fn try_claim(&self, picked: Picked, head: &mut RequestHead) -> Option<Claim> {
        let picker = self.picker.borrow();
        let claimed = match self.past.get() {
            None => self.pool.backend(picker.topology(), picked.index)?,
            Some(topology) => self.pool.past_backend(topology, picked.index)?,
        };
        let topology = self.past.get().unwrap_or_else(|| picker.topology()).generation();
        let backend = claimed.backend.shared();
        let begun = backend.stats.try_begin(self.most_at(backend));
        if let Some(picks) = &mut head.picks {
            picks.choose(Chosen { index: picked.index, by: picked.chosen_by, had_room: begun });
        }
        begun.then(|| Claim {
            pool: Rc::clone(&self.pool),
            claimed,
            picker: Rc::clone(&self.picker),
            picked,
            choice: Choice { by: picked.chosen_by, policy: picker.label(picked), topology },
            observed: picker.keep(picked, head),
        })
    }

    /// Requests that a backend may have at a time. For those of a configuration before, too, that is what it may have now: they
    /// wait in one line with later ones.
    #[inline]
    fn most_at(&self, backend: &Backend) -> u64 {
        match self.past.get() {
            None => self.limits().capacity().of(backend.limits),
            Some(_) => self.most_by_now(backend),
        }
    }

    #[cold]
    fn most_by_now(&self, backend: &Backend) -> u64 {
        match self.pool().limits_of(&backend.name) {
            Some(limits) => self.pool().capacity().of(limits),
            // It is none of the pool's any more.
            None => self.limits().capacity().of(backend.limits),
        }
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
        let topology = match self.past.get() {
            None => picker.current_topology(),
            Some(topology) => topology,
        };
        tried.rebase(topology.generation());
        let places = topology.backends().iter().zip(0..);
        for (_, index) in places.filter(|(backend, _)| backends.iter().any(|used| used.name == backend.name))
        {
            tried.insert(BackendIndex(index));
        }
        topology.offers(tried) || topology.offers_backup(tried)
    }

    /// Whether no backend may serve at the moment.
    #[must_use]
    pub fn has_nobody(&self) -> bool {
        match self.past.get() {
            None => self.picker.borrow_mut().current_topology().eligible() == 0,
            Some(topology) => topology.eligible() == 0,
        }
    }

    /// Whether the pool may repeat a request by its budget; counts the retry if so.
    #[must_use]
    pub fn may_retry(&self, now: Moment, cost: RetryCost) -> bool {
        let picker = self.picker.borrow();
        let requests = picker.topology().stats().iter().map(|stats| stats.requests()).sum();
        self.pool().retry_budget().take(now, cost, requests, &self.limits().retry)
    }

    /// A random time up to `most`.
    #[must_use]
    pub fn jitter(&self, most: Duration) -> Duration {
        self.picker.borrow_mut().jitter(most)
    }

    /// The picker, for what isn't a pick.
    #[must_use]
    pub fn picker(&self) -> &Rc<RefCell<Picker>> {
        &self.picker
    }
}
