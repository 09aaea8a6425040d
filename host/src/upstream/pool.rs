//! A pool as one worker sees it: its backends, and this worker's connections to them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::idle::IdleConnections;
use crate::backend::{Backend, BackendIndex};
use crate::clock::Moment;
use crate::config::UpstreamLimits;
use crate::pool::Pool;
use crate::topology::Topology;

/// A pool with one worker's connections.
#[derive(Debug)]
pub struct WorkerPool {
    pool: Arc<Pool>,
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

impl WorkerPool {
    /// A pool without connections, on one of so many workers.
    #[must_use]
    pub fn new(pool: Arc<Pool>, workers: usize) -> Self {
        let idle_limit = pool.limits.idle_connections.div_ceil(workers.max(1));
        Self { pool, backends: RefCell::default(), idle_limit }
    }

    /// The pool that all workers share.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Timeouts and limits towards the backends.
    #[must_use]
    pub fn limits(&self) -> &UpstreamLimits {
        &self.pool.limits
    }

    /// The backend at an index of a topology.
    pub(super) fn backend(&self, topology: &Topology, index: BackendIndex) -> Option<Rc<WorkerBackend>> {
        let mut backends = self.backends.borrow_mut();
        if backends.generation != Some(topology.generation()) {
            let kept = std::mem::take(&mut backends.all);
            backends.generation = Some(topology.generation());
            backends.all =
                topology.backends().iter().map(|backend| Rc::new(self.adopt(backend, &kept))).collect();
        }
        backends.all.get(index.get()).map(Rc::clone)
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
            backend.idle.prune(now, self.limits().idle_connection_timeout);
        }
    }
}
