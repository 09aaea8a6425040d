//! A pool as one worker sees it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::idle::IdleConnections;
use crate::backend::Backend;
use crate::clock::Moment;
use crate::policy::{Pick, Picked, Picker};
use crate::pool::Pool;
use crate::request::RequestHead;

/// A pool's policy instance and upstream connections of one worker.
#[derive(Debug)]
pub struct WorkerPool {
    pool: Arc<Pool>,
    picker: RefCell<Picker>,
    backends: RefCell<Backends>,
    /// Idle connections kept per backend by this worker: its share of the pool's limit.
    idle_limit: usize,
}

/// The backends of a topology, in their places.
#[derive(Debug, Default)]
struct Backends {
    generation: Option<u64>,
    all: Vec<Rc<WorkerBackend>>,
}

/// A backend as one worker sees it.
#[derive(Debug)]
pub(super) struct WorkerBackend {
    pub(super) backend: Arc<Backend>,
    pub(super) idle: Rc<IdleConnections>,
}

/// A backend claimed for one request, which is in flight for as long as this exists.
///
/// It rides in the response (or the upgraded connection), so every way in which a request can end ends the count.
#[derive(Debug)]
pub struct Claim {
    pub(super) pool: Rc<WorkerPool>,
    pub(super) picked: Picked,
    claimed: Rc<WorkerBackend>,
}

impl WorkerPool {
    /// A pool with this worker's picker.
    #[must_use]
    pub fn new(pool: Arc<Pool>, picker: Picker, workers: usize) -> Self {
        let idle_limit = pool.limits.idle_connections.div_ceil(workers.max(1));
        Self { pool, picker: RefCell::new(picker), backends: RefCell::default(), idle_limit }
    }

    /// The pool that all workers share.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Asks the policy.
    pub fn pick(&self, head: &mut RequestHead) -> Pick {
        self.picker.borrow_mut().pick(head)
    }

    /// The picker, for what isn't a pick.
    #[must_use]
    pub fn picker(&self) -> &RefCell<Picker> {
        &self.picker
    }

    /// Claims the backend of a pick.
    ///
    /// `None` if there is no such backend, which the picker's check of every verdict rules out.
    #[must_use]
    pub fn claim(self: &Rc<Self>, picked: Picked) -> Option<Claim> {
        let claimed = self.backend(&picked)?;
        claimed.backend.stats.begin();
        Some(Claim { pool: Rc::clone(self), picked, claimed })
    }

    fn backend(&self, picked: &Picked) -> Option<Rc<WorkerBackend>> {
        let picker = self.picker.borrow();
        let topology = picker.topology();
        let mut backends = self.backends.borrow_mut();
        if backends.generation != Some(topology.generation()) {
            let kept = std::mem::take(&mut backends.all);
            backends.generation = Some(topology.generation());
            backends.all =
                topology.backends().iter().map(|backend| Rc::new(self.adopt(backend, &kept))).collect();
        }
        backends.all.get(picked.index.get()).map(Rc::clone)
    }

    /// Connections outlive a topology as long as their backend keeps its name and address.
    fn adopt(&self, backend: &Arc<Backend>, kept: &[Rc<WorkerBackend>]) -> WorkerBackend {
        let idle = kept
            .iter()
            .find(|old| old.backend.name == backend.name && old.backend.address == backend.address)
            .map_or_else(|| Rc::new(IdleConnections::new(self.idle_limit)), |old| Rc::clone(&old.idle));
        WorkerBackend { backend: Arc::clone(backend), idle }
    }

    /// Closes connections that have been idle for too long, or that their backend has closed.
    pub fn prune(&self, now: Moment) {
        for backend in &self.backends.borrow().all {
            backend.idle.prune(now, self.pool.limits.idle_connection_timeout);
        }
    }
}

impl Claim {
    pub(super) fn backend(&self) -> &Backend {
        &self.claimed.backend
    }

    pub(super) fn idle(&self) -> &IdleConnections {
        &self.claimed.idle
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.backend.stats.end();
    }
}
